"""The explorer of generated reports: what its HTML holds, and what a reader can do with it in a
browser."""

import base64
import io
import os
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from txtray_utils.show.explorer import KINDS, MOST, Shown, explorer

CREDIT = "Reports: made up for this test & <free>."
NASTY = "Sharp <b>bold</b> & \"quoted\" 'text'.\n\n  </script></style><script>document.title = 'broken'</script> &amp;"
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
THEMES = {
    "light": "#ffffff; color: #222832",
    "dark": "#121212; color: #ced6dd",
}  # sphinx-book-theme's pages


def study(number: int) -> Shown:
    return Shown(
        name=f"Study {number}: lines",
        film=np.random.default_rng(number).random((24, 32), np.float32),
        about=f"Noise {number} in place of a film",
        reports={
            "radiologist": f"True words {number}.",
            "parrot": f"Parrot words {number}.",
            "decoder": "No words.",
        },
        findings={
            "parrot": {"right": ["effusion"], "wrong": ["fracture", "pneumonia"]},
            "decoder": {"missed": ["mass"]},
        },
    )


STUDIES = [study(number) for number in (1, 2, 3)]


class Parsed(HTMLParser):
    """The text outside style and script, and the attributes, of a fragment whose elements all
    close."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.text, self.attributes, self.tags, self.open = [], [], [], []
        self.feed(fragment)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    def values(self, name: str, tag: str = "") -> list[str]:
        return [
            value for one, its, value in self.attributes if its == name and (not tag or one == tag)
        ]


def test_only_what_was_given_is_in_the_fragment():
    fragment = Parsed(explorer(STUDIES, CREDIT))
    given = {CREDIT, "Study", "Previous", "Next", "radiologist (true report)", "parrot", "decoder"}
    given |= {one.name for one in STUDIES} | {
        report for one in STUDIES for report in one.reports.values()
    }
    given |= {*KINDS, *KINDS.values(), ": effusion", ": fracture, pneumonia", ": mass", ": none"}
    assert {text.strip() for text in fragment.text} - {""} == given
    assert fragment.values("alt") == [one.about for one in STUDIES]
    sources = fragment.values("src")
    assert len(sources) == 3 and all(
        source.startswith("data:image/png;base64,") for source in sources
    )
    assert not re.search(r"https?:|url\(|@import|fetch|href", explorer(STUDIES, CREDIT))


def test_the_film_is_a_grey_image_of_its_values():
    film = np.array([[0, 0.5, 1], [0.25, 1, 0]], np.float32)
    source = Parsed(explorer([replace(STUDIES[0], film=film)], CREDIT)).values("src")[0]
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert image.mode == "L"
    assert np.abs(np.asarray(image) / 255 - film).max() <= 0.5 / 255


def test_what_a_report_holds_is_text_and_never_markup():
    plain = Parsed(explorer(STUDIES[:1], CREDIT))
    nasty = Shown(
        name=NASTY, film=STUDIES[0].film, about=NASTY, reports={NASTY: NASTY, "parrot": NASTY, "decoder": NASTY},
        findings={"parrot": {"right": [NASTY], "wrong": [NASTY, NASTY]}, "decoder": {"missed": [NASTY]}},
    )  # fmt: skip
    parsed = Parsed(explorer([nasty], NASTY))
    assert parsed.tags == plain.tags
    assert parsed.values("alt") == [NASTY]
    # option, h3, h4, three reports, credit, three items (one of them with two findings)
    assert sum(text.count(NASTY) for text in parsed.text) == 11


def test_ids_begin_with_the_name_and_every_label_has_its_element():
    fragment = Parsed(explorer(STUDIES, CREDIT, "second"))
    ids = fragment.values("id")
    assert ids == ["second", "second-pick", "second-1", "second-2", "second-3"]
    assert {*fragment.values("for"), *fragment.values("aria-labelledby")} <= set(ids)


def test_as_many_as_the_limit_are_shown():
    for count in (1, MOST):
        assert (
            Parsed(explorer([study(number) for number in range(count)], CREDIT)).tags.count(
                "article"
            )
            == count
        )


@pytest.mark.parametrize(("shown", "fault"), [
    ([], "0 studies"),
    ([study(number) for number in range(MOST + 1)], "13 studies"),
    ([STUDIES[0], replace(STUDIES[1], reports={"radiologist": "x", "parrot": "x"})], "Study 2.*are not those of Study 1"),
    ([STUDIES[0], replace(STUDIES[1], findings={"parrot": {}})], "Study 2.*are not those of Study 1"),
    ([replace(STUDIES[0], findings={"parrot": {}})], "one report must be without findings"),
    ([replace(STUDIES[0], findings={key: {} for key in STUDIES[0].reports})], "one report must be without findings"),
    ([replace(STUDIES[0], findings={"parrot": {}, "oracle": {}})], "one report must be without findings"),
    ([replace(STUDIES[0], findings={"parrot": {"correct": []}, "decoder": {}})], "not correct"),
    ([replace(STUDIES[0], film=np.zeros((2, 2, 3)))], "a film is"),
    ([replace(STUDIES[0], film=np.zeros((0, 2)))], "a film is"),
    ([replace(STUDIES[0], film=np.full((2, 2), 255.0))], "a film is"),
    ([replace(STUDIES[0], film=np.full((2, 2), np.nan))], "a film is"),
])  # fmt: skip
def test_what_cannot_be_shown_is_an_error_that_says_why(shown, fault):
    with pytest.raises(ValueError, match=fault):
        explorer(shown, CREDIT)


@pytest.mark.parametrize("name", ["", "1st", "a b", 'a"b', "a.b", "a\n"])
def test_a_name_that_cannot_begin_an_id_is_an_error(name):
    with pytest.raises(ValueError, match="cannot begin an id"):
        explorer(STUDIES, CREDIT, name)


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as WCAG defines it."""
    parts = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return float(
        np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        @ [0.2126, 0.7152, 0.0722]
    )


