"""The plan of the virtual hospital: which real report, codes, header and age make up each study.

Real: the 3,955 Open-i reports and their MeSH codes (CC BY-NC-ND 4.0; read from torchxrayvision at
run time, never stored here) and 7,469 Open-i DICOM headers, which give age and acquisition.
Simulated: ids, dates, sex where the INDICATION is silent, and which reports make up a patient with
several studies (`composed`): an Open-i report is the only one of its patient. By default a study
takes its view and header from another patient, at random: a report's own header gives away its
findings (sicker patients are filmed lying, AP; measured in the chapter). `own_headers=True` keeps
that real shortcut. Explained in book/01_reading_a_radiograph.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from txtray_utils.studies.sources.openi_package import HEADER_FIELDS, read_headers, sex_of
from virtual_hospital.anatomies import FIRST, anatomy_of
from virtual_hospital.composing import compose_by_split
from virtual_hospital.drawable import choose, drawable_reports
from virtual_hospital.drawings import Drawing
from virtual_hospital.streams import dicom_id, random_ids, stream

SIZE = 224  # pixels, side of a film
OLDEST = 99.5  # years, at a patient's last film
YEAR = 365.25  # days
FIRST_DAY = datetime(2110, 1, 1)  # dates are shifted by patient, as in MIMIC


@dataclass(frozen=True)
class Case:
    """One study: what to draw, whose words, whose header, whose age.

    `drawn` maps each of `vocabulary.FINDINGS` to 1, 0 or None (null, not negative). `age` is in
    years at `study_time`. `header` has DICOM keywords (None where the real header is silent) and
    three of ours: `source`, the Open-i image whose header it is, `sampled`, True if that image
    belongs to another report, `age_sampled`, True if the report has no header at all. `cue` names
    the planted cue that the study carries (`cues.CUES`), "" for none. `anatomy` names the chest
    that the patient has, one of `anatomies.ANATOMIES`.
    """

    study_id: str
    subject_id: str
    dicom_id: str
    split: str
    report_id: str
    mesh_codes: tuple[str, ...]
    drawings: tuple[Drawing, ...]
    undrawn: tuple[str, ...]
    drawn: dict[str, int | None]
    header: dict
    view: str
    age: float
    sex: str
    sex_source: str
    study_time: datetime
    prior_study_id: str | None
    composed: bool
    seed: int = field(repr=False)
    cue: str = ""
    anatomy: str = FIRST


def plan_cohort(n_studies: int = 1600, seed: int = 0, own_headers: bool = False) -> list[Case]:
    """Plan a cohort: `n_studies` studies in order of patient and time, the same for a seed.

    About a fifth of the patients have two or three studies (`composed`): the first owns its
    header's age, the others follow days to years later. A patient's reports are of
    one split, which their words decide (`openi_split`). `own_headers` gives a study the frontal
    header of its own report where there is one: a real shortcut, off by default.

    Raises:
        ValueError: fewer reports than `n_studies` can be drawn.
        InputError: torchxrayvision is not installed.
    """
    rng = stream(seed, "cohort")
    headers = read_headers()
    plan = drawable_reports(seed)
    plan["sex_said"] = [sex_of(text) or "" for text in plan["indication"]]
    _add_ages(plan, headers, seed)
    chosen = choose(plan, n_studies, rng)
    chains = compose_by_split(plan, chosen, rng)
    subjects = random_ids(rng, len(chains), "1")
    studies = iter(random_ids(rng, n_studies, "5"))
    patients = sorted(zip(subjects, chains, strict=True))
    given = Headers.of(headers, seed, own_headers)
    reports = list(plan.itertuples())
    cases: list[Case] = []
    for subject, chain in patients:
        life = Life(subject, seed)
        own = [reports[row] for row in chain]
        cases += life.cases(own, studies, given)
    return cases


def _add_ages(plan: pd.DataFrame, headers: pd.DataFrame, seed: int) -> None:
    """Give each report the age of its header; one without a header draws another's."""
    ages = headers.groupby("uid")["age"].first()
    plan["age"] = plan["uid"].map(ages)
    plan["age_sampled"] = plan["age"].isna()
    silent = plan.loc[plan["age_sampled"], "uid"]
    drawn = [stream(seed, "age", uid).choice(ages) for uid in silent]
    plan.loc[silent.index, "age"] = drawn


