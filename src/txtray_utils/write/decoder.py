"""A small encoder-decoder that writes reports word by word: film features in, sentences out.

`transformers`' BART (Lewis et al. 2020, arXiv 1910.13461), made small and trained from nothing, reads the feature map of an
image tower as a row of tokens, and on request one more token for each label that a detector found (`guided`). Its
tokeniser is trained on the training reports alone. Explained in book/06_writing_a_report.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from datasets import Dataset
from safetensors.torch import load_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn
from tqdm import tqdm
from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

from txtray_utils.align.encoders import ImageTextModel, scaled
from txtray_utils.align.pairs import augment
from txtray_utils.align.training import one_cycle, save_tensors
from txtray_utils.read.report import refers_to_prior, report_text
from txtray_utils.settings import data_dir
from txtray_utils.vocabulary import LABELS

log = logging.getLogger(__name__)


MODES = {"greedy": {"do_sample": False}, "beam": {"num_beams": 4}, "nucleus": {"do_sample": True, "top_p": 0.9}}


@dataclass(frozen=True)
class Recipe:
    """How to train a writer: `guided` by labels or not, its size, and how long."""

    guided: bool = False
    width: int = 128
    layers: int = 2
    words: int = 2000
    longest: int = 64
    rate: float = 2e-3
    steps: int = 800
    batch: int = 32


def learnable(studies: Dataset) -> tuple[list[int], list[str]]:
    """Return the rows and reports that a decoder learns from: without gaps, and without priors, which it would invent."""
    kept = [[one for one in said if not refers_to_prior(one) and "XX" not in one] for said in studies["sentences"]]
    rows = [row for row, said in enumerate(kept) if said]
    return rows, [report_text(kept[row]) for row in rows]


def tokeniser(reports: Sequence[str], recipe: Recipe) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokeniser trained on the training reports; no text is unknown to it.

    ImageTextPairs are merged across words but not across sentences, so a set phrase becomes one token and a report a dozen or
    two: a third of the time to train and to write.

    Raises:
        ValueError: there is no report with a word.
    """
    if not any(report.strip() for report in reports):
        raise ValueError("there is no report to learn words from; give the training reports")
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"(?<=[.!?]) "), "merged_with_next"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])  # fmt: skip
    made.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=recipe.words, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(sorted(reports), trainer)
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


class Writer(nn.Module):
    """Film features (N, C, h, w), and label evidence where it is guided, to tokens."""

    def __init__(self, recipe: Recipe, channels: int) -> None:
        """Make it from torch's random state; `channels` are those of the image tower's feature map."""
        super().__init__()
        self.recipe = recipe
        self.even = nn.BatchNorm2d(channels)  # else a few loud channels drown the rest
        self.see = nn.Linear(channels, recipe.width)
        self.evidence = nn.Embedding(2 * len(LABELS), recipe.width) if recipe.guided else None
        heads, wide = recipe.width // 32, 4 * recipe.width
        self.model = BartForConditionalGeneration(BartConfig(
            vocab_size=recipe.words, d_model=recipe.width, encoder_layers=1, decoder_layers=recipe.layers,
            encoder_attention_heads=heads, decoder_attention_heads=heads, encoder_ffn_dim=wide, decoder_ffn_dim=wide,
            max_position_embeddings=recipe.longest + 8, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1, forced_eos_token_id=None, dropout=0.1,
        ))  # fmt: skip

    def seen(self, maps: Tensor, labels: Tensor | None) -> Tensor:
        """Return the encoder's input (N, h * w (+ 14), width): maps (N, C, h, w), labels (N, 14) bool."""
        tokens = self.see(self.even(maps.float()).flatten(2).transpose(1, 2))  # (N, h * w, width)
        if self.evidence is None:
            return tokens
        if labels is None:
            raise ValueError("this writer is guided: give it the labels that were found")
        return torch.cat([tokens, self.evidence(labels.long() + 2 * torch.arange(len(LABELS), device=labels.device))], 1)

    @torch.inference_mode()
    def write(self, maps: Tensor, words: PreTrainedTokenizerFast, labels: Tensor | None = None, mode: str = "greedy",
              seed: int = 0) -> list[str]:  # fmt: skip
        """Return a report for each film, 64 at a time; `mode` is greedy, beam (4) or nucleus (0.9).

        A report that has not ended after `longest` tokens is cut at its last full stop, and the log says how many were.

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
        for start in range(0, len(maps), 64):
            part = slice(start, start + 64)
            seen = self.seen(maps[part], None if labels is None else labels[part])
            tokens = self.model.generate(inputs_embeds=seen, max_new_tokens=self.recipe.longest, early_stopping=mode == "beam", **MODES[mode])  # fmt: skip
            for row in tokens:
                text = words.decode(row, skip_special_tokens=True).strip()
                ended = bool((row[1:] == 2).any())
                cut += not ended
                reports.append(text if ended or "." not in text else text[: text.rindex(".") + 1])
        if cut:
            log.info("%d of %d reports did not end within %d tokens and were cut", cut, len(reports), self.recipe.longest)
        return reports


def frozen(maps: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what shows film features to `fit_writer`: made once, for a tower that stays as it is."""
    return lambda rows: maps[rows]


