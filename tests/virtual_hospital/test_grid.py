"""The working grid lies where the scan lies."""

from virtual_hospital.grid import axes


def test_axes_are_centred_on_the_scan():
    x, y, z = axes((304, 72, 157))
    assert abs(x[0] + x[-1]) < 1e-3 and abs(z[0] + z[-1]) < 1e-3 and y[0] < -100 and y[-1] > 100
