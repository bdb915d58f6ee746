"""The plan of the virtual hospital: which real report, codes, header and age make up each study of
each patient.

Real: the 3,955 Open-i reports and their MeSH codes (CC BY-NC-ND 4.0; read from torchxrayvision at
run time, never stored here) and 7,469 Open-i DICOM headers, which give age and acquisition.
Simulated: ids, dates, sex where the INDICATION is silent, and which reports make up a patient with
several studies (`composed`): an Open-i report is the only one of its patient. By default a study
takes its view and header from another patient, at random: a report's own header gives away its
findings (sicker patients are filmed lying, AP; measured in the chapter). `own_headers=True` keeps
that real shortcut. Explained in book/01_reading_a_radiograph."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from txtray_utils.studies.sources.openi_package import (
    HEADER_FIELDS,
    read_headers,
    read_reports,
    sex_of,
    text_groups,
)
from txtray_utils.studies.splits import patient_split
from txtray_utils.vocabulary import FINDINGS, SIDES
from virtual_hospital.drawings import Drawing, drawings_of

SIZE = 224  # pixels, side of a film


LASTING = (
    "tortuous_aorta",
    "granuloma",
    "scar",
    "hyperinflation",
    "scoliosis",
    "pacemaker",
    "sternal_wires",
)


_PRIOR = r"unchanged|stable|again|interval|compar|previous|\bprior|improv|persist|worsen|increas|decreas|redemonstrat|remain"


@dataclass(frozen=True)
class Case:
    """One study: what to draw, whose words, whose header, whose age.

    `drawn` maps each of `studies.FINDINGS` to 1, 0 or None (null, not negative). `age` is in years
    at `study_time`. `header` has DICOM keywords (None where the real header is silent) and three of
    ours: `source`, the Open-i image whose header it is, `sampled`, True if that image belongs to
    another report, `age_sampled`, True if the report has no header at all."""

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


def drawable_counts(seed: int = 0) -> dict[str, int]:
    """How many `reports`, `normal` ones, `drawable` ones (normal, or a finding to draw), and with
    `all` codes drawn."""
    plan = _drawable(seed)
    return {
        "reports": len(plan),
        "normal": sum(codes == ["normal"] for codes in plan["mesh"]),
        "drawable": int(plan["drawable"].sum()),
        "all": int((plan["drawable"] & (plan["undrawn"].str.len() == 0)).sum()),
    }


def _drawable(seed: int) -> pd.DataFrame:
    """The reports with drawings, undrawn codes and drawn truth; each row depends on the seed and
    its report only."""
    plan = read_reports()
    made = [
        drawings_of(m, t, stream(seed, u))
        for u, m, t in zip(plan["uid"], plan["mesh"], plan["text"], strict=True)
    ]
    plan["drawings"], plan["undrawn"], plan["drawn"] = zip(*made, strict=True)
    plan["drawable"] = [
        bool(d) or m == ["normal"] for d, m in zip(plan["drawings"], plan["mesh"], strict=True)
    ]
    plan["group"] = text_groups(plan)
    return plan


def stream(*key: object) -> np.random.Generator:
    """A random stream of its own for any key, the same on every machine."""
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big")
    )


def choose(plan: pd.DataFrame, n_studies: int, rng: np.random.Generator) -> np.ndarray:
    """Row numbers of the reports to use: n/20 of each finding, or all there are, the rarest first;
    the rest at random."""
    order = rng.permutation(np.flatnonzero(plan["drawable"]))
    if n_studies > len(order):
        raise ValueError(
            f"only {len(order)} reports can be drawn, not {n_studies}; ask for fewer studies"
        )
    holds = np.array([[d[name] == 1 for name in FINDINGS] for d in plan["drawn"]])
    taken: dict[int, None] = {}
    for column in np.argsort(holds[order].sum(0), kind="stable"):
        wanted = n_studies // 20 - int(holds[list(taken), column].sum())
        taken.update(
            dict.fromkeys(
                [i for i in order if holds[i, column] and i not in taken][: max(wanted, 0)]
            )
        )
    taken.update(dict.fromkeys(order))
    return np.array(list(taken)[:n_studies])


def compose(plan: pd.DataFrame, rows: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Join rows into patients: an eighth of the rows become pairs' last studies, three in 64
    triples' last studies.

    The last study of a chain refers to a prior film where one can be had; the study before it is
    the one that shares most findings, does not conflict in sex or in lasting findings, and is near
    in age. Only reports whose words no other report has are joined, so that chains do not tie
    groups of equal reports together. Returns chains of rows, in order of time."""
    pairs, triples = len(rows) // 8, len(rows) * 3 // 64
    lone = plan["group"].map(plan["group"].value_counts()).to_numpy()[rows] == 1
    pool = rng.permutation(rows[lone])
    table = plan.loc[pool]
    sides = [(name, side) for name in FINDINGS for side in ("", *SIDES)]
    drawn = [{(d.name, d.side) for d in drawings} for drawings in table["drawings"]]
    has = np.array([[pair in pairs_drawn for pair in sides] for pairs_drawn in drawn], float)
    name = has.reshape(len(pool), len(FINDINGS), -1).max(2)
    lasting = name[:, [FINDINGS.index(f) for f in LASTING]]
    refers = table["text"].str.contains(_PRIOR, case=False, regex=True).to_numpy()
    sex = table["sex_said"].map({"F": 1, "M": -1, "": 0}).to_numpy()
    score = name @ name.T + 0.5 * (has @ has.T) - (lasting[:, None] != lasting).sum(2)
    score -= np.abs(table["age"].to_numpy()[:, None] - table["age"].to_numpy()) / 10 + 0.3 * refers
    score[(sex[:, None] * sex) < 0] = -np.inf
    np.fill_diagonal(score, -np.inf)

    free = np.ones(len(pool), bool)
    last = np.argsort(
        -(refers * (1 + (name.sum(1) > 0))), kind="stable"
    )  # those that refer to a prior, with findings
    chains = []
    for i in last:
        if len(chains) == pairs + triples:
            break
        if not free[i]:
            continue
        free[i], chain = False, [i]
        sexes = {sex[i]}
        for _ in range(2 if len(chains) < triples else 1):
            allowed = free & ~(np.isin(-sex, list(sexes - {0})) & (sex != 0))
            best = int(np.argmax(np.where(allowed, score[chain[0]], -np.inf)))
            free[best] = False
            sexes.add(sex[best])
            chain.insert(0, best)
        chains.append(chain)
    joined = [[int(pool[i]) for i in chain] for chain in chains]
    used = {row for chain in joined for row in chain}
    return joined + [[int(row)] for row in rows if row not in used]


