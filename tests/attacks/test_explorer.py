"""Attacks on the explorer: whatever a report holds is shown as text, or a clear error."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.attacks.attack import Attack, hold
from tests.show.small import CREDIT, STUDIES
from txtray_utils.show.explorer import explorer

LONG = "word " * 100_000


class Words(HTMLParser):
    """The text of a page, as a browser reads it, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(page.encode("utf-8").decode("utf-8"))  # as it is written to a notebook
        self.close()

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)


def shown(said: object, seen: str) -> Callable:
    """Show a report, and tell whether its text is on the page, and no other element."""

    def act(folder: Path) -> bool:
        one = STUDIES[0]
        changed = replace(one, reports={**one.reports, "parrot": said})
        plain = Words(explorer([one], CREDIT))
        page = Words(explorer([changed], CREDIT))
        return seen in page.text and page.tags == plain.tags

    return act


def study(**fields) -> Callable:
    """Show a study with other fields."""
    return lambda folder: explorer([replace(STUDIES[0], **fields)], CREDIT)


def found(parrot: object) -> Callable:
    """Show a study with these findings of a system."""
    return study(findings={"parrot": parrot, "decoder": {}})


def no_names(folder: Path) -> bool:
    """Show a study without name and alternative text."""
    page = Words(explorer([replace(STUDIES[0], name=None, about=float("nan"))], CREDIT))
    return page.text.count("(no text)") == 2


def no_mathematics(folder: Path) -> bool:
    """Tell that the words are marked as none of MathJax's business."""
    return "mathjax_ignore" in explorer(STUDIES, CREDIT).split("<script>")[0]


ATTACKS = [
    Attack(
        "markup in a report", shown("<img src=x onerror=a()>", "<img src=x onerror=a()>"), "right"
    ),
    Attack("mathematics in a report", shown("$x_{ and ${name}", "$x_{ and ${name}"), "right"),
    Attack("a page that sets mathematics", no_mathematics, "right"),
    Attack("half a surrogate pair", shown("ef\ud83dfusion", "ef\ufffdfusion"), "right"),
    Attack("a character of no sign", shown("a\0b\x1bc\ufffe", "a\ufffdb\ufffdc\ufffd"), "right"),
    Attack("a mark that turns text round", shown("no \u202emass", "no \ufffdmass"), "right"),
    Attack("letters beyond ASCII", shown("Größe 🫁 胸\n\tx", "Größe 🫁 胸\n\tx"), "right"),
    Attack("half a million characters", shown(LONG, LONG), "right"),
    Attack("no report", shown(None, "(no text)"), "right"),
    Attack("a report that is not a number", shown(float("nan"), "(no text)"), "right"),
    Attack("a blank report", shown(" \n", "(no text)"), "right"),
    Attack("no name, no description", no_names, "right"),
    Attack("a report that is a number", shown(7, ""), "error", "7 is not a text"),
    Attack("a report that is bytes", shown(b"mass", ""), "error", "b'mass' is not a text"),
    Attack("findings as one text", found({"right": "mass"}), "error", "parrot are .*'mass'"),
    Attack("findings null", found(None), "error", "Study 1.*parrot are lists.*not None"),
    Attack("a kind null", found({"wrong": None}), "error", "not wrong: None"),
    Attack("a finding null", found({"wrong": ["mass", None]}), "error", "not wrong: .*None"),
    Attack("findings of a list", found(["mass"]), "error", "parrot are lists.*mass"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_holds(attack, tmp_path):
    hold(attack, tmp_path)
