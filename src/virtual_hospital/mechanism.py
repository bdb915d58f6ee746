"""How disease and age move the simulated record: the table mechanism.toml, read.

One idea: every number that ties a result, a vital sign, an order or a place to a finding stands in
that table, each effect with its source (a key of book/references.bib). Explained in
book/simulated_record.md.
"""

import tomllib
from pathlib import Path

FILE = Path(__file__).with_name("mechanism.toml")
MECHANISM: dict[str, dict] = tomllib.loads(FILE.read_text("utf-8"))

SEVERITY: dict[str, float] = MECHANISM["severity"]
NOISE: dict[str, float] = MECHANISM["noise"]
ACUTE = ("oedema", "consolidation", "pneumothorax", "effusion")  # what makes a patient ill


def moved(test: str, weight: dict[str, float], age: float) -> tuple[float, float]:
    """Return by what findings and age multiply a value, and what they add to it.

    `test` is a name in the table's `effects` (a blood test in the unit that is written, or a vital
    sign), `weight` the weight of each finding (1 is moderate), `age` in years.
    """
    times, plus = 1.0, 0.0
    for effect in MECHANISM["effects"].get(test, []):
        amount = weight.get(effect["finding"], 0.0)
        times *= effect.get("times", 1.0) ** amount
        plus += effect.get("plus", 0.0) * amount
    by_age = MECHANISM["age"].get(test)
    if by_age:
        decades = (age - by_age["from"]) / 10
        if by_age.get("only_above"):
            decades = max(0.0, decades)
        times *= by_age.get("times", 1.0) ** decades
        plus += by_age.get("plus", 0.0) * decades
    return times, plus


def suspicion(group: str, weight: dict[str, float], ill: float, in_icu: bool) -> float:
    """Return the log odds that a group of tests is ordered, before the doctor's own spread."""
    order = MECHANISM["orders"][group]
    odds = order["base"] + order.get("ill", 0.0) * ill
    if in_icu:
        odds += order.get("icu", 0.0)
    for finding, amount in weight.items():
        odds += order.get(finding, 0.0) * amount
    return odds


def setting_odds(view: str, ill: float) -> dict[str, float]:
    """Return the odds of each place where a film of a view (PA or AP) may be taken."""
    odds = {}
    for place, share in MECHANISM["settings"][view].items():
        odds[place] = share["base"] + share["ill"] * ill
    return odds