def plan_cohort(n_studies: int = 1600, seed: int = 0, own_headers: bool = False) -> list[Case]:
    """Plan a cohort: `n_studies` studies in order of patient and time, the same for a seed.

    About a fifth of the patients have two or three studies (`composed`): the first owns its
    header's age, the others follow days to years later. Patients whose reports share a text share a
    split (70/10/20 by patient). `own_headers` gives a study the frontal header of its own report
    where there is one: a real shortcut, off by default. Raises ValueError where fewer reports than
    `n_studies` can be drawn, InputError if torchxrayvision is not installed."""
    rng, plan, headers = stream(seed, "cohort"), _drawable(seed), read_headers()
    plan["sex_said"] = [sex_of(text) or "" for text in plan["indication"]]
    ages = headers.groupby("uid")["age"].first()
    plan["age"] = plan["uid"].map(ages)
    plan["age_sampled"] = plan["age"].isna()
    silent = plan.loc[plan["age_sampled"], "uid"]
    plan.loc[silent.index, "age"] = [stream(seed, "age", uid).choice(ages) for uid in silent]
    chains = compose(plan, choose(plan, n_studies, rng), rng)
    subjects, studies = random_ids(rng, len(chains), "1"), iter(random_ids(rng, n_studies, "5"))
    patients = sorted(zip(subjects, chains, strict=True))

    split = _split(plan, patients, seed)
    frontal = headers[headers["ViewPosition"].isin(["PA", "AP"])].drop_duplicates("uid")
    pool = dict(zip(frontal["uid"], frontal.to_dict("records"), strict=True))
    reports, cases = list(plan.itertuples()), []
    for subject, chain in patients:
        cases += _patient(
            subject,
            [reports[row] for row in chain],
            studies,
            split[subject],
            pool,
            seed,
            own_headers,
        )
    return cases


