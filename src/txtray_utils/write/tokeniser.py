"""The decoder's words: which reports it learns from, and the tokens that they are cut into.

Explained in book/07_writing_a_report.
"""

from collections.abc import Sequence

from datasets import Dataset
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from txtray_utils.read.report import refers_to_prior, report_text


def learnable(studies: Dataset) -> tuple[list[int], list[str]]:
    """Return the rows and reports that a decoder learns from.

    Sentences with gaps are left out, and those with priors, which it would invent.
    """
    rows, reports = [], []
    for row, said in enumerate(studies["sentences"]):
        kept = [one for one in said if not refers_to_prior(one) and "XX" not in one]
        if kept:
            rows.append(row)
            reports.append(report_text(kept))
    return rows, reports


def tokeniser(reports: Sequence[str], words: int) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokeniser of `words` tokens, trained on the training reports.

    No text is unknown to it. Pairs are merged across words but not across sentences, so a set
    phrase becomes one token and a report a dozen or two: a third of the time to train and to write.

    Raises:
        ValueError: there is no report with a word.
    """
    if not any(report.strip() for report in reports):
        raise ValueError("there is no report to learn words from; give the training reports")
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"(?<=[.!?]) "), "merged_with_next"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(sorted(reports), trainer)
    ending = [("</s>", 2)]
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=ending)
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
