"""Reports a second of every system, from films in memory to text, everything trained and the
sentences encoded; called by generation.py --speed."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from common import patients, usual_reference
from measuring import fastest

from txtray_utils.read.labels import report_labels
from txtray_utils.results import Result, read_results
from txtray_utils.studies.sources.registry import load_studies
from txtray_utils.studies.table import part
from txtray_utils.write.decoder import WriterRecipe
from txtray_utils.write.decoder_training import train_writer
from txtray_utils.write.evidence import Corpus, Evidence, Models, Thresholds, corpus_of
from txtray_utils.write.writers import WRITERS, Request, write


def speed() -> dict[str, Result]:
    """Return reports a second of every system, and the seconds to train the decoders."""
    studies = load_studies()
    corpus = corpus_of(part(studies, "train"))
    known = patients(corpus.studies)
    supervised = usual_reference(known, 0)
    models = Models(corpus, 0, supervised)
    test = Evidence(models, part(studies, "test"))
    validate = part(studies, "validate")
    tuned = Evidence(models, validate)
    request = Request(corpus, test, tuned, Thresholds())
    results = {}
    for name in WRITERS:
        write(name, request)  # what is trained or encoded once is ready now
        seconds = fastest(lambda one=name: write(one, afresh(request)))
        rate = _rate(name, len(test.studies), seconds)
        results[f"{name}.reports_per_second"] = rate
    chosen = _chosen()
    results["chosen.reports_per_second"] = results[f"{chosen}.reports_per_second"]
    results |= random_speed(corpus, len(test.studies))
    return results | decoder_speed(models, test)


def _chosen() -> str:
    """Return the system that was chosen on the validation patients."""
    recorded = read_results("generation")
    what = recorded["chosen.is"].what
    return what.rsplit(" ", 1)[1]


def afresh(request: Request) -> Request:
    """Return the request with the films in memory and nothing seen in them yet."""
    before = request.seen
    seen = Evidence(before.models, before.studies)
    seen.films = before.films
    return replace(request, seen=seen)


def _rate(name: str, count: int, seconds: float, how: str = ", from films to text") -> Result:
    return Result(count / seconds, count, "1/s", f"reports of {name}{how}")


def random_speed(corpus: Corpus, count: int) -> dict[str, Result]:
    """Return how fast training reports are drawn at random."""
    rng = np.random.default_rng(0)

    def draw() -> list[str]:
        rows = rng.integers(len(corpus.reports), size=count)
        return [corpus.reports[row] for row in rows]

    seconds = fastest(draw)
    return {"random_report.reports_per_second": _rate("random_report", count, seconds, "")}


def decoder_speed(models: Models, seen: Evidence) -> dict[str, Result]:
    """Return how fast the decoder writes from feature maps, and how long it takes to train."""
    results = {}
    count = len(seen.studies)
    for mode in ("greedy", "beam"):
        act = partial(models.decoder.write, seen.maps, models.words, mode=mode)
        seconds = fastest(act)
        what = f"reports decoded, {mode}, 64 at a time, from feature maps"
        results[f"decoder.{mode}_per_second"] = Result(count / seconds, count, "1/s", what)
    _, texts = models.learnt
    maps = models.learnt_maps
    labels = torch.from_numpy(report_labels(texts))
    for name, guided in (("decoder", False), ("decoder_guided", True)):
        begun = time.monotonic()
        train_writer(WriterRecipe(guided=guided), maps, labels, texts, models.words)
        seconds = time.monotonic() - begun
        what = f"to train {name} from a cached tower, 2 cores"
        results[f"{name}.train_seconds"] = Result(seconds, len(texts), "s", what)
    return results