def live(tower: ImageTextModel, films: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the same for a tower that is trained with the decoder: augmented films through it, with gradient."""
    return lambda rows: tower.train().image.forward_features(augment(scaled(films[rows])).to(tower.logit_scale.device))


def fit_writer(recipe: Recipe, show: Callable[[Tensor], Tensor], labels: Tensor, reports: Sequence[str],
               words: PreTrainedTokenizerFast, seed: int = 0, tower: ImageTextModel | None = None) -> Writer:  # fmt: skip
    """Train a writer on (film, report) pairs, on a GPU where there is one, and return it on the CPU.

    Args:
        show: rows -> feature maps (B, C, h, w), from `frozen` or `live`.
        labels: (N, 14) what the reports say is present; read where the recipe is guided.
        reports: the texts to write.
        tower: the tower behind `live`, which is trained too; None: it is frozen.

    Raises:
        ValueError: numbers do not match, a report is empty, or the loss became NaN.
    """
    if len(reports) != len(labels) or not all(report.strip() for report in reports):
        raise ValueError("films and reports must be equally many, and no report empty; leave such studies out")
    torch.manual_seed(seed)
    writer = Writer(recipe, show(torch.arange(1)).shape[1])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for part in (writer, tower) if tower else (writer,):
        part.to(device)
    weights = [*writer.parameters(), *(tower.image.parameters() if tower else ())]
    optimiser = torch.optim.AdamW(weights, recipe.rate, weight_decay=0.02)
    ids = words(list(reports), padding=True, truncation=True, max_length=recipe.longest, return_tensors="pt")["input_ids"]
    lengths = (ids != 0).sum(1)
    for step in tqdm(range(recipe.steps), disable=None):
        torch.manual_seed(1_000_003 * seed + step)
        rows = torch.randperm(len(ids))[: 4 * recipe.batch]
        rows = rows[lengths[rows].argsort()]  # texts of like length together: less padding
        start = int(torch.randint(max(len(rows) - recipe.batch, 0) + 1, ()))
        rows = rows[start : start + recipe.batch]
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * one_cycle(step / recipe.steps)
        target = ids[rows][:, : int(lengths[rows].max())].to(device)
        writer.train()
        seen = writer.seen(show(rows).to(device), (labels[rows] == 1).to(device))
        loss = writer.model(inputs_embeds=seen, labels=target.masked_fill(target == 0, -100)).loss
        if not loss.isfinite():
            raise ValueError(f"the loss became NaN at step {step}; lower the rate {recipe.rate}")
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
    if tower:
        tower.cpu()
    return writer.cpu().eval()


def trained_writer(recipe: Recipe, maps: Tensor, labels: Tensor, reports: Sequence[str], words: PreTrainedTokenizerFast,
                   seed: int = 0) -> Writer:  # fmt: skip
    """Return the writer of a recipe on frozen features, from `data_dir("models")` where it is; else train and keep it."""
    code = Path(__file__).read_text(encoding="utf-8")  # new code never reads an old writer
    key = hashlib.sha256(json.dumps([asdict(recipe), list(reports), seed, code], sort_keys=True).encode())
    key.update(maps.contiguous().numpy().tobytes() + labels.contiguous().numpy().tobytes())
    path: Path = data_dir("models", f"writer-{key.hexdigest()[:16]}.safetensors")
    start = time.monotonic()
    if path.exists():
        writer = Writer(recipe, maps.shape[1])
        writer.load_state_dict(load_file(path))
        log.info("read %s", path.name)
        return writer.eval()
    writer = fit_writer(recipe, frozen(maps), labels, reports, words, seed)
    save_tensors(path, writer.state_dict())
    log.info("trained %s in %.0f s", path.name, time.monotonic() - start)
    return writer