@dataclass(frozen=True)
class Headers:
    """The frontal headers of real films by report, and how studies come by one."""

    by_report: dict[str, dict]
    reports: list[str]
    seed: int
    own: bool

    @classmethod
    def of(cls, headers: pd.DataFrame, seed: int, own: bool) -> "Headers":
        """Keep the first frontal header of each report."""
        frontal = headers[headers["ViewPosition"].isin(["PA", "AP"])].drop_duplicates("uid")
        by_report = dict(zip(frontal["uid"], frontal.to_dict("records"), strict=True))
        return cls(by_report, list(by_report), seed, own)

    def of_view(self, view: str) -> "Headers":
        """Keep those of films of one view, PA or AP."""
        kept = []
        for report, header in self.by_report.items():
            if header["ViewPosition"] == view:
                kept.append(report)
        return replace(self, reports=kept)

    def header(self, report_id: str, study_id: str) -> dict:
        """Return the header of a study: its own report's where asked for and had, else any."""
        own = self.own and report_id in self.by_report
        if not own:
            rng = stream(self.seed, study_id, "header")
            report_id = self.reports[rng.integers(len(self.reports))]
        chosen = self.by_report[report_id]
        header = {key: chosen[key] for key in HEADER_FIELDS}
        return header | {"source": chosen["image"], "sampled": not own}


@dataclass(frozen=True)
class Life:
    """One patient, who has films from time to time."""

    subject_id: str
    seed: int

    def cases(self, reports: list, ids: Iterator[str], headers: Headers) -> Iterator[Case]:
        """Yield the patient's studies in order of time; `reports` are rows of the plan."""
        rng = stream(self.seed, self.subject_id)
        said = ""
        for report in reports:
            said = said or report.sex_said
        sex = said or str(rng.choice(["F", "M"]))
        age, sampled = reports[0].age, reports[0].age_sampled
        day = FIRST_DAY + timedelta(days=int(rng.integers(80 * 365)))
        longest = max(1.0, min(1000.0, (OLDEST - age) * YEAR / 2))
        prior = None
        for report in reports:
            study = next(ids)
            header = headers.header(report.uid, study) | {"age_sampled": sampled}
            yield Case(
                study_id=study,
                subject_id=self.subject_id,
                dicom_id=dicom_id(stream(self.seed, study, "dicom")),
                split=report.split,
                report_id=report.uid,
                mesh_codes=tuple(report.mesh),
                drawings=report.drawings,
                undrawn=report.undrawn,
                drawn=report.drawn,
                header=header,
                view=header["ViewPosition"],
                age=round(float(age), 2),
                sex=sex,
                sex_source="report" if said else "simulated",
                study_time=day + _time_of_day(rng),
                prior_study_id=prior,
                composed=len(reports) > 1,
                seed=int(stream(self.seed, study, "film").integers(2**31)),
                anatomy=anatomy_of(self.subject_id),
            )
            gap = int(np.clip(rng.lognormal(np.log(60), 1.6), 1, longest))
            day, age = day + timedelta(days=gap), age + gap / YEAR
            prior = study


def _time_of_day(rng: np.random.Generator) -> timedelta:
    """Films are taken at any hour, two in three of them by day.

    The time is to the millisecond, as StudyTime has it.
    """
    hour = rng.normal(12.5, 3.0) if rng.random() < 2 / 3 else rng.uniform(0, 24)
    return timedelta(milliseconds=int(hour % 24 * 3_600_000))
