"""The slice between two shows what moves half-way, once."""

import numpy as np

from virtual_hospital.slices import between, twice_the_slices


def _ball(x, y):
    across, along = np.indices((64, 64), dtype=np.float32)
    away = np.hypot(across - x, along - y)
    return np.where(away < 7, 300, -900).astype(np.float32)


def test_what_moves_lies_half_way_and_is_not_seen_twice():
    middle = between(_ball(28, 32), _ball(34, 32))
    plain = (_ball(28, 32) + _ball(34, 32)) / 2
    wanted = _ball(31, 32)
    assert np.abs(middle - wanted).mean() < 0.4 * np.abs(plain - wanted).mean()


def test_slices_that_are_alike_give_the_same_again():
    scan = np.repeat(_ball(30, 30)[:, :, None], 3, 2)
    fine = twice_the_slices(scan)
    assert fine.shape == (64, 64, 5)
    np.testing.assert_allclose(fine[:, :, 1], scan[:, :, 0], atol=1)
    assert (fine[:, :, ::2] == scan).all()
