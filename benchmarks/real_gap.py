"""Which part of the gap between virtual and real films is anatomy, and which is style: the virtual
patients of one anatomy are left out of training, and asked about; and the virtual films are not
varied in training.

Explained in book/06_simulated_and_real."""

from collections.abc import Sequence
from dataclasses import replace

from datasets import Dataset
from real_answers import answers, of_model, shortened
from real_curve import compared
from real_data import films, films_of, studies_of, training, training_of

from txtray_utils.align.recipes import RECIPES
from txtray_utils.align.trained import trained
from txtray_utils.results import Result, write_results
from txtray_utils.studies.table import part
from virtual_hospital.anatomies import FIRST, SECOND, anatomy_of

CHESTS = {"first": FIRST, "second": SECOND}


def anatomies(seeds: Sequence[int]) -> dict[str, Result]:
    """Train the best recipe on patients of one anatomy and ask about both, for each of them.

    `within` has seen other patients of the chest that is asked about, `across` only patients of the
    other chest; each about half of the training films.
    """
    studies = studies_of("virtual")
    results = {}
    for place, name in CHESTS.items():
        own = of_chest(studies, name)
        other = of_chest(studies, name, wanted=False)
        asked = films_of(part(own, "test"))
        within = answers("best", training_of(own), asked, seeds)
        across = answers("best", training_of(other), asked, seeds)
        start = f"leave_one_anatomy_out.{place}"
        results |= compared(start, ("within", "across"), asked, (within, across))
        write_results("real", results)
    return results


def style(seeds: Sequence[int]) -> dict[str, Result]:
    """Train the best recipe on virtual films that are not varied, and as usual, and ask about real
    ones."""
    asked, taught = films("real", "test"), training("virtual")
    plain = replace(shortened(RECIPES["best"]), strength=0.0)
    fixed = []
    for seed in seeds:
        model = trained(plain, taught.pairs, seed)
        fixed.append(of_model(model, taught, asked))
    varied = answers("best", taught, asked, seeds)
    return compared("style", ("fixed", "varied"), asked, (fixed, varied))


def of_chest(studies: Dataset, name: str, wanted: bool = True) -> Dataset:
    """Return the studies of patients with this anatomy, or without it."""
    rows = []
    for row, patient in enumerate(studies["subject_id"]):
        if (anatomy_of(patient) == name) == wanted:
            rows.append(row)
    return studies.select(rows)
