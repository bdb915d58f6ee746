"""The plan of patients and studies: real reports and headers, composed patients, no text in two
splits."""

import importlib.util
import re
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from string import ascii_lowercase

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from txtray_utils.errors import InputError
from txtray_utils.read.labels import denies
from txtray_utils.studies.sources.openi_package import (
    HEADER_FIELDS,
    packaged,
    read_headers,
    read_reports,
    sex_of,
)
from txtray_utils.studies.splits import SPLITS
from txtray_utils.vocabulary import FINDINGS
from virtual_hospital.cohort import plan_cohort
from virtual_hospital.composing import LASTING, PRIOR
from virtual_hospital.drawable import drawable_counts


@pytest.fixture(scope="module")
def cohort():
    return plan_cohort(1600, seed=0)


@pytest.fixture(scope="module")
def reports():
    return read_reports().set_index("uid")


def letters(text):
    """The letters of a text, the plain way."""
    return "".join(
        letter for letter in text.lower().replace("xxxx", " ") if letter in ascii_lowercase
    )


def by_patient(cases):
    patients = defaultdict(list)
    for case in cases:
        patients[case.subject_id].append(case)
    return patients


def test_the_packaged_reports_and_headers_are_all_read(reports):
    assert len(reports) == 3955 and reports.index.is_unique
    assert (reports["findings"] != "").sum() == 3425 and (reports["impression"] != "").sum() == 3921
    assert sum(codes == ["normal"] for codes in reports["mesh"]) == 1391
    assert list(reports.index[:3]) == ["CXR1", "CXR2", "CXR3"]
    headers = read_headers()
    assert len(headers) == 7469 and headers["image"].is_unique
    assert Counter(headers["PhotometricInterpretation"]) == {
        "MONOCHROME1": 3584,
        "MONOCHROME2": 3885,
    }
    assert headers["age"].between(17, 99.9).all()


def test_a_header_value_has_its_type_and_zero_kilovolt_is_missing():
    headers = read_headers()
    kvp = [v for v in headers["KVP"] if v is not None]
    assert kvp and min(kvp) > 0
    spacings = [v for v in headers["ImagerPixelSpacing"] if v is not None]
    assert len(spacings) > 7400 and all(isinstance(v, list) and len(v) == 2 for v in spacings)
    assert set(headers["BitsStored"]) == {10, 12, 14, 15}
    assert all(b == s - 1 for b, s in zip(headers["HighBit"], headers["BitsStored"], strict=True))
    assert not any(
        isinstance(v, float) and np.isnan(v)
        for row in headers.to_dict("records")
        for v in row.values()
    )


def test_at_least_3000_reports_are_normal_or_can_be_drawn():
    counts = drawable_counts()
    assert counts["drawable"] >= 3000 and counts["reports"] == 3955 and counts["normal"] == 1391
    assert counts["normal"] < counts["all"] < counts["drawable"]
    assert counts == drawable_counts(seed=5)  # what can be drawn is no matter of chance


def test_the_default_cohort(cohort):
    patients = by_patient(cohort)
    assert len(cohort) == 1600 and len(patients) >= 1200
    assert (
        250 <= sum(len(own) > 1 for own in patients.values()) <= 300
        and max(map(len, patients.values())) == 3
    )
    split = Counter(case.split for case in cohort)
    assert (
        split["test"] >= 300
        and 0.66 < split["train"] / 1600 < 0.74
        and 0.08 < split["validate"] / 1600 < 0.12
    )
    assert all(len({case.split for case in own}) == 1 for own in patients.values())
    assert len({case.report_id for case in cohort}) == 1600, "a report that is used twice"


@pytest.mark.parametrize("count", [1, 4, 7])
def test_a_cohort_may_be_so_small_that_a_split_is_empty(count):
    assert len({case.study_id for case in plan_cohort(count, 4)}) == count


def test_every_finding_is_frequent_enough_in_each_split_or_all_there_is(cohort):
    drawable = plan_cohort(drawable_counts()["drawable"], seed=0)
    size = Counter(case.split for case in cohort)
    there, here = Counter(), Counter()
    for cases, counts in ((drawable, there), (cohort, here)):
        counts.update((case.split, name) for case in cases for name in FINDINGS if case.drawn[name])
    for name in FINDINGS:
        for split in SPLITS:
            least = min(round(size[split] / 20), there[split, name])
            assert here[split, name] >= least, (split, name)
        assert here["test", name] >= 5, "too few to score"


def test_reports_coded_normal_draw_nothing(cohort):
    normal = [case for case in cohort if case.mesh_codes == ("normal",)]
    assert len(normal) > 400 and not any(case.drawings for case in normal)
    assert not any(1 in case.drawn.values() for case in normal)


def test_nothing_is_drawn_that_the_text_denies(cohort, reports):
    pneumothorax = [case for case in cohort if case.drawn["pneumothorax"]]
    texts = [reports.at[case.report_id, "text"] for case in pneumothorax]
    assert texts and not any(denies(text, "Pneumothorax") for text in texts)


def test_identifiers_look_like_mimic(cohort):
    for case in cohort:
        assert re.fullmatch(r"1\d{7}", case.subject_id) and re.fullmatch(r"5\d{7}", case.study_id)
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{8}){4}", case.dicom_id)
    for column in ("study_id", "dicom_id", "seed"):
        assert len({getattr(case, column) for case in cohort}) == 1600


def test_no_text_stands_in_two_splits(cohort, reports):
    for column, least in (("text", 1), ("findings", 40)):
        splits = defaultdict(set)
        for case in cohort:
            text = letters(reports.at[case.report_id, column])
            if len(text) >= least:
                splits[text].add(case.split)
        assert all(len(found) == 1 for found in splits.values()), column
        assert len(splits) < 1500, "the cohort has reports that are word for word the same"


