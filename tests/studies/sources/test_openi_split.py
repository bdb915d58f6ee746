"""One split by words: no report of a test study, nor its twin, is in any training data.

The twins are found here the plain way, by counting letters, not by the code that is tested."""

from collections import defaultdict
from itertools import combinations
from string import ascii_lowercase

import numpy as np
import pandas as pd
import pytest

from txtray_utils.errors import Rejects
from txtray_utils.studies.sources import openi
from txtray_utils.studies.sources.openi_package import read_headers, read_reports
from txtray_utils.studies.sources.openi_split import split_of_reports, text_groups
from txtray_utils.studies.splits import SPLITS
from virtual_hospital.cohort import plan_cohort

COHORTS = {"usual": (1600, 0), "quick": (200, 0), "other": (600, 3), "large": (3300, 1)}


def letters(text):
    """The letters of a text, the plain way."""
    plain = (text or "").lower().replace("xxxx", " ")
    return "".join(letter for letter in plain if letter in ascii_lowercase)


def made_up(*texts):
    rows = [(f"CXR{number}", *text) for number, text in enumerate(texts)]
    return pd.DataFrame(rows, columns=["uid", "findings", "impression"])


def films_of_openi(place):
    """Lay empty files under the names of Open-i's films; what is in them is not read."""
    (place / "openi/png").mkdir(parents=True)
    for image in read_headers()["image"]:
        (place / f"openi/png/{image}.png").touch()
    return openi.folder()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """(report, patient, split) of every study of `openi` and of several virtual hospitals."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("data")
        patch.setenv("TXTRAY_DATA", str(place))
        patch.setattr(openi, "read_image", lambda file: type("", (), {"pixels": None}))
        patch.setattr(openi, "shrunk", lambda pixels: pixels)
        patch.setattr(openi, "encode_png", lambda pixels: b"")
        rows = list(openi.rows(films_of_openi(place), Rejects()))
    found = {"openi": [(row["study_id"], row["subject_id"], row["split"]) for row in rows]}
    for name, (size, seed) in COHORTS.items():
        cases = plan_cohort(size, seed)
        found[name] = [(case.report_id, case.subject_id, case.split) for case in cases]
    return found


def test_no_words_and_no_patient_of_one_split_are_in_another_in_any_combination(sources):
    reports = read_reports().set_index("uid")
    texts = {uid: letters(f"{row.findings} {row.impression}") for uid, row in reports.iterrows()}
    assert len(sources["openi"]) > 3500
    for together in combinations(sources, 2):
        splits, findings, owners = defaultdict(set), defaultdict(set), defaultdict(set)
        for source in together:
            for report, patient, split in sources[source]:
                splits[texts[report]].add(split)
                owners[source, patient].add(split)
                section = letters(reports.at[report, "findings"])
                if len(section) >= 40:
                    findings[section].add(split)
        for what in (splits, findings, owners):
            assert max(map(len, what.values())) == 1, together


def test_a_report_has_one_split_for_ever(sources):
    split = split_of_reports(read_reports())
    for source, rows in sources.items():
        assert all(split[report] == found for report, _, found in rows), source
        parts = [found for _, _, found in rows]
        shares = [parts.count(name) / len(rows) for name in SPLITS]
        np.testing.assert_allclose(shares, (0.7, 0.1, 0.2), atol=0.03, err_msg=source)


def test_twins_share_a_split_however_they_are_written():
    long = "The heart is normal in size and both of the lungs are clear."
    texts = []
    for number in range(200):
        name = "".join(ascii_lowercase[int(digit)] for digit in str(number))
        texts.append((f"Finding {name} here.", "No change."))
        texts.append((f"FINDING  {name.upper()}, here", "no XXXX change 12"))
    table = made_up(*texts, (long, "Normal."), (long.upper(), "Clear lungs."), ("", "clear LUNGS"))
    split = list(split_of_reports(table).values())
    assert split[0:400:2] == split[1:400:2] and set(split[:400]) == set(SPLITS)
    assert split[400] == split[401]


def test_neither_order_nor_other_reports_move_a_report():
    table = made_up(*[(f"Finding {'abcdefghij'[n % 10] * (n + 1)}.", "") for n in range(50)])
    split = split_of_reports(table)
    assert split_of_reports(table.sample(frac=1, random_state=1)) == split
    half = split_of_reports(table[::2])
    assert half == {uid: split[uid] for uid in half}


def test_texts_are_grouped_by_their_words():
    table = pd.DataFrame(
        [
            ("Heart size is normal and both of the lungs are clear.", "Normal chest."),  # 0
            (
                "heart size is NORMAL and both of the lungs are clear",
                "Clear lungs.",
            ),  # 1: long findings as 0
            ("", "Clear lungs."),  # 2: only the impression of 1
            ("", "Clear XXXX lung s 2."),  # 3: the letters of 2
            ("Clear.", "Lungs are fine."),  # 4
            ("Clear.", "Lungs are scarred."),  # 5: short findings as 4
        ],
        columns=["findings", "impression"],
    )
    groups = text_groups(table)
    assert [groups.index(g) for g in groups] == [0, 0, 2, 2, 4, 5]


def test_the_split_is_the_same_for_ever():
    words = (
        "Clear.",
        "Scoliosis.",
        "Small left effusion.",
        "A port is in place.",
        "Old granuloma.",
    )
    split = split_of_reports(made_up(*[(text, "") for text in words]))
    assert list(split.values()) == ["train", "train", "validate", "validate", "test"]
