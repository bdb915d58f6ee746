"""The writers of reports by name: each makes a report for every film from the same evidence.

To add one, write a function of these five things and name it in `WRITERS`. Each is taken apart in
book/07_writing_a_report and judged in book/08_judging_a_report.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from txtray_utils.read.labels import report_labels
from txtray_utils.write.copying import (
    common_normal,
    nearest_report,
    nearest_sentences,
    select_sentences,
)
from txtray_utils.write.evidence import Corpus, Evidence, Thresholds
from txtray_utils.write.index import VectorIndex
from txtray_utils.write.sides import said_sides, sides
from txtray_utils.write.structured import Structured, thresholds


@dataclass(frozen=True)
class Request:
    """What a writer is asked: reports for the films of `seen`.

    The thresholds lie on the scores of the validation films, `tuned`; the corpus says which
    sentences may be said.
    """

    corpus: Corpus
    seen: Evidence
    tuned: Evidence
    thresholds: Thresholds

    @property
    def near(self) -> Tensor:
        """Return the similarity (Q, M) to what may be said; -2 to the other sentences."""
        return self.seen.similarity.masked_fill(~self.corpus.sayable, -2)

    @property
    def cuts(self) -> np.ndarray:
        """Return the chance (14,) from which each label is stated."""
        share = self.thresholds.share
        return thresholds(self.tuned.chances, self.corpus.rates, share)

    @property
    def present(self) -> np.ndarray:
        """Return which labels (Q, 14) to state."""
        return self.seen.chances >= self.cuts

    @property
    def side(self) -> np.ndarray:
        """Return the side (Q, 14) of each label, "" where it is not sure."""
        weights = self.seen.models.side_weights
        return sides(self.seen.halves, weights, self.thresholds.margin)


def write(name: str, request: Request) -> list[str]:
    """Return the reports of the writer of that name, one a film.

    Raises:
        ValueError: there is no such writer.
    """
    if name not in WRITERS:
        raise ValueError(f"there is no writer {name!r}; choose one of {', '.join(WRITERS)}")
    return WRITERS[name](request)


def _always_normal(request: Request) -> list[str]:
    return [common_normal(request.corpus.studies)] * len(request.seen.studies)


def _nearest_report(request: Request) -> list[str]:
    index = VectorIndex(request.seen.models.images)
    return nearest_report(request.seen.images, index, request.corpus.reports)


def _txtrayalign(request: Request) -> list[str]:
    return nearest_sentences(request.seen.similarity_txtrayalign, request.corpus.sentences)


def _retrieval(request: Request) -> list[str]:
    may = request.corpus.sayable
    known = request.tuned.similarity[:, may].numpy()
    above = float(np.quantile(known, request.thresholds.above))
    return select_sentences(request.near, request.corpus.sentences, above)


def _decoder(request: Request) -> list[str]:
    models = request.seen.models
    return models.decoder.write(request.seen.maps, models.words)


def _decoder_guided(request: Request) -> list[str]:
    models = request.seen.models
    told = torch.from_numpy(request.present)
    return models.decoder_guided.write(request.seen.maps, models.words, told)


def _from_findings(request: Request, present: np.ndarray, side: np.ndarray) -> list[str]:
    writer = Structured(request.corpus.sentences, request.corpus.sayable)
    return writer.write(request.near, present, side, request.seen.studies["indication"])


def _structured(request: Request) -> list[str]:
    return _from_findings(request, request.present, request.side)


def _supervised_structured(request: Request) -> list[str]:
    share = request.thresholds.share_supervised
    cuts = thresholds(request.tuned.chances_supervised, request.corpus.rates, share)
    present = request.seen.chances_supervised >= cuts
    return _from_findings(request, present, request.side)


def _oracle(request: Request) -> list[str]:
    """Write from what each film's own report says, which no writer may see: a bound."""
    own = request.seen.reports
    return _from_findings(request, report_labels(own) == 1, said_sides(own))


WRITERS: dict[str, Callable[[Request], list[str]]] = {
    "always_normal": _always_normal,
    "nearest_report": _nearest_report,
    "txtrayalign_k2": _txtrayalign,
    "retrieval_variable": _retrieval,
    "decoder": _decoder,
    "decoder_guided": _decoder_guided,
    "structured": _structured,
    "supervised_structured": _supervised_structured,
    "oracle": _oracle,
}
