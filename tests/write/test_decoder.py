"""The decoder stops, is cut where it does not, and refuses what it cannot use."""

from dataclasses import replace

import pytest
import torch

from tests.write.small import SMALL, TEXTS, fitted, labels, maps
from txtray_utils.write.decoder_training import (
    train_writer,
)
from txtray_utils.write.tokeniser import tokeniser


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
