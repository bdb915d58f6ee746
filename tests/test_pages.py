"""What `tools/pages.py` mends in the built pages, and what it leaves alone."""

from pathlib import Path
from types import SimpleNamespace

import pages
import pytest
from docutils import nodes
from pybtex.database import Entry, Person, parse_string
from sphinx import addnodes

ICONS = (
    'var p={sun:[512,512,[],"f185","M1"],"arrow-up":[384,512,[8593],"f062",["M2","M3"]],'
    'zebra:[1,2,[],"f000","M4"]};'
)
FAULTS = {
    "a list without items": (
        '<div role="list" class="citation-list"><div class="citation" role="doc-biblioentry">A',
        '<div class="citation-list"><div class="citation">A',
    ),
    "an empty header": ("<tr><th>kind</th>\n<th></th></tr>", "<tr><th>kind</th>\n<td></td></tr>"),
    "a head of empty headers": (
        (
            '<thead>\n<tr class="row-odd"><th class="head"><p></p></th>\n'
            '<th class="head"><p></p></th>'
            "\n</tr>\n</thead>\n<tbody>"
        ),
        "<tbody>",
    ),
    "an id on every exercise": (
        '<section id="exercise-content">A</section>',
        '<section class="exercise-content">A</section>',
    ),
    "a title outside the landmarks": (
        '<div class="sidebar-primary-item">\n<a class="navbar-brand logo" href="intro.html">',
        (
            '<div class="sidebar-primary-item" role="navigation" aria-label="Start page">\n'
            '<a class="navbar-brand logo" href="intro.html">'
        ),
    ),
    "a script twice": (
        "    <script>const A = 1;</script>\n    <script>const A = 1;</script>\n",
        "    <script>const A = 1;</script>\n",
    ),
}
SOUND = [
    '<thead><tr><th class="head"><p>Part</p></th><td class="head"></td></tr></thead>',
    "<script>const A = 1;</script><script>const B = 1;</script>",
    '<div class="sidebar-primary-item"><nav>A</nav></div>',
    "<p>An exercise-content in words.</p>",
]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_mended_once(name):
    fault, sound = FAULTS[name]
    assert pages.mended(fault) == sound
    assert pages.mended(sound) == sound


@pytest.mark.parametrize("page", SOUND)
def test_what_is_sound_stays(page):
    assert pages.mended(page) == page


def test_icons_that_no_page_shows_are_left_out():
    thin = pages.thinned(ICONS, {"sun", "arrow-up"})
    assert thin == ICONS.replace('zebra:[1,2,[],"f000","M4"]', "")


def test_a_finished_build_is_mended_and_keeps_the_icons_that_scripts_show(tmp_path):
    scripts = tmp_path / "_static" / "scripts"
    scripts.mkdir(parents=True)
    (scripts / "fontawesome.js").write_text(ICONS)
    (scripts / "theme.js").write_text('icon = "fa-arrow-up"')
    page = tmp_path / "a.html"
    page.write_text('<i class="fa-solid fa-sun"></i><th></th>')
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    pages.mend_pages(app, None)
    assert page.read_text().endswith("<td></td>")
    left = (scripts / "fontawesome.js").read_text()
    assert "sun" in left and "arrow-up" in left and "zebra" not in left


def test_a_failed_build_is_left_as_it_is(tmp_path):
    page = tmp_path / "a.html"
    page.write_text("<th></th>")
    app = SimpleNamespace(outdir=tmp_path, builder=SimpleNamespace(format="html"))
    pages.mend_pages(app, RuntimeError())
    assert page.read_text() == "<th></th>"


def test_the_search_is_not_given_the_terms_of_the_glossary():
    document = nodes.container()
    document += addnodes.index(entries=[("single", "film", "term-film", "main", None)])
    pages.leave_terms_out_of_search(None, document, "book/glossary")
    assert not document.next_node(addnodes.index)["entries"]


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["Chapman, Wendy"], "Chapman, 2019a"),
        (["Chapman, Wendy", "Buchanan, Bruce"], "Chapman and Buchanan, 2019a"),
        (["Johnson, A.", "Pollard, T.", "Mark, R."], "Johnson et al., 2019a"),
        (["{DICOM Standards Committee}"], "DICOM Standards Committee, 2019a"),
    ],
)
def test_a_reference_is_labelled_as_it_is_cited(names, label):
    people = {"author": [Person(name) for name in names]}
    entry = Entry("misc", fields={"year": "2019a"}, persons=people)
    assert pages.AuthorYear().format_labels([entry]) == [label]


def test_two_references_have_no_label_in_common():
    text = (Path(__file__).resolve().parents[1] / "book" / "references.bib").read_text("utf-8")
    labels = pages.AuthorYear().format_labels(parse_string(text, "bibtex").entries.values())
    assert len(set(labels)) == len(labels)
