"""Borders stay at the border, markers in their corner."""

import numpy as np

from virtual_hospital.plate import WIDEST, lay_border, lay_marker

SIZE = 200


def test_a_border_leaves_the_middle_as_it_is_and_shows_on_some_films():
    shown = 0
    for seed in range(40):
        tone = np.full((SIZE, SIZE), 0.5)
        lay_border(tone, np.random.default_rng(seed))
        edge = int(3 * WIDEST * SIZE)
        assert np.allclose(tone[edge:-edge, edge:-edge], 0.5, atol=1e-3)
        shown += np.abs(tone - 0.5).max() > 0.1
    assert 8 < shown < 28


def test_a_marker_lies_above_a_shoulder_and_varies():
    corners = []
    for seed in range(30):
        tone = np.zeros((SIZE, SIZE))
        lay_marker(tone, np.random.default_rng(seed), "PA", None)
        if tone.any():
            row, column = np.argwhere(tone > 0).mean(0)
            assert row < 0.25 * SIZE
            assert column < 0.25 * SIZE or column > 0.75 * SIZE
            corners.append(column > SIZE / 2)
    assert 20 < len(corners) and 0.2 < np.mean(corners) < 0.8


def test_a_burnt_text_is_always_there_and_takes_no_other_random_number():
    for seed in range(20):
        rngs = [np.random.default_rng(seed) for _ in range(2)]
        tones = [np.zeros((SIZE, SIZE)) for _ in range(2)]
        for rng, tone, text in zip(rngs, tones, (None, "X9"), strict=True):
            lay_marker(tone, rng, "PA", text)
        assert tones[1].any()
        assert rngs[0].random() == rngs[1].random()
