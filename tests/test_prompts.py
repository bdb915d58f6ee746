"""Every finding can be asked for, in words that our own labeller reads as meant."""

import pytest

from txtray_utils.read.labels import label_report
from txtray_utils.vocabulary import FINDINGS, LABELS, NEGATIVE, POSITIVE
from virtual_hospital.drawings import BY_NAME


def test_every_finding_is_stated_and_denied():
    assert tuple(POSITIVE) == tuple(NEGATIVE) == FINDINGS
    assert all(
        len(set(texts)) == len(texts) >= 3 for texts in (*POSITIVE.values(), *NEGATIVE.values())
    )


@pytest.mark.parametrize("finding", [name for name in FINDINGS if BY_NAME[name].chexpert])
def test_no_prompt_that_denies_states_a_finding(finding):
    for text in NEGATIVE[finding]:
        said = label_report(text, None)
        assert not [
            label for label in LABELS if label != "No Finding" and said[label] in (1, -1)
        ], text
    assert any(
        label_report(text, None)[BY_NAME[finding].chexpert] == 1 for text in POSITIVE[finding]
    )
