"""How disease and age move the simulated record: the table mechanism.toml, read.

One idea: every number that ties a result, a vital sign, an order or a place to a finding stands in
that table, each effect with its source (a key of book/references.bib). Explained in
book/simulated_record.md.
"""

import tomllib
from collections.abc import Iterator
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
    times = 1.0
    plus = 0.0
    for effect, amount in _effects(test, weight, age):
        factor = effect.get("times", 1.0)
        step = effect.get("plus", 0.0)
        times *= factor**amount
        plus += step * amount
    return times, plus


def _effects(
    test: str,
    weight: dict[str, float],
    age: float,
) -> Iterator[tuple[dict, float]]:
    """Yield each effect on a test, of findings and then of age, and how much of it there is."""
    for effect in MECHANISM["effects"].get(test, []):
        finding = effect["finding"]
        yield effect, weight.get(finding, 0.0)
    by_age = MECHANISM["age"].get(test)
    if by_age:
        decades = (age - by_age["from"]) / 10
        if by_age.get("only_above"):
            decades = max(0.0, decades)
        yield by_age, decades


def suspicion(
    group: str,
    weight: dict[str, float],
    ill: float,
    in_icu: bool,
) -> float:
    """Return the log odds that a group of tests is ordered, before the doctor's own spread."""
    order = MECHANISM["orders"][group]
    reasons = weight | {"ill": ill, "icu": float(in_icu)}
    odds = order["base"]
    for reason, amount in reasons.items():
        more = order.get(reason, 0.0)
        odds += more * amount
    return odds


def setting_odds(view: str, ill: float) -> dict[str, float]:
    """Return the odds of each place where a film of a view (PA or AP) may be taken."""
    odds = {}
    for place, share in MECHANISM["settings"][view].items():
        odds[place] = share["base"] + share["ill"] * ill
    return odds
