"""Random streams of their own, and ids drawn from them: the same on every machine.

Explained in book/01_reading_a_radiograph.
"""

import hashlib

import numpy as np


def stream(*key: object) -> np.random.Generator:
    """Return a random stream of its own for any key, the same on every machine."""
    name = repr(key).encode()
    hashed = hashlib.blake2b(name, digest_size=8)
    seed = int.from_bytes(hashed.digest(), "big")
    return np.random.default_rng(seed)


def random_ids(
    rng: np.random.Generator,
    n: int,
    first: str,
) -> list[str]:
    """Return `n` different random numbers of 8 digits that begin with `first`, in no order."""
    numbers = rng.choice(10_000_000, size=n, replace=False)
    return [f"{first}{number:07d}" for number in numbers]


def dicom_id(rng: np.random.Generator) -> str:
    """Return 40 hexadecimal digits in five dashed groups, as in MIMIC-CXR."""
    groups = [rng.bytes(4).hex() for _ in range(5)]
    return "-".join(groups)
