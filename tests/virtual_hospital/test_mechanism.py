"""The mechanism of the record: the table, its page, its sources, and what it does to a value."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.virtual_hospital.conftest import case, drawing
from virtual_hospital.blood_tests import TESTS
from virtual_hospital.catalogue import BY_NAME
from virtual_hospital.course import weights
from virtual_hospital.mechanism import ACUTE, MECHANISM, SEVERITY, moved, setting_odds, suspicion
from virtual_hospital.stays import SIGNS

BOOK = Path(__file__).parents[2] / "book"
PAGE = (BOOK / "simulated_record.md").read_text("utf-8")
NAMES = {test.name: test for test in TESTS}
EFFECTS = [(name, effect) for name, all_of in MECHANISM["effects"].items() for effect in all_of]


def written(name: str, effect: dict) -> str:
    """Return an effect as the page writes it."""
    if "times" in effect:
        return f"x {effect['times']:g}"
    unit = NAMES[name].uom if name in NAMES else {"temperature": "F", "o2sat": "%"}.get(name)
    unit = "" if name == "ph" else unit or "1/min"
    return f"{effect['plus']:+g} {unit}".strip()


def test_the_page_says_what_the_table_says():
    for name, effect in EFFECTS:
        finding = effect["finding"].replace("_", " ")
        row = f"| `{name}` | {finding} | {written(name, effect)} | {{cite}}`{effect['source']}` |"
        assert row in PAGE, row
    for name, effect in MECHANISM["age"].items():
        assert f"| `{name}` | {written(name, effect)} |" in PAGE, name
    rows = re.findall(r"^\| `\w+` \| .*cite.* \|$", PAGE, flags=re.MULTILINE)
    assert len(rows) == len(EFFECTS) + len(MECHANISM["age"])  # and nothing else
    for view, places in MECHANISM["settings"].items():
        for place, odds in places.items():
            assert f"| {view} | {place} | {odds['base']:g} | {odds['ill']:+g} |" in PAGE
    for group, odds in MECHANISM["orders"].items():
        if group != "doctor":
            more = ", ".join(f"{k} {v:+g}" for k, v in odds.items() if k != "base") or "nothing"
            assert f"| {odds['base']:g} | {more} |" in PAGE
    for number in (SEVERITY["mild"], SEVERITY["severe"], *MECHANISM["noise"].values()):
        assert f"{number:g}" in PAGE or f"{100 * number:g} %" in PAGE


def test_every_effect_has_a_source_that_can_be_looked_up():
    entries = (BOOK / "references.bib").read_text("utf-8")
    for _, effect in [*EFFECTS, *MECHANISM["age"].items()]:
        entry = re.search(rf"@\w+{{{effect['source']},.*?\n}}", entries, flags=re.DOTALL)
        assert entry and "doi" in entry[0], effect


def test_effects_name_findings_that_are_drawn_and_results_that_are_written():
    for name, effect in EFFECTS:
        assert name in NAMES or name in SIGNS
        assert effect["finding"] in BY_NAME
        assert ("times" in effect) != ("plus" in effect)
        if name in NAMES:
            assert NAMES[name].log == ("times" in effect), name
    assert set(ACUTE) <= set(BY_NAME)
    moves = {test.moves_as or test.name for test in TESTS}
    assert set(MECHANISM["age"]) <= moves
    groups = {test.ordered for test in TESTS}
    assert groups | {"doctor"} == set(MECHANISM["orders"])


@pytest.mark.parametrize(("name", "effect"), EFFECTS, ids=lambda one: str(one)[:30])
def test_graver_disease_moves_a_result_farther(name, effect):
    finding = effect["finding"]
    values = []
    for weight in (0.0, *SEVERITY.values()):
        times, plus = moved(name, {finding: weight}, 50)
        values.append(times + plus)
    steps = np.diff(values)
    assert (steps > 0).all() or (steps < 0).all()


def test_age_moves_results_by_decades():
    assert moved("nt_probnp", {}, 50) == (1, 0)
    assert moved("nt_probnp", {}, 70)[0] == pytest.approx(1.4**2)
    assert moved("d_dimer", {}, 30)[0] == 1  # no lower than at 50
    assert moved("po2", {}, 80)[1] == pytest.approx(3 * -2.4)
    assert moved("potassium", {"oedema": 1.5}, 90) == (1, 0)


def test_suspicion_orders_more_and_intensive_care_more_gases():
    well = suspicion("crp", {}, 0, False)
    assert suspicion("crp", {"consolidation": 0.6}, 0.6, False) > well
    assert suspicion("crp", {"consolidation": 1.5}, 1.5, False) > well + 3
    assert suspicion("gas", {}, 0, True) > suspicion("gas", {}, 0, False) + 2
    assert suspicion("clot", {"scoliosis": 1.5}, 0, False) == suspicion("clot", {}, 0, False)


def test_no_upright_film_is_taken_in_intensive_care():
    for ill in (0, 1, 3):
        assert setting_odds("PA", ill)["icu"] == 0
        assert setting_odds("AP", ill)["icu"] > 0.1
    assert setting_odds("AP", 2)["icu"] > 3 * setting_odds("AP", 0)["icu"]


def test_a_value_stays_what_a_living_patient_can_have():
    for test in TESTS:
        low, high = test.limits
        assert test.at(9, times=50, plus=60) <= high and test.at(-9, times=0.01, plus=-60) >= low


def test_the_gravest_of_two_sides_counts():
    mild = drawing("effusion", "left", "mild")
    severe = drawing("effusion", "right", "severe")
    gravest = weights(case(severe))
    assert weights(case(severe, mild)) == weights(case(mild, severe)) == gravest
