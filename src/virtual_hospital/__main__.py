"""Make a virtual hospital from the command line: python -m virtual_hospital --help."""

import argparse
import logging
import sys
from pathlib import Path

from txtray_utils.errors import InputError
from txtray_utils.settings import data_dir, settings
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.hospital import make_hospital


def main() -> int:
    """Parse the command line, make the cohort, say where it is."""
    now = settings()
    parser = argparse.ArgumentParser(
        prog="python -m virtual_hospital",
        description="Make a virtual hospital: simulated chest films with their exact truth, real "
        "Open-i reports and simulated records, in the folders of MIMIC-CXR and MIMIC-IV. No "
        "download, no credentials.",
    )
    parser.add_argument(
        "--out", type=Path, default=data_dir("demo"), help="folder to write to (%(default)s)"
    )
    parser.add_argument(
        "--studies", type=int, default=now.studies, help="how many studies, 6 or more (%(default)s)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=now.seed,
        help="the same seed gives the same bytes (%(default)s)",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes, 1 or more (%(default)s)")
    parser.add_argument(
        "--shortcut",
        choices=FINDINGS,
        help="plant a shortcut: burn a word into this finding's films",
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        made = make_hospital(args.out, args.studies, args.seed, args.workers, args.shortcut)
    except (InputError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.studies} simulated studies in {made}. Nothing in it is a medical device.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