def _split(plan: pd.DataFrame, patients: list[tuple[str, list[int]]], seed: int) -> dict[str, str]:
    """The split of each patient: those who share a text together, and each finding's share of the
    patients alike.

    Patients who share a text form a group; a group's stratum is the rarest finding in it, and each
    stratum of 20 patients or more is split by itself, so that 27 pneumothoraces do not all land in
    one split."""
    members = pd.DataFrame(
        [(plan.at[row, "group"], subject, row) for subject, chain in patients for row in chain]
    )
    members.columns = ["group", "subject", "row"]
    held = pd.DataFrame(
        [{k: v == 1 for k, v in drawn.items()} for drawn in plan["drawn"][members["row"]]]
    )
    held = held.groupby(members["subject"]).transform(
        "max"
    )  # a chain's reports are in groups of their own
    held = held.groupby(members["group"]).transform("max")
    by_rarity = held[held.sum().sort_values(kind="stable").index]
    members["stratum"] = np.where(by_rarity.any(axis=1), by_rarity.idxmax(axis=1), "none")
    members.loc[members.groupby("stratum")["subject"].transform("nunique") < 20, "stratum"] = "none"
    split: dict[str, str] = {}
    for _, stratum in members.groupby("stratum"):
        groups = stratum.groupby("group")["subject"].unique()
        split |= patient_split(stratum["subject"], seed=seed, groups=groups.tolist())
    return split


def _patient(
    subject: str,
    reports: list,
    ids: Iterator[str],
    split: str,
    frontal: dict[str, dict],
    seed: int,
    own_headers: bool,
) -> Iterator[Case]:
    """The studies of one patient in order of time; `reports` are rows of the plan, `frontal` a
    header for each uid."""
    rng = stream(seed, subject)
    said = [report.sex_said for report in reports if report.sex_said]
    sex = said[0] if said else str(rng.choice(["F", "M"]))
    age, prior = reports[0].age, None
    day = datetime(2110, 1, 1) + timedelta(
        days=int(rng.integers(80 * 365))
    )  # shifted by patient, as in MIMIC
    longest = max(1.0, min(1000.0, (99.5 - age) * 365.25 / 2))
    for report in reports:
        study = next(ids)
        own = own_headers and report.uid in frontal
        chosen = (
            report.uid
            if own
            else list(frontal)[stream(seed, study, "header").integers(len(frontal))]
        )
        header = {k: frontal[chosen][k] for k in HEADER_FIELDS}
        header |= {
            "source": frontal[chosen]["image"],
            "sampled": not own,
            "age_sampled": reports[0].age_sampled,
        }
        yield Case(
            study_id=study,
            subject_id=subject,
            dicom_id=_dicom_id(stream(seed, study, "dicom")),
            split=split,
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
            seed=int(stream(seed, study, "film").integers(2**31)),
        )
        gap = int(np.clip(rng.lognormal(np.log(60), 1.6), 1, longest))
        prior, day, age = study, day + timedelta(days=gap), age + gap / 365.25


def _time_of_day(rng: np.random.Generator) -> timedelta:
    """Films are taken at any hour, two in three of them by day; to the millisecond, as StudyTime
    has it."""
    hour = rng.normal(12.5, 3.0) if rng.random() < 2 / 3 else rng.uniform(0, 24)
    return timedelta(milliseconds=int(hour % 24 * 3_600_000))


def random_ids(rng: np.random.Generator, n: int, first: str) -> list[str]:
    """`n` different random numbers of 8 digits that begin with `first`, in no order."""
    return [f"{first}{number:07d}" for number in rng.choice(10_000_000, size=n, replace=False)]


def _dicom_id(rng: np.random.Generator) -> str:
    """40 hexadecimal digits in five dashed groups, as in MIMIC-CXR."""
    return "-".join(rng.bytes(4).hex() for _ in range(5))
