"""What the theme and its extensions leave to be mended in the built pages: a Sphinx extension.

Each page that was written is read once more when the build is finished. Mended are roles and ids
that an accessibility checker (axe) complains of, scripts that are given twice, and the script of
icons, which holds two thousand of them where the pages show twenty. What the theme may change one
day is looked for, not presumed: a pattern that is not there is left alone.
Explained in CONTRIBUTING, "How the build works"."""

import re
from pathlib import Path

from docutils import nodes
from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.alpha import Style as Alpha
from pybtex.style.labels import BaseLabelStyle
from sphinx import addnodes
from sphinx.application import Sphinx

from txtray_utils.guard import check_publication

ICONS = Path("_static", "scripts", "fontawesome.js")
ICON = re.compile(r'("?[\w-]+"?):\[\d+,\d+,\[[^]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^]]*\])\],?')
ICON_CLASS = re.compile(r"\bfa-([\w-]+)")

EMPTY_HEADER = re.compile(r"<th([^>]*)>\s*(?:<p>\s*</p>)?\s*</th>")
EMPTY_HEAD = re.compile(r"<thead>\s*<tr[^>]*>(?:\s*<td[^>]*></td>)+\s*</tr>\s*</thead>\s*")
FIXED_ID = re.compile(r'<section id="(exercise|solution)-content">')
INLINE_SCRIPT = re.compile(r"[ \t]*<script>(?:let|const|var) .*?</script>\n?")
LOGO = re.compile(r'<div class="sidebar-primary-item">(?=\s*<a class="navbar-brand logo")')


def mended(page: str) -> str:
    """Return the HTML of a page with its faults mended; what is mended stays as it is."""
    page = EMPTY_HEADER.sub(r"<td\1></td>", page)
    page = EMPTY_HEAD.sub("", page)
    page = FIXED_ID.sub(r'<section class="\1-content">', page)
    page = page.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    page = page.replace(' role="doc-biblioentry"', "")
    page = LOGO.sub(
        '<div class="sidebar-primary-item" role="navigation" aria-label="Start page">', page
    )
    return without_second_scripts(page)


def without_second_scripts(page: str) -> str:
    """Return a page in which each short inline script stands once."""
    seen = set()

    def once(found: re.Match) -> str:
        script = found[0].strip()
        if script in seen:
            return ""
        seen.add(script)
        return found[0]

    return INLINE_SCRIPT.sub(once, page)


def thinned(script: str, wanted: set[str]) -> str:
    """Return the theme's script of icons with those in `wanted` alone."""

    def keep(found: re.Match) -> str:
        return found[0] if found[1].strip('"') in wanted else ""

    return ICON.sub(keep, script)


def mend_pages(app: Sphinx, failure: Exception | None) -> None:
    """Mend every page of a finished build, and then the icons that the pages share."""
    if failure or app.builder.format != "html":
        return
    out = Path(app.outdir)
    wanted = set()
    for path in sorted(out.rglob("*.html")):
        page = path.read_text("utf-8")
        wanted.update(ICON_CLASS.findall(page))
        new = mended(page)
        if new != page:
            path.write_text(new, "utf-8")
    icons = out / ICONS
    if not icons.is_file():
        return
    for path in [*out.glob("_static/*.js"), *out.glob("_static/scripts/*.js")]:
        if path != icons:
            wanted.update(ICON_CLASS.findall(path.read_text("utf-8")))
    icons.write_text(thinned(icons.read_text("utf-8"), wanted), "utf-8")


def leave_terms_out_of_search(app: Sphinx, document: nodes.document, name: str) -> None:
    """Take the glossary's index entries, which the search lists beside the page that holds them."""
    for node in document.findall(addnodes.index):
        node["entries"] = []


class AuthorYear(BaseLabelStyle):
    """Labels of the list of references as the chapters cite them: "Johnson et al., 2019a"."""

    def format_labels(self, sorted_entries: list[Entry]) -> list[str]:
        """Return the label of each entry."""
        return [self.label(entry) for entry in sorted_entries]

    def label(self, entry: Entry) -> str:
        """Return names and year, or the title where nobody is named."""
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(map(str, person.rich_last_names)) for person in people]
        if len(names) > 2:
            names = [f"{names[0]} et al."]
        who = " and ".join(names) or entry.fields.get("title", entry.key)
        year = entry.fields.get("year", "")
        return f"{who}, {year}".rstrip(", ")


class Dated(Alpha):
    """Plain entries in alphabetical order, labelled with names and year."""

    default_label_style = AuthorYear


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the mends to Sphinx; refuse a credentialed source."""
    check_publication("the book")
    register_plugin("pybtex.style.formatting", "dated", Dated)
    app.connect("doctree-resolved", leave_terms_out_of_search)
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
