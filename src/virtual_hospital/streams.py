"""Random streams of their own, and ids drawn from them: the same on every machine.

Explained in book/01_reading_a_radiograph.
"""

import hashlib

import numpy as np


def stream(*key: object) -> np.random.Generator:
    """Return a random stream of its own for any key, the same on every machine."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def random_ids(rng: np.random.Generator, n: int, first: str) -> list[str]:
    """Return `n` different random numbers of 8 digits that begin with `first`, in no order."""
    numbers = rng.choice(10_000_000, size=n, replace=False)
    return [f"{first}{number:07d}" for number in numbers]


def dicom_id(rng: np.random.Generator) -> str:
    """Return 40 hexadecimal digits in five dashed groups, as in MIMIC-CXR."""
    return "-".join(rng.bytes(4).hex() for _ in range(5))
