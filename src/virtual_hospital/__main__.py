"""Make a virtual hospital from the command line: python -m virtual_hospital --help."""

import argparse
import logging
import sys
from pathlib import Path

from txtray_utils.errors import InputError
from txtray_utils.settings import data_dir, settings
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.anatomies import ANATOMIES
from virtual_hospital.cues import ANY, CUES, Cue
from virtual_hospital.hospital import make_hospital


def main() -> int:
    """Parse the command line, make the cohort, say where it is."""
    parser = command_line()
    args = parser.parse_args()
    if (args.cue is None) != (args.finding is None):
        parser.error("--cue and --finding go together")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        cue = None
        if args.cue:
            cue = Cue(args.cue, args.finding, args.share, args.elsewhere)
        made = make_hospital(
            args.out,
            args.studies,
            args.seed,
            args.workers,
            cue,
            anatomy=args.anatomy,
        )
    except (InputError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.studies} simulated studies in {made}. Nothing in it is a medical device.")
    return 0


def command_line() -> argparse.ArgumentParser:
    """Return what reads the command line."""
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
        "--cue",
        choices=CUES,
        help="plant a shortcut: a word burnt in, a chest drain, or AP views, where --finding is",
    )
    parser.add_argument(
        "--finding", choices=(*FINDINGS, ANY), help="whose films carry the cue; any: the sick"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="of its films that carry it (%(default)s)"
    )
    parser.add_argument(
        "--elsewhere", type=float, default=0.0, help="of the others that do (%(default)s)"
    )
    parser.add_argument(
        "--anatomy", choices=ANATOMIES, help="give all patients this chest (else each has his own)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
