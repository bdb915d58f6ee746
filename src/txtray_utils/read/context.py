"""What is said of a finding: ConText decides by the cues before and behind it.

ConText (Harkema et al. 2009, doi 10.1016/j.jbi.2009.05.002) as kept in medspaCy, because it scopes
cues before and behind a finding and knows what ends them; negspacy knows negation only. Explained
in book/02_reading_a_report.
"""

import warnings
from collections import defaultdict
from functools import cache

from txtray_utils.read.patterns import context_rules

Named = tuple[str, tuple[int, int]]  # a label, and the first and last character that name it
STATES = {"NEGATED": 0, "RESOLVED": 0, "LOOKED_FOR": None, "PAST": None, "UNCERTAIN": -1}
_DIRECTIONS = {
    "before": "FORWARD",
    "after": "BACKWARD",
    "either": "BIDIRECTIONAL",
    "pseudo": "PSEUDO",
    "stop": "TERMINATE",
}


def states_of(sentence: str, found: list[Named]) -> list[int | None]:
    """Return what the sentence says of each finding; of several cues the nearest decides."""
    if not found:
        return []
    nlp, context = _context()
    doc = nlp.make_doc(sentence)
    for token in doc:
        token.is_sent_start = token.i == 0
    targets = []
    for label, span in found:
        targets.append(doc.char_span(*span, label=label, alignment_mode="expand"))
    doc.spans["findings"] = targets
    with warnings.catch_warnings():  # spaCy warns that ConText has no rules of other kinds
        warnings.simplefilter("ignore")
        edges = context(doc)._.context_graph.edges
    cues = defaultdict(list)
    for target, cue in edges:
        cues[_place(target)].append(cue)
    return [_nearest(target, cues[_place(target)]) for target in targets]


@cache
def _context() -> tuple:
    """A blank English tokenizer and ConText with the rules of the file; no trained model."""
    with warnings.catch_warnings():  # medspaCy silences all warnings when it is imported
        import spacy
        from medspacy.context import ConText, ConTextRule

    nlp = spacy.blank("en")
    context = ConText(
        nlp, rules=None, input_span_type="group", span_group_name="findings", span_attrs=None
    )
    for category, kind, words in context_rules():
        most = 2 if kind == "either" else None  # "versus" stands between two findings
        rule = ConTextRule(words, category, words, _DIRECTIONS[kind], max_targets=most)
        context.add(rule)
    return nlp, context


def _place(target) -> tuple[int, int, int]:
    return target.label, target.start, target.end


def _nearest(target, cues: list) -> int | None:
    """Return the state that the nearest cue gives a target; without a cue it is present.

    At the same distance the first of `STATES` counts.
    """
    categories = list(STATES)
    gaps = []
    for cue in cues:
        start, end = cue.modifier_span
        gap = max(target.start - end, start - target.end)
        gaps.append((gap, categories.index(cue.category)))
    if not gaps:
        return 1
    _, nearest = min(gaps)
    return STATES[categories[nearest]]
