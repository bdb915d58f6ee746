"""The rules of `mesh_rules.toml`: what each kind of Open-i's MeSH codes means.

The file says how its fields are read. Explained in book/02_reading_a_report.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MESH_FILE = Path(__file__).with_name("mesh_rules.toml")
STERNOTOMY = r"sternotom|sternal wire"


@dataclass(frozen=True)
class Rule:
    """What one kind of code means; each field is a list split by |, and "" if it is empty."""

    headings: str
    needs: str = ""
    bars: str = ""
    text: str = ""
    draws: str = ""
    maybe: str = ""
    labels: str = ""
    unsure: str = ""


@cache
def mesh_rules() -> tuple[Rule, ...]:
    """Return the rules in the order in which they are tried."""
    rules = tomllib.loads(MESH_FILE.read_text("utf-8"))["rule"]
    return tuple(Rule(**rule) for rule in rules)
