"""The decoder learns a small task by heart, the same each time, and its encoder with it."""

from dataclasses import replace

import pytest
import torch

from tests.write.small import SMALL, TEXTS, fitted, labels, maps
from txtray_utils.align.encoders import ImageTextModel
from txtray_utils.write.decoder_training import (
    NextTokenOfFilms,
    train_writer,
    train_writer_with_encoder,
    trained_writer,
)
from txtray_utils.write.tokeniser import tokeniser


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
