"""What every test starts with."""

import os

import pytest

from txtray_utils import guard


@pytest.fixture(autouse=True)
def nothing_met():
    """Forget which credentialed sources earlier tests have read, and their strict file modes."""
    usual = os.umask(0o022)
    os.umask(usual)
    guard.met.clear()
    yield
    guard.met.clear()
    os.umask(usual)
