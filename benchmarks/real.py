"""Train every recipe on virtual films, on real ones and on both, test them on real films, and write
book/results/real.json.

    python benchmarks/real.py                        every part but the tower; wants
                                                     the films of data/download.sh openi
    python benchmarks/real.py --only recipes         one part: or curve, transfer, anatomies,
                                                     style, tower
    python benchmarks/real.py --only transfer --before FOLDER   the virtual films of an earlier
                                                     version; else demo-before of the data folder
    python benchmarks/real.py --only tower           an EfficientNet-Lite0 from ImageNet's weights;
                                                     wants the optional package that
                                                     align/imagenet.py names, and hours on a CPU;
                                                     a GPU is used where there is one
    python benchmarks/real.py --choose best          (or txtrayalign) settings by the rule in
                                                     real_choice.py, on validation patients
    python benchmarks/real.py --choose strength      the same for the strength of randomisation
    python benchmarks/real.py --quick                one seed and a tenth of the steps; writes to
                                                     another folder

Models are kept (`align.trained`), and each part writes as it goes, so a run that was cut short goes
on where it stopped. Truth of the AUC and of the average precision: the human MeSH codes, for the
findings named in real_data.py; of the F1: the labels of the reports. Explained in
book/06_simulated_and_real."""

import logging
from collections.abc import Sequence
from pathlib import Path

from measuring import choose_quick, command_line, report
from real_answers import BASELINES, RECIPE_NAMES, Answer, answers
from real_choice import choose, choose_strength
from real_curve import TOWERS, curve, tower, transfer
from real_data import SOURCES, Films, films, training
from real_gap import anatomies, style
from real_scores import SCORES, by_seed, chances, difference, scored

from txtray_utils.results import Result, write_results
from txtray_utils.settings import data_dir, settings

PARTS = ("recipes", "curve", "transfer", "anatomies", "style", "tower")
SEEDS = 3
NAMES = (*BASELINES, *RECIPE_NAMES, "supervised")
RIVALS = ("txtrayalign", "clip", "parrot", "always_normal", "supervised")
# Rows that are no headline have one seed.
ONCE = {
    ("supervised", "real"),
    ("supervised", "both"),
    ("clip", "both"),
    ("txtrayalign", "both"),
}


def recipes(seeds: Sequence[int]) -> dict[str, Result]:
    """Train and test every recipe, the reference and every baseline on every training set."""
    asked = films("real", "test")
    results = chances(asked.asked)
    best = {}
    for on in SOURCES:
        taught = training(on)
        count = len(taught.studies)
        results[f"training.{on}"] = Result(count, count, "studies", f"trained on: {on}")
        found = {}
        for name in NAMES:
            some = seeds[:1] if (name, on) in ONCE else seeds
            found[name] = answers(name, taught, asked, some)
            results |= scored(asked.asked, found[name], f"{name}.{on}")
            if name not in BASELINES:
                results |= by_seed(asked.asked, found[name], f"{name}.{on}")
            write_results("real", results)
        results[f"supervised.{on}"] = results[f"zero_shot_auc.supervised.{on}"]
        results |= over_rivals(asked, found, on)
        best[on] = found["best"]
    for score in SCORES:
        for other in ("real", "virtual"):
            what = f"best trained on both less trained on {other}"
            key = f"{score}.both_over_{other}.best"
            results[key] = difference(score, asked.asked, best["both"], best[other], what)
    return results


def over_rivals(asked: Films, found: dict[str, list[Answer]], on: str) -> dict[str, Result]:
    """Return how far the best recipe is above each rival in each score."""
    results = {}
    for score in SCORES:
        for rival in RIVALS:
            if (score, rival) == ("as_report_f1", "supervised"):
                continue  # the reference always names two findings, so it cannot say normal
            ours, theirs = found["best"], found[rival]
            if (rival, on) in ONCE:
                ours = ours[: len(theirs)]
            what = f"best less {rival}, trained on {on}, {len(ours)} seeds"
            key = f"{score}.best_over_{rival}.{on}"
            results[key] = difference(score, asked.asked, ours, theirs, what)
    return results


def towers(seeds: Sequence[int]) -> dict[str, Result]:
    """Train and test the towers of an experiment; all seeds on both, one seed else."""
    results = {}
    for name in TOWERS:
        for on in SOURCES:
            several = seeds if on == "both" else seeds[:1]
            results |= tower(name, on, several)
            write_results("real", results)
    return results


def earlier(folder: str | None) -> Path:
    """Return the folder of the virtual films of an earlier version.

    Raises:
        SystemExit: it is not given, or not there.
    """
    place = Path(folder or data_dir("demo-before"))
    if not place.is_dir():
        raise SystemExit(f"{place}: is no folder. Give another by --before.")
    return place


def _every(before: str | None) -> Sequence[str]:
    """Return all parts but the tower; without `transfer` where no earlier films are."""
    parts = list(PARTS[:-1])
    if not before and not data_dir("demo-before").is_dir():
        print("transfer is left out: the virtual films of an earlier version are not here")
        parts.remove("transfer")
    return parts


def main() -> None:
    """Run what was asked for and write the results."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = command_line(__doc__, "one seed and a tenth of the steps")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--before", help="virtual films of an earlier version, a folder")
    choices = ("best", "txtrayalign", "strength")
    parser.add_argument("--choose", choices=choices, help="score settings on validation patients")
    asked = parser.parse_args()
    if asked.quick:
        choose_quick()
    if asked.choose:
        found = choose_strength() if asked.choose == "strength" else choose(asked.choose)
        report("real_tuning", found)
        return
    seeds = range(1 if settings().quick else SEEDS)
    for part in (asked.only,) if asked.only else _every(asked.before):
        if part == "recipes":
            report("real", recipes(seeds))
        elif part == "curve":
            report("real", curve(seeds))
        elif part == "transfer":
            report("real", transfer(earlier(asked.before), seeds))
        elif part == "anatomies":
            report("real", anatomies(seeds[:1]))
        elif part == "style":
            report("real", style(seeds[:1]))
        else:
            report("real", towers(seeds))


if __name__ == "__main__":
    main()
