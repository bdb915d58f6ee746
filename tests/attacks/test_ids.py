"""Ids written in several ways, ids of nobody, and splits that cannot be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from public_films import covid
from tests.attacks.attack import Attack, hold
from tests.public_films.test_covid import COLUMNS, row
from txtray_utils.errors import Rejects
from txtray_utils.read.ids import one_spelling, plain_id
from txtray_utils.studies.sources import folder
from txtray_utils.studies.sources.folder_list import read_list
from txtray_utils.studies.splits import patient_split

OTHERS = [f"p{number}" for number in range(40)]


def together(*ids: object) -> Attack:
    """Say that these ids are one person: alone in a split, whatever the seed."""

    def act(_: Path) -> bool:
        for seed in range(12):
            split = patient_split([*OTHERS, *ids], seed)
            if len({split[one] for one in ids}) != 1:
                return False
        return len({plain_id(one) for one in ids}) == 1

    return Attack(f"{ids[0]!a} written in {len(ids)} ways", act, "right")


def apart(*ids: str) -> Attack:
    return Attack(
        f"{ids} are several",
        lambda _: len({plain_id(one) for one in ids}) == len(ids),
        "right",
    )


def split_of(*ids: object, **options):
    return lambda _: patient_split([*OTHERS, *ids], 0, **options)


def listed(place: Path, *rows: dict) -> Path:
    path = place / "metadata.csv"
    (place / "images").mkdir()
    for one in rows:
        (place / "images" / one["filename"]).touch()
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, index=False)
    return path


def films_of(place: Path, *rows: dict) -> tuple[pd.DataFrame, list[str]]:
    rejects = Rejects()
    table = covid._metadata(listed(place, *rows), rejects)
    return table, [one.fault for one in rejects.rows]


def two_endings(place: Path) -> bool:
    one = row(filename="f0.png", patientid="1")
    other = row(filename="f0.jpg", patientid="2")
    table, faults = films_of(place, one, other, row(filename="a.png", patientid="3"))
    return sorted(table["study_id"]) == ["a", "f0.jpg", "f0.png"] and not faults


def nobody(place: Path) -> list[str]:
    table, faults = films_of(place, row(filename="a.png", patientid=" "), row(filename="b.png"))
    assert table["study_id"].tolist() == ["b"]
    return faults


def one_doi(place: Path) -> bool:
    rows = [
        row(filename="a.png", patientid="1", doi="DOI:10.1000/X"),
        row(filename="b.png", patientid="2", doi="doi:10.1000/x "),
        row(filename="c.png", patientid="3", doi="https://doi.org/10.1000/x"),
        row(filename="d.png", patientid="4", doi=" "),
        row(filename="e.png", patientid="5", doi=" "),
    ]
    table, _ = films_of(place, *rows)
    groups = [group for group in covid._linked(table) if len(group) > 1]
    return groups == [{"1", "2", "3"}]


def ids_without_digits(place: Path) -> bool:
    rows = [row(filename=f"{name}.png", patientid=name) for name in ("anna", "ben", "carl")]
    table, _ = films_of(place, *rows)
    return all(len(group) == 1 for group in covid._linked(table))


def patient_in_two_spellings(place: Path) -> bool:
    rows = [row(filename="a.png", patientid="5"), row(filename="b.png", patientid="05")]
    table, _ = films_of(place, *rows)
    return table["patientid"].nunique() == 1


def own_list(place: Path) -> list[str]:
    path = place / "studies.csv"
    path.write_text("image,patient,report\na.png,5,Clear.\nb.png,05,Clear.\nc.png,5.0,Clear.\n")
    rejects = Rejects()
    table = folder._one_spelling(read_list(path, rejects), path, rejects)
    assert table["subject_id"].tolist() == ["5", "5", "5"]
    return [f"{one.row}: {one.fault}" for one in rejects.rows]


ATTACKS = [
    together("5", " 5", "05", "5.0", "5 ", 5, 5.0, np.int64(5), "\uff15", "5\u200b", "\t5\n"),
    together("0", "00", "0.0", 0),
    together("DOI:10.1/X", "doi:10.1/x", "https://doi.org/10.1/X", " doi: 10.1/x"),
    together("P-A 1", "p-a  1", "P\u2011A 1", "P-A\u00a01"),
    together("10000032", "10000032 ", "10000032.0", 10000032),
    apart("5", "50", "5.5", "5a", "a5", "a", "b", "-5", "p5", "p05"),
    apart("anna", "ben", "carl"),
    Attack("NaN among ids", split_of(float("nan")), "error", "nan.*names nobody"),
    Attack("None among ids", split_of(None), "error", "None.*names nobody"),
    Attack("a missing value of pandas", split_of(pd.NA), "error", "names nobody"),
    Attack("an empty id", split_of("  "), "error", "names nobody.*patient"),
    Attack("the word nan", lambda _: one_spelling(["nan"]), "error", "names nobody"),
    Attack("fractions of 3", split_of(fractions=(1, 1, 1)), "error", "fractions.*add to 1"),
    Attack("two fractions", split_of(fractions=(0.5, 0.5)), "error", "three shares"),
    Attack("a negative fraction", split_of(fractions=(1.2, -0.4, 0.2)), "error", "0 or more"),
    Attack("a fraction of NaN", split_of(fractions=(np.nan, 0.5, 0.5)), "error", "add to 1"),
    Attack("a group of strangers", split_of(groups=[["p1", "q9"]]), "error", "'q9' is not among"),
    Attack(
        "a group in another spelling",
        lambda _: len({patient_split(["05", "p1"], 0, groups=[["5", "P1 "]])[one]
                       for one in ("05", "p1")}) == 1,
        "right",
    ),
    Attack("numbers and text mixed", lambda _: len(patient_split([3, "a", 2.5], 0)) == 3, "right"),
    Attack("no patient at all", lambda _: patient_split([], 0) == {}, "right"),
    Attack("two films that differ in the ending", two_endings, "right"),
    Attack("a patient without a name", nobody, "reject", "names no patient"),
    Attack("one DOI in three spellings", one_doi, "right"),
    Attack("ids without a digit", ids_without_digits, "right"),
    Attack("a patient of the notes in two spellings", patient_in_two_spellings, "right"),
    Attack("a patient of your list in three spellings", own_list, "note", "patient 05: is taken"),
]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_id_is_one_person_or_refused(attack, tmp_path):
    hold(attack, tmp_path)
