"""How generation.py sets its thresholds: on the validation patients, mean over seeds."""

from dataclasses import replace

import numpy as np
from generation_scores import label_score

from txtray_utils.vocabulary import LABELS, SIDED
from txtray_utils.write.evidence import Corpus, Evidence, Thresholds
from txtray_utils.write.sides import said_sides
from txtray_utils.write.writers import Request, write

SHARES = (0.4, 0.6, 0.8, 1.0, 1.2)
MARGINS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0)
ABOVE = (0.98, 0.99, 0.995, 0.998)
ENOUGH = 0.9  # of the sides said must be as the text says


def tune(corpus: Corpus, tuned: list[Evidence]) -> Thresholds:
    """Set the thresholds: labels by example-based plus macro F1, sides by the text."""
    share = _best(corpus, tuned, "structured", "share", SHARES)
    margin = MARGINS[-1]
    for one in MARGINS:
        if _agreement(corpus, tuned, share, one) >= ENOUGH:
            margin = one
            break
    return Thresholds(
        share=share,
        share_supervised=_best(corpus, tuned, "supervised_structured", "share_supervised", SHARES),
        margin=margin,
        above=_best(corpus, tuned, "retrieval_variable", "above", ABOVE),
    )


def _best(
    corpus: Corpus, tuned: list[Evidence], writer: str, setting: str, values: tuple[float, ...]
) -> float:
    """Return the value of one setting with which a writer scores best, the others as usual."""

    def worth(value: float) -> float:
        thresholds = replace(Thresholds(), **{setting: value})
        found = []
        for seen in tuned:
            reports = write(writer, Request(corpus, seen, seen, thresholds))
            found.append(label_score(seen.studies, reports))
        return float(np.mean(found))

    return max(values, key=worth)


def _agreement(corpus: Corpus, tuned: list[Evidence], share: float, margin: float) -> float:
    """Return the share of the sides that would be said which are as the text says."""
    right = named = 0
    for seen in tuned:
        request = Request(corpus, seen, seen, Thresholds(share=share, margin=margin))
        guess, said = request.side, said_sides(seen.reports)
        one_side = np.isin(said, ("right", "left")) & np.isin(LABELS, SIDED)
        known = request.present & one_side & (guess != "")
        right += (guess == said)[known].sum()
        named += known.sum()
    print(f"margin {margin}: {right} of {named} sides that would be said are as the text says")
    return right / max(named, 1)
