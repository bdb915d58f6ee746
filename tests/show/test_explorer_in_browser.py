"""The explorer of generated reports: what a reader can do with it in a browser."""

import re
from dataclasses import replace

import pytest

from tests.show.small import CREDIT, NASTY, STUDIES, THEMES
from txtray_utils.show.explorer import explorer


def visible(tab, name: str = "reports") -> list[str]:
    """Return the alternative texts of the films that can be seen in one explorer."""
    images = tab.locator(f"#{name} img").all()
    return [image.get_attribute("alt") for image in images if image.is_visible()]


def test_a_study_is_picked_with_the_mouse(opened):
    tab = opened(explorer(STUDIES, CREDIT))
    assert visible(tab) == [STUDIES[0].about]
    tab.get_by_label("Study", exact=True).select_option(label=STUDIES[2].name)
    assert visible(tab) == [STUDIES[2].about]
    assert tab.get_by_text("True words 3.").is_visible()
    assert tab.get_by_text("Parrot words 3.").is_visible()
    assert tab.get_by_text("True words 1.").is_hidden()
    assert tab.get_by_text(CREDIT).locator("visible=true").count() == 1
    assert tab.get_by_role("status").inner_text() == f"{STUDIES[2].name} (3 of 3)"
    tab.get_by_role("button", name="Next").click()
    assert visible(tab) == [STUDIES[0].about]
    tab.get_by_role("button", name="Previous").click()
    assert visible(tab) == [STUDIES[2].about]
    assert tab.get_by_label("Study", exact=True).input_value() == STUDIES[2].name


KEYS = [  # what is pressed, what has the focus then, which study is shown
    ("Tab", "select", 0),
    ("ArrowDown", "select", 1),
    ("ArrowUp", "select", 0),
    ("Tab", "button", 0),
    ("Enter", "button", 2),  # Previous: from the first to the last
    ("Space", "button", 1),
    ("Tab", "button", 1),
    ("Enter", "button", 2),  # Next
]


def test_a_study_is_picked_with_the_keyboard_alone_and_the_focus_is_seen(opened):
    tab = opened(explorer(STUDIES, CREDIT))
    focus = (
        "[document.activeElement.localName, getComputedStyle(document.activeElement).outlineWidth]"
    )
    for key, element, shown in KEYS:
        tab.keyboard.press(key)
        assert tab.evaluate(focus) == [element, "3px"]
        assert visible(tab) == [STUDIES[shown].about]
    assert tab.get_by_role("status").inner_text() == f"{STUDIES[2].name} (3 of 3)"


def test_without_javascript_every_study_is_there_and_no_dead_control(opened):
    tab = opened(explorer(STUDIES, CREDIT), script=False)
    assert visible(tab) == [one.about for one in STUDIES]
    assert tab.get_by_role("heading", name=STUDIES[1].name).is_visible()
    assert tab.locator("select").is_hidden()
    assert tab.locator("button").locator("visible=true").count() == 0


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
        film = tab.locator("img >> visible=true").first.bounding_box()
        report = tab.locator(".report >> visible=true").first.bounding_box()
        assert (report["y"] >= film["y"] + film["height"]) is stacked
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("script", [True, False])
def test_axe_finds_no_violation_of_wcag_a_or_aa(opened, axe, theme, script):
    fragment = explorer(STUDIES, CREDIT)
    if not script:  # axe is JavaScript itself: the page is as it is before the explorer's ran
        fragment = re.sub(r"<script>.*</script>", "", fragment, flags=re.DOTALL)
    tab = opened(fragment, theme=theme)
    assert len(visible(tab)) == (1 if script else 3)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = axe.run(tab, options={"runOnly": {"type": "tag", "values": tags}})
    assert found.violations_count == 0, found.generate_report()
    passed = {one["id"] for one in found.response["passes"]}
    assert {"color-contrast", "image-alt"} <= passed, "axe saw nothing"


def test_axe_finds_a_planted_violation(opened, axe):
    tab = opened(re.sub(' alt="[^"]*"', "", explorer(STUDIES, CREDIT)))
    assert [one["id"] for one in axe.run(tab).response["violations"]] == ["image-alt"]