def test_the_three_lines_stand_out_on_light_and_dark_pages_and_differ_in_style():
    fragment = explorer(STUDIES, CREDIT)
    rules = {kind: re.search(rf"\.{kind} {{(.*?)}}", fragment)[1] for kind in KINDS}
    for rule in rules.values():
        line = luminance(re.search(r"#\w{6}", rule)[0])
        for page in THEMES.values():
            light, dark = sorted((luminance(page[:7]), line), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 3  # WCAG 1.4.11, what is not text
    assert len({re.sub(r"#\w{6}", "", rule) for rule in rules.values()}) == 3


def missing(what: str) -> None:
    """Skip a browser test, but never in CI, where nobody would see that it did not run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}: the browser tests must run in CI")
    pytest.skip(f"{what}: the explorer was not tried in a browser")


@pytest.fixture(scope="module")
def browser():
    found = shutil.which("chromium") or shutil.which(
        "google-chrome"
    )  # Debian's; what GitHub's runners have
    if not found:
        missing("no chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def axe():
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("no axe")
    return Axe()


@pytest.fixture
def opened(browser, tmp_path):
    """Open fragments on a bare page without network; what the page complains of, or asks the
    network for, fails."""
    contexts, faults = [], []

    def open_page(*fragments: str, theme: str = "light", width: int = 1200, script: bool = True):
        page = tmp_path / "page.html"
        page.write_text(
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bare</title></head>'
            f'<body style="color-scheme: {theme}; background: {THEMES[theme]}"><main><h1>Bare</h1><h2>Browse</h2>'
            f"{''.join(fragments)}</main></body></html>",
            "utf-8",
        )
        context = browser.new_context(
            offline=True, java_script_enabled=script, viewport={"width": width, "height": 900}
        )
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda message: faults.append(message.text))
        tab.on(
            "request",
            lambda request: (
                None if request.url[:5] in ("file:", "data:") else faults.append(request.url)
            ),
        )
        tab.goto(page.as_uri())
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def visible(tab, name: str = "reports") -> list[str]:
    """Return the alternative texts of the films that can be seen in one explorer."""
    images = tab.locator(f"#{name} img").all()
    return [image.get_attribute("alt") for image in images if image.is_visible()]


def test_a_study_is_picked_with_the_mouse(opened):
    tab = opened(explorer(STUDIES, CREDIT))
    assert visible(tab) == [STUDIES[0].about]
    tab.get_by_label("Study", exact=True).select_option(label=STUDIES[2].name)
    assert visible(tab) == [STUDIES[2].about]
    assert (
        tab.get_by_text("True words 3.").is_visible()
        and tab.get_by_text("Parrot words 3.").is_visible()
    )
    assert tab.get_by_text("True words 1.").is_hidden()
    assert tab.get_by_text(CREDIT).locator("visible=true").count() == 1
    assert tab.get_by_role("status").inner_text() == f"{STUDIES[2].name} (3 of 3)"
    tab.get_by_role("button", name="Next").click()
    assert visible(tab) == [STUDIES[0].about]
    tab.get_by_role("button", name="Previous").click()
    assert visible(tab) == [STUDIES[2].about]
    assert tab.get_by_label("Study", exact=True).input_value() == STUDIES[2].name


def test_a_study_is_picked_with_the_keyboard_alone_and_the_focus_is_seen(opened):
    tab = opened(explorer(STUDIES, CREDIT))

    focus = (
        "[document.activeElement.localName, getComputedStyle(document.activeElement).outlineWidth]"
    )
    for key, element, shown in [
        ("Tab", "select", 0), ("ArrowDown", "select", 1), ("ArrowUp", "select", 0),
        ("Tab", "button", 0), ("Enter", "button", 2), ("Space", "button", 1),  # Previous: from the first to the last
        ("Tab", "button", 1), ("Enter", "button", 2),  # Next
    ]:  # fmt: skip
        tab.keyboard.press(key)
        assert tab.evaluate(focus) == [element, "3px"]
        assert visible(tab) == [STUDIES[shown].about]
    assert tab.get_by_role("status").inner_text() == f"{STUDIES[2].name} (3 of 3)"


def test_without_javascript_every_study_is_there_and_no_dead_control(opened):
    tab = opened(explorer(STUDIES, CREDIT), script=False)
    assert visible(tab) == [one.about for one in STUDIES]
    assert tab.get_by_role("heading", name=STUDIES[1].name).is_visible()
    assert (
        tab.locator("select").is_hidden()
        and tab.locator("button").locator("visible=true").count() == 0
    )


def test_two_explorers_on_a_page_do_not_interfere_and_leave_no_global(opened):
    tab = opened(explorer(STUDIES, CREDIT, "one"), explorer(STUDIES[:2], CREDIT, "two"))
    tab.locator("#two").get_by_role("button", name="Next").click()
    assert (visible(tab, "one"), visible(tab, "two")) == ([STUDIES[0].about], [STUDIES[1].about])
    tab.locator("#one").get_by_role("button", name="Next").click()
    assert (visible(tab, "one"), visible(tab, "two")) == ([STUDIES[1].about], [STUDIES[1].about])
    assert (
        tab.evaluate("[typeof root, typeof show, typeof pick, typeof studies]") == ["undefined"] * 4
    )


def test_a_report_with_markup_is_shown_word_for_word(opened):
    reports = {**STUDIES[0].reports, "radiologist": NASTY}
    tab = opened(explorer([replace(STUDIES[0], reports=reports)], CREDIT))
    assert tab.title() == "Bare"
    assert tab.locator(".report p").first.inner_text() == NASTY


def test_a_narrow_page_stacks_film_and_report_and_does_not_scroll_sideways(opened):
    long = [replace(one, name=f"{one.name}, {'very ' * 30}long") for one in STUDIES]
    for width, stacked in ((1200, False), (400, True)):
        tab = opened(explorer(long, CREDIT), width=width)
        film, report = (
            tab.locator(f"{what} >> visible=true").first.bounding_box()
            for what in ("img", ".report")
        )
        assert (report["y"] >= film["y"] + film["height"]) is stacked
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("script", [True, False])
def test_axe_finds_no_violation_of_wcag_a_or_aa(opened, axe, theme, script):
    fragment = explorer(STUDIES, CREDIT)
    # axe itself is JavaScript: without that of the explorer, the page is as it is before the script ran.
    tab = opened(
        fragment if script else re.sub(r"<script>.*</script>", "", fragment, flags=re.DOTALL),
        theme=theme,
    )
    assert len(visible(tab)) == (1 if script else 3)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = axe.run(tab, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    assert {"color-contrast", "image-alt"} <= {one["id"] for one in found.response["passes"]}, (
        "axe saw nothing"
    )


def test_axe_finds_a_planted_violation(opened, axe):
    tab = opened(re.sub(' alt="[^"]*"', "", explorer(STUDIES, CREDIT)))
    assert [one["id"] for one in axe.run(tab).response["violations"]] == ["image-alt"]
