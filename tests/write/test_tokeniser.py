"""The decoder's words: which reports it learns from, and that no text is unknown."""

import pytest
from datasets import Dataset

from tests.write.small import SMALL, TEXTS
from txtray_utils.write.tokeniser import learnable, tokeniser


def test_it_learns_neither_from_gaps_nor_from_comparisons():
    said = [
        ["No effusion.", "Unchanged from the previous film."],
        ["Seen by Dr. XXXX."],
        [],
        ["1. Clear lungs.", "2. No mass."],
    ]
    assert learnable(Dataset.from_dict({"sentences": said})) == (
        [0, 3],
        ["No effusion.", "Clear lungs. No mass."],
    )


@pytest.mark.parametrize("text", ["Zebra über 37 °C: 漢字?", " two  spaces ", "1. a\n2. b"])
def test_no_text_is_unknown_to_the_tokeniser(text):
    words = tokeniser(TEXTS, SMALL.words)
    assert (
        words.decode(
            words(text)["input_ids"], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        == text
    )


def test_a_set_phrase_is_one_token_and_a_sentence_ends_one():
    words = tokeniser(["No effusion. Clear."] * 20, SMALL.words)
    assert [words.decode([one]) for one in words("No effusion. Clear.")["input_ids"]] == [
        "No effusion.",
        " Clear.",
        "</s>",
    ]
