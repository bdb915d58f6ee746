"""Reports made of other reports: what may be said, when to stop, which side, and what must not be
contradicted."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import LABELS, label_matrix
from txtray_utils.write.copying import nearest_report, nearest_sentences, sayable, select_sentences
from txtray_utils.write.index import SentenceCorpus, VectorIndex
from txtray_utils.write.sides import halves, said_sides, sides, train_side_classifier
from txtray_utils.write.structured import ALWAYS_ASKED, Structured, asked_about, thresholds

TEXTS = [
    "There is a left pleural effusion.",
    "There is a right pleural effusion.",
    "No pleural effusion.",
    "The heart is enlarged.",
    "No acute disease.",
    "The heart is normal in size.",
    "No pneumothorax.",
    "Stable left effusion.",
    "XXXX in the left lung.",
]
EFFUSION, HEART = LABELS.index("Pleural Effusion"), LABELS.index("Cardiomegaly")


def bank() -> SentenceCorpus:
    return SentenceCorpus(
        TEXTS, torch.eye(len(TEXTS)), label_matrix([label_report(text, None) for text in TEXTS])
    )


def test_the_nearest_film_gives_its_report():
    shelf = VectorIndex(torch.eye(3))
    assert nearest_report(torch.tensor([[0.1, 0.9, 0.0]]), shelf, ["a", "b", "c"]) == ["b"]


def test_two_sentences_are_the_two_nearest():
    similarity = torch.zeros(1, len(TEXTS))
    similarity[0, 3], similarity[0, 6] = 0.9, 0.8
    assert nearest_sentences(similarity, bank()) == ["The heart is enlarged. No pneumothorax."]


def test_priors_and_gaps_may_not_be_said_of_another_patient():
    assert sayable(bank()).tolist() == [True] * 7 + [False] * 2
    assert sayable(bank(), priors=True).tolist() == [True] * 8 + [False]


def test_a_frontal_film_has_no_lateral_view():
    texts = ["Fluid on the lateral view.", "Fluid in the lateral sulcus."]
    assert sayable(SentenceCorpus(texts, torch.eye(2), np.zeros((2, 14)))).tolist() == [False, True]


def test_nothing_contradicts_or_repeats_what_was_said():
    similarity = torch.linspace(1, 0.2, len(TEXTS))[None]
    made = bank()
    made.features[1] = made.features[0]  # to the text tower the two effusions are one
    assert select_sentences(similarity, made, above=0.5) == [
        "There is a left pleural effusion. The heart is enlarged. No acute disease."
    ]


def test_the_nearest_sentence_is_always_said():
    assert select_sentences(torch.full((1, len(TEXTS)), -1.0), bank(), above=0.5)[0]


@given(st.lists(st.floats(-1, 1, width=32), min_size=len(TEXTS), max_size=len(TEXTS)))
def test_a_varied_report_never_names_a_finding_both_ways(near):
    report = select_sentences(torch.tensor([near]), bank(), above=-1.0, most=9)[0]
    said = [label_report(text, None) for text in report.split(". ")]
    for label in LABELS:
        assert not {0, 1} <= {one[label] for one in said}, report


def test_the_threshold_lets_through_as_many_as_are_expected():
    scores = np.linspace(0, 1, 101)[:, None]
    for rate in (0.0, 0.1, 0.5):
        cut = thresholds(scores, np.array([rate]))
        assert (scores >= cut).mean() == pytest.approx(max(rate, 0.0), abs=0.011)


def test_halves_are_the_pooled_halves_of_the_map():
    torch.manual_seed(0)
    model, films = (
        ImageTextModel(text_width=16).eval(),
        torch.randint(0, 256, (2, 1, 128, 128), dtype=torch.uint8),
    )
    made, maps = halves(model, films), model.feature_maps(films)
    right = model.pooled(maps[..., :2]).detach().numpy()
    np.testing.assert_allclose(made[:, 0], right, rtol=1e-4, atol=1e-5)
    assert made.shape[:2] == (2, 2)


def test_reports_say_sides():
    said = said_sides(["Left effusion. No right pneumothorax.", "The heart is large."])
    assert said[0, EFFUSION] == "left" and (said != "").sum() == 1


def sided_films(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Halves whose first feature is louder on the side of the finding, and what a report says of
    it."""
    rng = np.random.default_rng(0)
    right = rng.random(count) < 0.5
    features = rng.normal(0, 0.3, (count, 2, 5))
    features[np.arange(count), np.where(right, 0, 1), 0] += 2
    said = np.full((count, 14), "", dtype="<U5")
    said[:, EFFUSION] = np.where(right, "right", "left")
    return features, said


def test_sides_are_learnt_from_what_reports_say():
    features, said = sided_films(80)
    weights = train_side_classifier(features[:40], said[:40])
    named = sides(features[40:], weights, 0.0)
    assert (named[:, EFFUSION] == said[40:, EFFUSION]).all() and (named[:, HEART] == "").all()
    assert (sides(features, weights, 1e6) == "").all()


def test_a_mirrored_film_gets_the_other_side():
    features, said = sided_films(40)
    weights = train_side_classifier(features, said)
    there, mirrored = (
        sides(one, weights, 0.1)[:, EFFUSION] for one in (features, features[:, ::-1])
    )
    other = {"right": "left", "left": "right", "": ""}
    assert [other[side] for side in there] == mirrored.tolist()


def test_reports_without_sides_teach_none():
    with pytest.raises(ValueError, match="side"):
        train_side_classifier(np.zeros((1, 2, 5)), np.full((1, 14), ""))


def test_an_indication_asks():
    assert asked_about("Chest pain")[0] == "Pneumothorax"
    assert asked_about("") == asked_about(None) == ALWAYS_ASKED


def structured(present: list[int], side: str = "", indication: str | None = None) -> str:
    made = Structured(bank(), sayable(bank()))
    there, sides = np.zeros((1, 14), bool), np.full((1, 14), "", dtype="<U5")
    there[0, present] = True
    sides[0, EFFUSION] = side
    return made.write(torch.zeros(1, len(TEXTS)), there, sides, [indication])[0]


def test_a_finding_is_said_with_its_side_and_what_is_asked_is_denied():
    assert structured([EFFUSION], "right") == "There is a right pleural effusion. No pneumothorax."
    assert structured([EFFUSION], "left") == "There is a left pleural effusion. No pneumothorax."


def test_a_normal_film_is_called_normal_and_both_usual_questions_answered():
    assert structured([]) == "No acute disease. No pneumothorax. No pleural effusion."


@pytest.mark.parametrize("present", [[], [EFFUSION], [HEART], [EFFUSION, HEART]])
def test_the_labels_of_a_structured_report_are_the_findings_given(present):
    labels = label_matrix([label_report(structured(present), None)])[0] == 1
    expected = np.zeros(14, bool)
    expected[present or [LABELS.index("No Finding")]] = True
    assert labels.tolist() == expected.tolist()


def test_a_finding_without_a_sentence_is_passed_over():
    assert structured([LABELS.index("Fracture")]) == "No pneumothorax. No pleural effusion."
