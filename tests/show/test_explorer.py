"""The explorer of generated reports: what its HTML holds."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tests.show.small import CREDIT, NASTY, STUDIES, THEMES, study
from txtray_utils.show.explorer import KINDS, MOST, Shown, explorer


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


def test_a_line_of_scores_stands_under_the_report_of_its_system_alone():
    line = "clinical score 0.60 & <label F1> 0.50"
    fragment = explorer([replace(study(1), scores={"parrot": line})], CREDIT)
    assert Parsed(fragment).text.count(line) == 1
    assert fragment.index("Parrot words 1.") < fragment.index("0.60") < fragment.index("No words.")


def test_only_what_was_given_is_in_the_fragment():
    fragment = Parsed(explorer(STUDIES, CREDIT))
    given = {CREDIT, "Study", "Previous", "Next", "radiologist (true report)", "parrot", "decoder"}
    for one in STUDIES:
        given |= {one.name, *one.reports.values()}
    given |= {*KINDS, *KINDS.values(), ": effusion", ": fracture, pneumonia", ": mass", ": none"}
    assert {text.strip() for text in fragment.text} - {""} == given
    assert fragment.values("alt") == [one.about for one in STUDIES]
    sources = fragment.values("src")
    assert len(sources) == 3
    for source in sources:
        assert source.startswith("data:image/png;base64,")
    assert not re.search(r"https?:|url\(|@import|fetch|href", explorer(STUDIES, CREDIT))


def test_the_film_is_a_grey_image_of_its_values():
    film = np.array([[0, 0.5, 1], [0.25, 1, 0]], np.float32)
    source = Parsed(explorer([replace(STUDIES[0], film=film)], CREDIT)).values("src")[0]
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert image.mode == "L"
    assert np.abs(np.asarray(image) / 255 - film).max() <= 0.5 / 255


def test_what_a_report_holds_is_text_and_never_markup():
    plain = Parsed(explorer(STUDIES[:1], CREDIT))
    parrot = {"right": [NASTY], "wrong": [NASTY, NASTY]}
    nasty = Shown(
        name=NASTY,
        film=STUDIES[0].film,
        about=NASTY,
        reports={NASTY: NASTY, "parrot": NASTY, "decoder": NASTY},
        findings={"parrot": parrot, "decoder": {"missed": [NASTY]}},
    )
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
        fragment = Parsed(explorer([study(number) for number in range(count)], CREDIT))
        assert fragment.tags.count("article") == count


FIRST, SECOND = STUDIES[:2]
TOO_MANY = [study(number) for number in range(MOST + 1)]
FEWER = replace(SECOND, reports={"radiologist": "x", "parrot": "x"})
ALL_JUDGED = {key: {} for key in FIRST.reports}
FAULTS = [
    ([], "0 studies"),
    (TOO_MANY, "13 studies"),
    ([FIRST, FEWER], "Study 2.*are not those of Study 1"),
    ([FIRST, replace(SECOND, findings={"parrot": {}})], "Study 2.*are not those of Study 1"),
    ([replace(FIRST, findings={"parrot": {}})], "one report must be without findings"),
    ([replace(FIRST, findings=ALL_JUDGED)], "one report must be without findings"),
    (
        [replace(FIRST, findings={"parrot": {}, "oracle": {}})],
        "one report must be without findings",
    ),
    ([replace(FIRST, findings={"parrot": {"correct": []}, "decoder": {}})], "not correct"),
    ([replace(FIRST, film=np.zeros((2, 2, 3)))], "a film is"),
    ([replace(FIRST, film=np.zeros((0, 2)))], "a film is"),
    ([replace(FIRST, film=np.full((2, 2), 255.0))], "a film is"),
    ([replace(FIRST, film=np.full((2, 2), np.nan))], "a film is"),
]


@pytest.mark.parametrize(("shown", "fault"), FAULTS)
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
