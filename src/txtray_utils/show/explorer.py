"""A browser of generated reports for a static page: pick a study, see its film, its true report and
what systems wrote.

It needs no kernel and no network: the films are inside, and a short script only shows and hides.
Without JavaScript, or before the script ran, every study is there. Right, wrong and missed differ
by a word, a sign and a line as well as by a colour of Okabe and Ito; text keeps the colour of the
page. Explained in book/08_judging_a_report."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

import numpy as np
from PIL import Image as Picture

from txtray_utils.errors import InputError
from txtray_utils.show.watermark import marked
from txtray_utils.studies.pixels import encode_png, film_pixels

MOST = 12  # studies; each brings its film, and a longer list is hard to survey
KINDS = {"right": "✓", "wrong": "✗", "missed": "○"}
EMPTY = "(no text)"  # stands where a report or a name is null or blank
UNSHOWN = re.compile(  # what no page can hold, and the marks that turn the text after them round
    r"[^\t\n\r -~\xa0-\u2029\u202f-\u2065\u206a-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    r"\U00010000-\U0010fffd]"
)


@dataclass(frozen=True)
class Shown:
    """One study of the explorer.

    `name` is what the picker shows; `film` is (H, W) float in [0, 1], or as the study table holds
    it, `about` its alternative text.
    `reports` holds each system's report and the true one. `findings` holds, for every system, the
    names of its right, wrong and missed findings (a kind left out has none); the one report that it
    says nothing of is the true one. `scores` may hold a line about a system, to stand under its
    report."""

    name: str
    film: np.ndarray | Picture.Image
    about: str
    reports: Mapping[str, str]
    findings: Mapping[str, Mapping[str, Sequence[str]]]
    scores: Mapping[str, str] = field(default_factory=dict)


def explorer(shown: Sequence[Shown], credit: str, name: str = "reports") -> str:
    """Return an HTML fragment that shows one of 1 to 12 studies at a time, for
    `IPython.display.HTML`.

    Args:
        shown: the studies, all with the same systems in the same order.
        credit: who wrote the true reports, and their licence; stands under each of them.
        name: begins every id of the fragment, so it is unique on the page: a letter, then letters,
            digits, - and _.

    A character that no page can hold, such as half of a surrogate pair, is shown as U+FFFD; a null
    or blank report, name or alternative text as "(no text)".

    Raises:
        InputError: what a study holds is not text, or not a list of findings.
        ValueError: no study, too many, different systems, not exactly one true report, a film or a
    name as above it is not."""
    if not 1 <= len(shown) <= MOST:
        raise ValueError(f"{len(shown)} studies cannot be shown: give 1 to {MOST}")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", name):
        remedy = "use a letter, then letters, digits, - and _"
        raise ValueError(f"{name!r} cannot begin an id: {remedy}")
    true = _true(shown)
    options, articles = [], []
    for number, study in enumerate(shown, 1):
        options.append(f"<option>{_text(study.name)}</option>")
        articles.append(_article(study, true, credit, f"{name}-{number}"))
    return Template(_file("explorer.html")).substitute(
        style=_file("explorer.css"),
        script=_file("explorer.js").replace("NAME", name),
        name=name,
        options="".join(options),
        articles="\n".join(articles),
    )


def _file(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _true(shown: Sequence[Shown]) -> str:
    """Return the key of the true report, once the studies are found to be alike and whole."""
    systems = list(shown[0].reports)
    judged = set(shown[0].findings)
    for study in shown:
        if list(study.reports) != systems or set(study.findings) != judged:
            raise ValueError(f"{study.name}: its systems are not those of {shown[0].name}")
        _check_findings(study)
        if not _is_film(film_pixels(study.film)):
            raise ValueError(f"{study.name}: a film is (H, W) with values in [0, 1]")
    left = [system for system in systems if system not in judged]
    if len(left) != 1 or not judged < set(systems):
        rule = "one report must be without findings, the true one"
        raise ValueError(f"{rule}; of {systems} these have some: {sorted(judged)}")
    return left[0]


def _check_findings(study: Shown) -> None:
    """Raise InputError unless every system's findings are lists of texts by kind."""
    for system, kinds in study.findings.items():
        given = kinds.items() if isinstance(kinds, Mapping) else [(str(kinds), ())]
        for kind, names in given:
            listed = isinstance(names, Iterable) and not isinstance(names, str)
            if kind in KINDS and listed and all(isinstance(name, str) for name in names):
                continue
            fault = f"the findings of {system} are lists of texts, not {kind}: {names!r}"
            raise InputError(study.name, fault, f"Give lists of texts for {', '.join(KINDS)}.")


def _is_film(image: np.ndarray) -> bool:
    """Tell whether an image is (H, W), not empty, with values in [0, 1]."""
    if not isinstance(image, np.ndarray) or image.ndim != 2 or not image.size:
        return False
    return bool(0 <= image.min() <= image.max() <= 1)


def _article(study: Shown, true: str, credit: str, name: str) -> str:
    """Return one study: its film beside the true report, then each system's report beside its
    findings."""
    bytes_of_film = np.rint(film_pixels(study.film) * 255).astype(np.uint8)
    png = base64.b64encode(encode_png(marked(bytes_of_film))).decode()
    source = f"data:image/png;base64,{png}"
    said = study.reports[true]
    parts = [
        f'<article aria-labelledby="{name}">',
        f'<h3 id="{name}">{_text(study.name)}</h3>',
        '<div class="pair">',
        f'<img class="dark-light" src="{source}" alt="{_text(study.about)}">',
        _report(f"{true} (true report)", said, credit),
        "</div>",
    ]
    for system, report in study.reports.items():
        if system == true:
            continue
        findings = study.findings[system]
        below = study.scores.get(system, "")
        parts += ['<section class="pair">', _report(system, report, below), '<ul role="list">']
        parts += [_item(kind, findings.get(kind, ())) for kind in KINDS]
        parts += ["</ul>", "</section>"]
    return "\n".join([*parts, "</article>"])


def _report(title: str, report: str, below: str) -> str:
    said = f"<h4>{_text(title)}</h4>\n<p>{_text(report)}</p>"
    if below:
        said += f'\n<p class="credit">{_text(below)}</p>'
    return f'<div class="report">\n{said}\n</div>'


def _item(kind: str, findings: Sequence[str]) -> str:
    sign = f'<span aria-hidden="true">{KINDS[kind]}</span>'
    names = _text(", ".join(findings) or "none")
    return f'<li class="{kind}">{sign} <strong>{kind}</strong>: {names}</li>'


def _text(value: str | float | None) -> str:
    """Return a text as HTML shows it word for word; NaN and None are no text."""
    if not isinstance(value, str):
        if str(value) not in ("None", "nan"):
            raise InputError("explorer", f"{value!r} is not a text", "Give one, or None.")
        value = ""
    return escape(UNSHOWN.sub("\ufffd", value)) if value.strip() else EMPTY
