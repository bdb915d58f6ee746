"""Towers and cached text features."""

import pytest
import torch

from txtray_utils import encoders
from txtray_utils.encoders import Towers, scaled, text_features


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TXTRAY_DATA", str(tmp_path))
    return tmp_path


def test_a_text_has_the_same_vector_alone_and_in_a_batch(cache):
    texts = ["There is an effusion.", "The heart is large, and both lungs are clear.", "Clear."]
    together = text_features(texts)
    assert together.shape == (3, 384)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(3))
    for text, vector in zip(texts, together, strict=True):
        torch.testing.assert_close(text_features([text])[0], vector, atol=1e-5, rtol=1e-4)


def test_vectors_are_kept_and_found_again(cache, monkeypatch):
    made = text_features(["One sentence."])
    assert len(list((cache / "features").glob("*.npy"))) == 1
    monkeypatch.setattr(encoders, "normalize", lambda *_, **__: pytest.fail("the sentence was encoded again"))
    assert torch.equal(text_features(["One sentence."]), made)


def test_no_text_is_refused(cache):
    with pytest.raises(ValueError, match="no text"):
        text_features([])


def test_towers_give_unit_vectors_and_refuse_another_width():
    torch.manual_seed(0)
    towers = Towers(text_width=16)
    images, texts, guessed = towers(scaled(torch.zeros(2, 1, 128, 128, dtype=torch.uint8)), torch.randn(3, 16))
    assert images.shape == (2, 128) and texts.shape == (3, 128) and guessed.shape == (2, len(encoders.NAMED))
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(3))
    with pytest.raises(ValueError, match="width 17"):
        towers.encode_texts(torch.randn(3, 17))


def test_a_repeated_text_keeps_its_places(cache):
    one, other, again = text_features(["Clear.", "Effusion.", "Clear."])
    assert torch.equal(one, again) and not torch.equal(one, other)
