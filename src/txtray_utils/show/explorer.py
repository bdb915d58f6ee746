"""A browser of generated reports for a static page: pick a study, see its film, its true report and
what systems wrote.

It needs no kernel and no network: the films are inside, and a short script only shows and hides.
Without JavaScript, or before the script ran, every study is there. Right, wrong and missed differ
by a word, a sign and a line as well as by a colour of Okabe and Ito; text keeps the colour of the
page. Explained in book/07_judging_a_report."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from txtray_utils.studies.pixels import encode_png

MOST = 12  # studies; each brings its film, and a longer list is hard to survey


KINDS = {"right": "✓", "wrong": "✗", "missed": "○"}


_STYLE = """<style>
.text_html:has(> .txtray-explorer) { background: none !important; padding: 0 !important; }
.txtray-explorer { color: var(--pst-color-text-base, inherit); background: var(--pst-color-background, none);
  line-height: 1.45; padding: .4rem; }
.txtray-explorer [hidden] { display: none !important; }
.txtray-explorer .controls, .txtray-explorer .pair { display: flex; flex-wrap: wrap; gap: .75rem 1.25rem; }
.txtray-explorer .controls { align-items: center; gap: .5rem; }
.txtray-explorer select, .txtray-explorer button { font: inherit; color: inherit; background: transparent;
  border: 1px solid currentColor; border-radius: .25rem; padding: .3rem .7rem; min-height: 2.5rem; }
