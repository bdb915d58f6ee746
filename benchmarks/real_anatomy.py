"""Whether a model that has seen one chest reads films of another: the virtual patients of one
anatomy are left out of training, and asked about.

Explained in book/05_retrieval_and_zero_shot."""

from collections.abc import Sequence

from datasets import Dataset
from real_answers import answers
from real_curve import compared
from real_data import films_of, studies_of, training_of

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


def of_chest(studies: Dataset, name: str, wanted: bool = True) -> Dataset:
    """Return the studies of patients with this anatomy, or without it."""
    rows = []
    for row, patient in enumerate(studies["subject_id"]):
        if (anatomy_of(patient) == name) == wanted:
            rows.append(row)
    return studies.select(rows)
