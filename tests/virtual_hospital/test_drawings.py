"""The catalogue: what MeSH codes draw, what they leave null, and which CheXpert labels they state.
All sentences are ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtray_utils.read.mesh import mesh_labels, parse_mesh, rule_of
from txtray_utils.read.mesh_rules import mesh_rules
from txtray_utils.vocabulary import FINDINGS, LABELS, SEVERITIES, SIDES, ZONES
from virtual_hospital.catalogue import BY_NAME, CATALOGUE
from virtual_hospital.drawings import drawings_of

HEADINGS = sorted(
    {heading for rule in mesh_rules() for heading in rule.headings.split("|")}
    | {"Spondylosis", "normal"}
)
QUALIFIERS = (
    "right",
    "left",
    "bilateral",
    "lung",
    "base",
    "apex",
    "lingula",
    "mild",
    "large",
    "round",
    "borderline",
    "interstitial",
    "hilum",
    "pleura",
    "tortuous",
    "hypoinflation",
    "enlarged",
    "blunted",
    "multiple",
)


CODED = ("Pneumothorax/right/large",)


def draw(*codes, text="", seed=0):
    return drawings_of(codes, text, np.random.default_rng(seed))


def where(*codes, text="", seed=0):
    return [(d.name, d.side, d.zone, d.severity) for d in draw(*codes, text=text, seed=seed)[0]]


def test_the_names_are_frozen_and_each_has_an_entry():
    assert (
        tuple(finding.name for finding in CATALOGUE)
        == FINDINGS
        == (
            "cardiomegaly",
            "tortuous_aorta",
            "effusion",
            "pneumothorax",
            "consolidation",
            "opacity",
            "interstitial",
            "oedema",
            "atelectasis",
            "nodule",
            "granuloma",
            "scar",
            "hyperinflation",
            "low_volume",
            "raised_diaphragm",
            "scoliosis",
            "central_line",
            "pacemaker",
            "sternal_wires",
        )
    )


def test_every_rule_names_findings_and_labels_that_exist():
    for rule in mesh_rules():
        assert {n for n in f"{rule.draws}|{rule.maybe}".split("|") if n} <= set(FINDINGS), rule
        assert {n for n in f"{rule.labels}|{rule.unsure}".split("|") if n} <= set(LABELS), rule
    assert {f.chexpert for f in CATALOGUE} - {None} <= set(LABELS)
    assert set(FINDINGS) == {n for rule in mesh_rules() for n in rule.draws.split("|") if n}, (
        "a finding that no code draws"
    )


@pytest.mark.parametrize(
    ("code", "side", "zone", "severity"),
    [
        ("Pleural Effusion/right/small", "right", "", "mild"),
        ("Opacity/lung/base/left", "left", "lower", ""),
        ("Opacity/lung/lingula", "left", "middle", ""),
        ("Opacity/retrocardiac", "left", "lower", ""),
        ("Pulmonary Atelectasis/middle lobe/right/mild", "right", "middle", "mild"),
        ("Pneumothorax/apex/left/large", "left", "upper", "severe"),
        ("Airspace Disease/lung/bilateral", "both", "", ""),
        ("Pulmonary Congestion", "", "", "mild"),
        ("Subcutaneous  Emphysema", "", "", ""),
    ],
)
def test_a_code_is_taken_apart(code, side, zone, severity):
    parsed = parse_mesh(code)
    assert (parsed.side, parsed.zone, parsed.severity) == (side, zone, severity)
    assert "  " not in parsed.heading


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["Pleural Effusion/right/small"], [("effusion", "right", "", "mild")]),
        (["Cardiac Shadow/enlarged/severe"], [("cardiomegaly", "", "", "severe")]),
        (["Mass/lung/apex/left"], [("nodule", "left", "upper", "severe")]),
        (["Opacity/lung/lower lobe/left/round/small"], [("nodule", "left", "lower", "mild")]),
        (
            ["Hydropneumothorax/apex/right/moderate"],
            [("effusion", "right", "", "moderate"), ("pneumothorax", "right", "upper", "moderate")],
        ),
        (["Diaphragm/bilateral/flattened/mild"], [("hyperinflation", "", "", "mild")]),
        (["Scoliosis/thoracic vertebrae/right/mild"], [("scoliosis", "right", "", "mild")]),
        # the same place twice: the gravest; both sides cover one side; a place that is said
        # beats one that is not
        (
            ["Cardiomegaly/mild", "Cardiac Shadow/enlarged/severe"],
            [("cardiomegaly", "", "", "severe")],
        ),
        (
            ["Pleural Effusion/left/small", "Pleural Effusion/bilateral/large"],
            [("effusion", "both", "", "severe")],
        ),
        (
            ["Pulmonary Atelectasis", "Pulmonary Atelectasis/base/left/mild"],
            [("atelectasis", "left", "lower", "mild")],
        ),
    ],
)
def test_codes_that_say_everything_are_drawn_as_they_say(codes, expected):
    assert where(*codes, seed=1) == where(*codes, seed=2) == expected
    assert draw(*codes)[1] == ()


@pytest.mark.parametrize(
    ("code", "null"),
    [
        ("Costophrenic Angle/right/blunted", {"effusion"}),
        ("Cardiomegaly/borderline", {"cardiomegaly"}),
        ("Markings/bronchovascular", {"interstitial", "oedema"}),
        ("Scoliosis/lumbar vertebrae", {"scoliosis"}),
        ("Calcinosis/lung/hilum/lymph nodes", {"granuloma"}),
        ("Lung/left/hypoinflation", {"low_volume"}),
        ("Heart Failure", {"oedema", "effusion", "cardiomegaly"}),
        ("Thoracic Vertebrae/degenerative", set()),
        ("Catheters, Indwelling/abdomen/right", set()),
        ("No Indexing", set(FINDINGS)),
    ],
)
def test_a_code_that_is_not_drawn_is_null_not_negative(code, null):
    drawings, undrawn, drawn = draw(code)
    assert drawings == () and undrawn == (code,)
    assert {name for name, value in drawn.items() if value is None} == null
    assert all(drawn[name] == 0 for name in set(FINDINGS) - null)


def test_normal_is_all_absent_and_no_codes_is_all_unknown():
    assert draw("normal") == ((), (), dict.fromkeys(FINDINGS, 0))
    assert set(draw()[2].values()) == {None}


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            "Pneumothorax",
            "A small left apical pneumothorax is seen.",
            ("pneumothorax", "left", "upper", "mild"),
        ),
        (
            "Pulmonary Atelectasis/mild",
            "Bibasilar atelectasis.",
            ("atelectasis", "both", "lower", "mild"),
        ),
        (
            "Pleural Effusion/left",
            "Heart is large, with a moderate effusion.",
            ("effusion", "left", "", "moderate"),
        ),
    ],
)
def test_where_the_code_is_silent_the_sentence_speaks(code, text, expected):
    assert {where(code, text=text, seed=seed)[0] for seed in range(5)} == {expected}
    assert (
        "sentence" in draw(code, text=text)[0][0].said
        and "random" not in draw(code, text=text)[0][0].said
    )


@pytest.mark.parametrize(
    "text",
    [
        "There is a pneumothorax. No pneumothorax on the left.",  # denied
        "The left base is clear. There is a pneumothorax.",  # another sentence's side
        "Left lung is small, with pneumothorax.",  # another clause's side
        "A right and a left pneumothorax line.",  # two sides, not one
        "Pneumothorax beside the right ventricle.",  # part of a name
    ],
)
def test_what_does_not_speak_of_the_finding_is_not_read(text):
    drawing = draw("Pneumothorax/small", text=text)[0][0]
    assert "side:random" in drawing.said and drawing.severity == "mild"


def test_random_fills_follow_the_odds_and_are_recorded():
    sides = [draw("Scoliosis/mild", seed=seed)[0][0] for seed in range(400)]
    assert 0.6 < np.mean([d.side == "right" for d in sides]) < 0.8
    assert {d.said for d in sides} == {"finding:code side:random severity:code"}


def test_a_device_is_a_pacemaker_only_if_the_report_says_so():
    assert where("Implanted Medical Device/left", text="Dual pacemaker with intact leads.")[0][
        :2
    ] == ("pacemaker", "left")
    for text in ("A port is noted.", "No pacemaker."):
        drawings, undrawn, drawn = draw("Implanted Medical Device/left", text=text)
        assert drawings == () and undrawn and drawn["pacemaker"] is None
    monitor = draw("Medical Device", text="Overlying external monitor leads.")
    assert monitor[0] == () and monitor[2]["pacemaker"] == 0


def test_sternal_wires_need_a_sentence_not_a_code():
    drawings, _, drawn = draw("Cardiomegaly", text="Intact sternotomy wires.")
    assert "sternal_wires" in [d.name for d in drawings] and drawn["sternal_wires"] == 1
    assert draw("normal", text="Intact sternotomy wires.")[0] == ()
    assert drawings[1].said.startswith("finding:sentence")
    assert draw("normal", text="No sternotomy.")[0] == ()
    assert draw("No Indexing", text="Sternotomy wires.")[0] == ()


codes = st.lists(
    st.builds(
        lambda h, q: "/".join([h, *q]),
        st.sampled_from(HEADINGS),
        st.lists(st.sampled_from(QUALIFIERS), max_size=4),
    ),
    max_size=5,
)


@given(codes, st.text(max_size=80), st.integers(0, 2**32))
def test_whatever_the_codes_the_drawings_are_sound(codes, text, seed):
    drawings, undrawn, drawn = draw(*codes, text=text, seed=seed)
    assert (drawings, undrawn, drawn) == draw(*codes, text=text, seed=seed)
    assert list(drawn) == list(FINDINGS)
    assert {name for name, value in drawn.items() if value == 1} == {d.name for d in drawings}
    assert len({(d.name, d.side, d.zone) for d in drawings}) == len(drawings)
    for d in drawings:
        finding = BY_NAME[d.name]
        assert d.side in (SIDES if finding.sided else ("",))
        assert d.zone in (ZONES if finding.zones else ("",)) and d.severity in SEVERITIES
    for code in codes:
        rule = rule_of(code, text)
        assert code == "normal" or (code in undrawn) != bool(rule and rule.draws)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["normal"], {name: int(name == "No Finding") for name in LABELS}),
        (["No Indexing"], dict.fromkeys(LABELS)),
        ([], dict.fromkeys(LABELS)),
        (
            ["Cardiomegaly/borderline"],
            {"Cardiomegaly": -1, "Enlarged Cardiomediastinum": None, "No Finding": 0},
        ),
        (["Cardiac Shadow/enlarged/borderline"], {"Cardiomegaly": -1}),
        (
            ["Airspace Disease/lung/base/left"],
            {"Lung Opacity": 1, "Consolidation": None, "Pneumonia": None, "Edema": 0},
        ),
        (["Pneumonia/lower lobe/right"], {"Pneumonia": 1, "Consolidation": None, "No Finding": 0}),
        (["Pulmonary Congestion"], {"Edema": 1, "Lung Opacity": None}),
        (["Cicatrix/lung/apex/right"], {"Lung Opacity": 1, "Pleural Other": 0}),
        (["Thickening/pleura/right"], {"Pleural Other": 1, "Pleural Effusion": 0}),
        (
            ["Costophrenic Angle/left/blunted"],
            {"Pleural Effusion": None, "Pleural Other": None, "No Finding": None},
        ),
        (["Calcified Granuloma/lung/base/right"], {"Lung Lesion": None, "No Finding": None}),
        (
            ["Catheters, Indwelling/right"],
            {"Support Devices": 1, "No Finding": None, "Pneumothorax": 0},
        ),
        (["Fractures, Bone/ribs/left/healed"], {"Fracture": 1, "No Finding": 0}),
        (["Hydropneumothorax/right"], {"Pneumothorax": 1, "Pleural Effusion": 1}),
        (["Spondylosis"], {"No Finding": None, "Cardiomegaly": 0}),
        (
            ["Pneumonia/right", "Consolidation/lung/right"],
            {"Pneumonia": 1, "Consolidation": 1, "Lung Opacity": None},
        ),
    ],
)
def test_the_labels_that_codes_state(codes, expected):
    labels = mesh_labels(codes)
    assert list(labels) == list(LABELS)
    assert {name: labels[name] for name in expected} == expected


@given(codes)
def test_no_finding_excludes_every_pathology(codes):
    labels = mesh_labels(codes)
    assert set(labels.values()) <= {0, 1, -1, None}
    pathologies = [v for name, v in labels.items() if name not in ("No Finding", "Support Devices")]
    if labels["No Finding"] == 0:
        assert any(v in (1, -1) for v in pathologies)
    elif "normal" not in codes and labels["No Finding"] is None:
        assert not any(v in (1, -1) for v in pathologies)


@pytest.mark.parametrize(
    ("text", "drawn", "undrawn"),
    [
        ("Large right pneumothorax.", 1, ()),
        ("No visualized pneumothorax. Right effusion. No visualized pneumothorax.", None, CODED),
        ("No pneumothorax at the left. A small pneumothorax at the right apex.", 1, ()),
        ("No pneumothorax at the left. Possible pneumothorax at the right apex.", 1, ()),
        ("The lungs are expanded.", 1, ()),
    ],
)
def test_what_the_text_denies_is_not_drawn(text, drawn, undrawn):
    drawings, left, truth = draw(*CODED, text=text)
    assert truth["pneumothorax"] == drawn and left == undrawn
    assert ("pneumothorax" in [one.name for one in drawings]) == (drawn == 1)


def test_a_denied_half_of_a_code_leaves_the_other_half():
    code = "Hydropneumothorax/right"
    drawings, left, truth = draw(code, text="Air fluid level. No visualized pneumothorax.")
    assert [one.name for one in drawings] == ["effusion"] and left == (code,)
    assert (truth["effusion"], truth["pneumothorax"], truth["nodule"]) == (1, None, 0)


def test_normal_draws_nothing_whatever_the_text_says():
    absent = dict.fromkeys(FINDINGS, 0)
    assert draw("normal", text="The lungs are clear.") == ((), (), absent)
    wires = absent | {"sternal_wires": None}
    assert draw("normal", text="Sternotomy wires are intact. No effusion.") == ((), (), wires)


def test_a_spine_bends_one_way():
    codes = ["Scoliosis/thoracic vertebrae/left/moderate", "Scoliosis/lumbar vertebrae/right/mild"]
    drawings, _, _ = drawings_of(codes, "Scoliosis.", np.random.default_rng(0))
    assert [one.name for one in drawings] == ["scoliosis"]
    assert drawings[0].severity == "moderate"