.txtray-explorer select { flex: 1 1 14rem; min-width: 0; max-width: 30rem; text-overflow: ellipsis; }
.txtray-explorer option { color: CanvasText; background: Canvas; }
.txtray-explorer button:hover { text-decoration: underline; }
.txtray-explorer :focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
.txtray-explorer h3 { font-size: 1.15rem; margin: 1rem 0 .5rem; }
.txtray-explorer h4 { font-size: 1rem; margin: 0 0 .25rem; }
.txtray-explorer p { margin: 0 0 .4rem; }
.txtray-explorer .status { margin: .6rem 0; font-weight: 600; }
.txtray-explorer .ready h3 { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.txtray-explorer article { position: relative; margin: 0 0 1.5rem; }
.txtray-explorer section { border-top: 1px solid var(--pst-color-border, currentColor); padding-top: .6rem; margin-top: .8rem; }
.txtray-explorer img { flex: 1 1 14rem; min-width: 0; max-width: 20rem; height: auto; align-self: flex-start;
  padding: 0 !important; background: none !important; }
.txtray-explorer .report { flex: 2 1 17rem; min-width: 0; }
.txtray-explorer .report p { white-space: pre-wrap; overflow-wrap: anywhere; }
.txtray-explorer .credit { font-size: .875rem; }
.txtray-explorer ul { flex: 1 1 13rem; min-width: 0; list-style: none; margin: 0; padding: 0; }
.txtray-explorer li { border-left: .35rem solid; padding: .1rem 0 .1rem .6rem; margin: 0 0 .4rem; }
.txtray-explorer .right { border-left-color: #009E73; }
.txtray-explorer .wrong { border-left-color: #D55E00; border-left-style: double; }
.txtray-explorer .missed { border-left-color: #0072B2; border-left-style: dashed; }
</style>"""


_SCRIPT = """<script>
(() => {
  for (const root of document.querySelectorAll("#NAME:not([data-ready])")) {
    const pick = root.querySelector("select"), said = root.querySelector(".status");
    const studies = root.querySelectorAll("article"), many = studies.length;
    const show = (at) => {
      pick.selectedIndex = at;
      studies.forEach((study, number) => { study.hidden = number !== at; });
      said.textContent = `${pick.options[at].text} (${at + 1} of ${many})`;
    };
    for (const button of root.querySelectorAll("button"))
      button.addEventListener("click", () => show((pick.selectedIndex + Number(button.value) + many) % many));
    pick.addEventListener("change", () => show(pick.selectedIndex));
    root.querySelector(".bar").hidden = false;
    root.querySelector(".studies").classList.add("ready");
    root.dataset.ready = "yes";
    show(0);
  }
})();
</script>"""


@dataclass(frozen=True)
class Shown:
    """One study of the explorer.

    `name` is what the picker shows; `film` is (H, W) float in [0, 1], `about` its alternative text.
    `reports` holds each system's report and the true one. `findings` holds, for every system, the
    names of its right, wrong and missed findings (a kind left out has none); the one report that it
    says nothing of is the true one."""

    name: str
    film: np.ndarray
    about: str
    reports: Mapping[str, str]
    findings: Mapping[str, Mapping[str, Sequence[str]]]


def explorer(shown: Sequence[Shown], credit: str, name: str = "reports") -> str:
    """Return an HTML fragment that shows one of 1 to 12 studies at a time, for
    `IPython.display.HTML`.

    Args:
        shown: the studies, all with the same systems in the same order.
        credit: who wrote the true reports, and their licence; stands under each of them.
        name: begins every id of the fragment, so it is unique on the page: a letter, then letters,
            digits, - and _.

    Raises:
        ValueError: no study, too many, different systems, not exactly one true report, a film or a
    name as above it is not."""
    if not 1 <= len(shown) <= MOST:
        raise ValueError(f"{len(shown)} studies cannot be shown: give 1 to {MOST}")
    if not re.fullmatch("[A-Za-z][A-Za-z0-9_-]*", name):
        raise ValueError(
            f"{name!r} cannot begin an id: use a letter, then letters, digits, - and _"
        )
    true = _true(shown)
    options = "".join(f"<option>{escape(study.name)}</option>" for study in shown)
    articles = "\n".join(
        _article(study, true, credit, f"{name}-{number}") for number, study in enumerate(shown, 1)
    )
    return f"""{_STYLE}
<div class="txtray-explorer" id="{name}">
<div class="bar" hidden>
<div class="controls">
<label for="{name}-pick">Study</label>
<select id="{name}-pick" autocomplete="off">{options}</select>
<button type="button" value="-1">Previous</button>
<button type="button" value="1">Next</button>
</div>
<p class="status" role="status" aria-live="polite"></p>
</div>
<div class="studies">
{articles}
</div>
</div>
{_SCRIPT.replace("NAME", name)}"""


def _true(shown: Sequence[Shown]) -> str:
    """Return the key of the true report, once the studies are found to be alike and whole."""
    systems, judged = list(shown[0].reports), set(shown[0].findings)
    for study in shown:
        if list(study.reports) != systems or set(study.findings) != judged:
            raise ValueError(f"{study.name}: its systems are not those of {shown[0].name}")
        if unknown := {kind for kinds in study.findings.values() for kind in kinds} - set(KINDS):
            raise ValueError(
                f"{study.name}: findings are {', '.join(KINDS)}, not {', '.join(sorted(unknown))}"
            )
        if (
            study.film.ndim != 2
            or not study.film.size
            or not 0 <= study.film.min() <= study.film.max() <= 1
        ):
            raise ValueError(f"{study.name}: a film is (H, W) with values in [0, 1]")
    left = [system for system in systems if system not in judged]
    if len(left) != 1 or not judged < set(systems):
        raise ValueError(
            f"one report must be without findings, the true one; of {systems} these have some: {sorted(judged)}"
        )
    return left[0]


def _article(study: Shown, true: str, credit: str, name: str) -> str:
    """Return one study: its film beside the true report, then each system's report beside its
    findings."""
    png = base64.b64encode(encode_png(np.rint(study.film * 255).astype(np.uint8))).decode()
    parts = [
        f'<article aria-labelledby="{name}">\n<h3 id="{name}">{escape(study.name)}</h3>\n<div class="pair">',
        f'<img class="dark-light" src="data:image/png;base64,{png}" alt="{escape(study.about)}">',
        _report(
            f"{true} (true report)",
            study.reports[true],
            f'\n<p class="credit">{escape(credit)}</p>',
        ),
        "</div>",
    ]
    for system, report in study.reports.items():
        if system != true:
            items = "\n".join(_item(kind, study.findings[system].get(kind, ())) for kind in KINDS)
            parts.append(
                f'<section class="pair">\n{_report(system, report)}\n<ul role="list">\n{items}\n</ul>\n</section>'
            )
    return "\n".join([*parts, "</article>"])


def _report(title: str, report: str, below: str = "") -> str:
    return f'<div class="report">\n<h4>{escape(title)}</h4>\n<p>{escape(report)}</p>{below}\n</div>'


def _item(kind: str, findings: Sequence[str]) -> str:
    sign = f'<span aria-hidden="true">{KINDS[kind]}</span>'
    return f'<li class="{kind}">{sign} <strong>{kind}</strong>: {escape(", ".join(findings) or "none")}</li>'
