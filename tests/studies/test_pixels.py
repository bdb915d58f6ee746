"""Masks and images survive being packed."""

import datasets
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from txtray_utils.studies.pixels import encode_png, pack_mask, pixels, unpack_mask


@given(arrays.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_mask_survives_packing(mask):
    back = unpack_mask(pack_mask(mask))
    assert back.dtype == bool and np.array_equal(back, mask)


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16]), st.tuples(st.integers(1, 20), st.integers(1, 20))
    ),
)
def test_pixels_are_the_stored_values_over_full_scale(values):
    image = datasets.Image().decode_example({"bytes": encode_png(values), "path": None})
    found = pixels(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, values / np.iinfo(values.dtype).max, atol=1e-7)