def lasting(case):
    """Return the names of the drawn findings of a study that do not go away."""
    return {drawing.name for drawing in case.drawings} & set(LASTING)


def test_a_composed_patient_is_one_person(cohort, reports):
    chains = [own for own in by_patient(cohort).values() if len(own) > 1]
    for own in by_patient(cohort).values():
        assert all(case.composed == (len(own) > 1) for case in own)
        assert [case.prior_study_id for case in own] == [
            None,
            *(case.study_id for case in own[:-1]),
        ]
        assert len({(case.sex, case.sex_source) for case in own}) == 1
        said = {sex_of(reports.at[case.report_id, "indication"]) for case in own} - {None}
        assert said <= {own[0].sex} and (own[0].sex_source == "report") == bool(said)
        for before, after in pairwise(own):
            gap = after.study_time.date() - before.study_time.date()
            assert timedelta(days=1) <= gap <= timedelta(days=1000)
            assert after.age - before.age == pytest.approx(gap.days / 365.25, abs=0.02)
            assert lasting(before) <= lasting(after), "scars do not heal"
    shared = [
        {d.name for d in a.drawings} & {d.name for d in b.drawings}
        for own in chains
        for a, b in pairwise(own)
    ]
    assert np.mean([bool(names) for names in shared]) > 0.95
    refers = [
        bool(re.search(PRIOR, reports.at[own[-1].report_id, "text"], re.IGNORECASE))
        for own in chains
    ]
    assert np.mean(refers) > 0.7


def test_ages_are_those_of_the_real_headers(cohort):
    headers = read_headers().groupby("uid")["age"].first()
    first = [own[0] for own in by_patient(cohort).values()]
    own_age = [case for case in first if not case.header["age_sampled"]]
    assert len(own_age) > 0.9 * len(first)
    assert all(case.age == pytest.approx(headers[case.report_id], abs=0.01) for case in own_age)
    assert all(case.report_id not in headers.index for case in first if case.header["age_sampled"])
    assert min(case.age for case in cohort) >= 17 and max(case.age for case in cohort) < 100


def test_times_are_shifted_and_keep_their_hour(cohort):
    assert all(2110 <= case.study_time.year <= 2200 for case in cohort)
    hours = Counter(case.study_time.hour for case in cohort)
    assert len(hours) == 24 and sum(hours[h] for h in range(8, 18)) > 0.55 * 1600
    assert sum(case.study_time.microsecond > 0 for case in cohort) > 1500


def test_a_header_is_a_real_one_of_the_same_view(cohort):
    real = read_headers().set_index("image")
    for case in cohort[::10]:
        row = real.loc[case.header["source"]]
        assert all(case.header[k] == row[k] for k in HEADER_FIELDS)
        assert case.view == row["ViewPosition"] and case.view in ("PA", "AP")
        assert case.header["sampled"]


def test_headers_do_not_tell_the_findings_unless_asked_to():
    several = [
        case for seed in range(4) for case in plan_cohort(1600, seed=seed)
    ]  # one cohort alone leaves chance in
    own = plan_cohort(3000, seed=0, own_headers=True)

    def telling(cases, field, value):
        scores = []
        for name in FINDINGS:
            known = [case for case in cases if case.drawn[name] is not None]
            if sum(case.drawn[name] for case in known) >= 100:
                x = [case.header[field] == value for case in known]
                scores.append(abs(roc_auc_score([case.drawn[name] for case in known], x) - 0.5))
        assert len(scores) >= 5
        return max(scores)

    for field, value in (
        ("ViewPosition", "AP"),
        ("PhotometricInterpretation", "MONOCHROME1"),
        ("BitsStored", 12),
    ):
        assert telling(several, field, value) < 0.04
    assert telling(own, "ViewPosition", "AP") > 0.05
    kept = [case for case in own if not case.header["sampled"]]
    assert len(kept) > 1500 and all(
        case.header["source"].split("_")[0] == case.report_id for case in kept
    )


def test_a_seed_gives_the_same_plan_and_another_gives_another():
    a, b, c = plan_cohort(80, seed=3), plan_cohort(80, seed=3), plan_cohort(80, seed=4)
    assert a == b
    assert {case.report_id for case in a} != {case.report_id for case in c}
    assert not {case.study_id for case in a} & {case.study_id for case in c}


def test_what_is_drawn_for_a_report_does_not_depend_on_the_size_of_the_cohort(cohort):
    large = {case.report_id: case for case in cohort}
    small = [case for case in plan_cohort(80, seed=0) if case.report_id in large]
    assert small and all(case.drawings == large[case.report_id].drawings for case in small)


@pytest.mark.parametrize(
    ("indication", "sex"),
    [
        ("XXXX-year-old female with cough.", "F"),
        ("Male, chest pain", "M"),
        ("XXXX XXXX F with dyspnea", "F"),
        ("50 yo M, fever", "M"),
        ("Pregnant, short of breath", "F"),
        ("Prostate cancer", "M"),
        ("A man whose wife is a woman with cough", None),
        ("F/U of nodule", None),
        ("Chest pain", None),
        ("", None),
    ],
)
def test_sex_is_read_only_where_the_indication_says_it(indication, sex):
    assert sex_of(indication) == sex


def test_too_many_studies_is_an_error_that_says_how_many_there_can_be():
    with pytest.raises(ValueError, match=r"only \d+ reports can be drawn, not 4000"):
        plan_cohort(4000)


def test_a_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="NLMCXR_reports.tgz.*pip install torchxrayvision"):
        packaged("NLMCXR_reports.tgz")
