"""The decoder: it learns a small task by heart, knows every text, stops, and refuses what it cannot
use."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset

from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.write.decoder import Writer, WriterRecipe
from txtray_utils.write.decoder_training import (
    NextTokenOfFilms,
    train_writer,
    train_writer_with_encoder,
    trained_writer,
)
from txtray_utils.write.tokeniser import learnable, tokeniser

TEXTS = [
    "The heart is large.",
    "There is an effusion.",
    "No acute disease.",
    "Clear lungs. No effusion.",
]
SMALL = WriterRecipe(width=32, layers=1, words=300, longest=24, steps=120, batch=4, rate=1e-2)


def maps(count: int = 4) -> torch.Tensor:
    return torch.eye(4).repeat(2, 1)[:count, :, None, None].expand(-1, -1, 2, 2).contiguous() * 3


def labels(count: int = 4) -> torch.Tensor:
    return torch.eye(14)[:count]


def fitted(recipe: WriterRecipe = SMALL, seed: int = 0) -> tuple[Writer, object]:
    words = tokeniser(TEXTS, recipe.words)
    return train_writer(recipe, maps(), labels(), TEXTS, words, seed=seed), words


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


def test_it_learns_four_films_by_heart():
    writer, words = fitted()
    assert writer.write(maps(), words) == TEXTS
    assert writer.write(maps(), words, mode="beam") == TEXTS


def test_a_guided_writer_follows_the_labels_where_the_films_are_alike():
    recipe = replace(SMALL, guided=True)
    words, same = tokeniser(TEXTS, recipe.words), torch.ones(4, 4, 2, 2)
    writer = train_writer(recipe, same, labels(), TEXTS, words)
    assert writer.write(same, words, labels() == 1) == TEXTS
    with pytest.raises(ValueError, match="guided"):
        writer.write(same, words)


def test_the_same_seed_gives_the_same_weights():
    recipe = replace(SMALL, steps=3)
    one, other, third = fitted(recipe)[0], fitted(recipe)[0], fitted(recipe, 1)[0]
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    assert not all(
        torch.equal(a, b) for a, b in zip(one.parameters(), third.parameters(), strict=True)
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


def test_a_decoder_that_never_stops_is_cut_at_its_last_full_stop(caplog):
    writer, words = fitted(replace(SMALL, steps=1))
    with torch.no_grad():
        writer.model.final_logits_bias[0, 2] = -1e4  # never the end
        writer.model.final_logits_bias[0, words("a. b")["input_ids"][:-1]] += 50
    with caplog.at_level("INFO"):
        report = writer.write(maps(1), words)[0]
    assert "did not end" in caplog.text
    assert "." not in report or report.endswith(".")


def test_what_cannot_be_used_is_refused():
    writer, words = fitted(replace(SMALL, steps=1))
    with pytest.raises(ValueError, match="no film"):
        writer.write(maps(0), words)
    with pytest.raises(ValueError, match="NaN"):
        writer.write(maps() * float("nan"), words)
    with pytest.raises(ValueError, match="mode"):
        writer.write(maps(), words, mode="sonnet")
    with pytest.raises(ValueError, match="no report"):
        tokeniser(["", " "], SMALL.words)
    with pytest.raises(ValueError, match="no report empty"):
        train_writer(SMALL, maps(), labels(), ["", *TEXTS[1:]], words)


def test_a_trained_writer_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    words, recipe = tokeniser(TEXTS, SMALL.words), replace(SMALL, steps=2)
    first = trained_writer(recipe, maps(), labels(), TEXTS, words)
    monkeypatch.setattr(
        "txtray_utils.write.decoder_training.fit", lambda *_, **__: pytest.fail("trained again")
    )
    again = trained_writer(recipe, maps(), labels(), TEXTS, words)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)
    )


def test_a_live_tower_is_trained_with_the_decoder():
    torch.manual_seed(0)
    tower, films = (
        ImageTextModel(text_width=16),
        torch.randint(0, 256, (4, 1, 64, 64), dtype=torch.uint8),
    )
    before = tower.image_encoder.model.conv_stem.weight.clone()
    recipe = replace(SMALL, steps=2)
    objective = NextTokenOfFilms(films, labels(), TEXTS, tokeniser(TEXTS, SMALL.words), recipe)
    train_writer_with_encoder(recipe, tower, objective)
    assert not torch.equal(before, tower.image_encoder.model.conv_stem.weight)
