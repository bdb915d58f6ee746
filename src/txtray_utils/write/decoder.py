"""A small encoder-decoder that writes reports word by word: film features in, sentences out.

`transformers`' BART (Lewis et al. 2020, arXiv 1910.13461), made small and trained from nothing,
reads the feature map of an image encoder as a row of tokens, and on request one more token for each
label that a detector found (`guided`). Explained in book/07_writing_a_report.
"""

import logging
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from txtray_utils.align.training import Schedule
from txtray_utils.vocabulary import LABELS

log = logging.getLogger(__name__)
MODES = {
    "greedy": {"do_sample": False},
    "beam": {"num_beams": 4},
    "nucleus": {"do_sample": True, "top_p": 0.9},
}
TOGETHER = 64  # reports that are written at a time


@dataclass(frozen=True)
class WriterRecipe(Schedule):
    """A decoder's size, whether labels guide it, and how long it is trained."""

    steps: int = 800
    rate: float = 2e-3
    clip: float | None = 1.0
    fused: bool = False
    guided: bool = False
    width: int = 128
    layers: int = 2
    words: int = 2000
    longest: int = 64


class Writer(nn.Module):
    """Film features (N, C, h, w), and label evidence where it is guided, to tokens."""

    def __init__(self, recipe: WriterRecipe, channels: int) -> None:
        """Make it from torch's random state; `channels` are those of the feature map."""
        super().__init__()
        self.recipe = recipe
        self.even = nn.BatchNorm2d(channels)  # else a few loud channels drown the rest
        self.see = nn.Linear(channels, recipe.width)
        self.evidence = nn.Embedding(2 * len(LABELS), recipe.width) if recipe.guided else None
        self.model = BartForConditionalGeneration(_shape(recipe))

    def seen(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """Return the encoder's input (N, h * w (+ 14), width): maps (N, C, h, w), labels (N, 14).

        Raises:
            ValueError: the writer is guided and there are no labels.
        """
        places = self.even(maps.float()).flatten(2).transpose(1, 2)  # (N, h * w, C)
        tokens = self.see(places)
        if self.evidence is None:
            return tokens
        if labels is None:
            raise ValueError("this writer is guided: give it the labels that were found")
        number = labels.long() + 2 * torch.arange(len(LABELS), device=labels.device)
        return torch.cat([tokens, self.evidence(number)], 1)

    @torch.inference_mode()
    def write(
        self,
        maps: Tensor,
        words: PreTrainedTokenizerFast,
        labels: Tensor | None = None,
        mode: str = "greedy",
        seed: int = 0,
    ) -> list[str]:
        """Return a report for each film; `mode` is greedy, beam (4) or nucleus (0.9).

        A report that has not ended after `longest` tokens is cut at its last full stop, and the log
        says how many were.

        Raises:
            ValueError: there is no film, the maps are not finite, or the mode is unknown.
        """
        if mode not in MODES:
            raise ValueError(f"mode is {mode!r}; choose one of {', '.join(MODES)}")
        if not len(maps) or not maps.isfinite().all():
            raise ValueError("there is no film to write about, or its features hold NaN")
        self.eval()
        torch.manual_seed(seed)
        reports, cut = [], 0
        for start in range(0, len(maps), TOGETHER):
            rows = slice(start, start + TOGETHER)
            found = None if labels is None else labels[rows]
            for row in self._tokens(self.seen(maps[rows], found), mode):
                text = words.decode(row, skip_special_tokens=True).strip()
                ended = bool((row[1:] == 2).any())
                cut += not ended
                reports.append(text if ended else _up_to_last_stop(text))
        if cut:
            longest = self.recipe.longest
            said = "%d of %d reports did not end within %d tokens and were cut"
            log.info(said, cut, len(reports), longest)
        return reports

    def _tokens(self, seen: Tensor, mode: str) -> Tensor:
        return self.model.generate(
            inputs_embeds=seen,
            max_new_tokens=self.recipe.longest,
            early_stopping=mode == "beam",
            **MODES[mode],
        )


def _shape(recipe: WriterRecipe) -> BartConfig:
    heads, wide = recipe.width // 32, 4 * recipe.width
    return BartConfig(
        vocab_size=recipe.words,
        d_model=recipe.width,
        encoder_layers=1,
        decoder_layers=recipe.layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=wide,
        decoder_ffn_dim=wide,
        max_position_embeddings=recipe.longest + 8,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        forced_eos_token_id=None,
        dropout=0.1,
    )


def _up_to_last_stop(text: str) -> str:
    return text[: text.rindex(".") + 1] if "." in text else text
