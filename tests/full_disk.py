"""A disk that is full for the files of this process, to see what a writer leaves behind."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager

LARGEST = 10_000  # bytes of a file


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond LARGEST bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
