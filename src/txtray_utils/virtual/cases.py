"""The plan of the virtual hospital: which real report, codes, header and age make up each study of each patient.

Real: the 3,955 Open-i reports and their MeSH codes (CC BY-NC-ND 4.0; read from torchxrayvision at run time, never
stored here) and 7,469 Open-i DICOM headers, which give age and acquisition. Simulated: ids, dates, sex where the
INDICATION is silent, and which reports make up a patient with several studies (`composed`): an Open-i report is the
only one of its patient. By default a study takes its view and header from another patient, at random: a report's own
header gives away its findings (sicker patients are filmed lying, AP; measured in the chapter). `own_headers=True`
keeps that real shortcut. Explained in book/01_reading_a_radiograph.
"""

import ast
import functools
import hashlib
import importlib.util
import re
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from txtray_utils.errors import InputError
from txtray_utils.studies import patient_split
from txtray_utils.virtual.catalogue import FINDINGS, SIDES, Drawing, drawings_of

LICENCE = "CC BY-NC-ND 4.0"
SIZE = 224  # pixels, side of a film
SECTIONS = ("comparison", "indication", "findings", "impression")
HEADER_FIELDS = {
    "PhotometricInterpretation": "Photometric Interpretation", "BitsStored": "Bits Stored",
    "BitsAllocated": "Bits Allocated", "HighBit": "High Bit", "KVP": "KVP", "Exposure": "Exposure",
    "ExposureTime": "Exposure Time",
    "XRayTubeCurrent": "X-Ray Tube Current", "DistanceSourceToDetector": "Distance Source to Detector",
    "WindowCenter": "Window Center", "WindowWidth": "Window Width", "RescaleSlope": "Rescale Slope",
    "RescaleIntercept": "Rescale Intercept", "RescaleType": "Rescale Type",
    "PresentationLUTShape": "Presentation LUT Shape",
    "ViewPosition": "View Position", "Modality": "Modality", "ImagerPixelSpacing": "Imager Pixel Spacing",
    "PixelSpacing": "Pixel Spacing", "Rows": "Rows", "Columns": "Columns",
}  # fmt: skip
ZERO_IS_MISSING = {"KVP", "Exposure", "ExposureTime", "XRayTubeCurrent", "DistanceSourceToDetector"}
LASTING = ("tortuous_aorta", "granuloma", "scar", "hyperinflation", "scoliosis", "pacemaker", "sternal_wires")
_PRIOR = (
    r"unchanged|stable|again|interval|compar|previous|\bprior|improv|persist|worsen|increas|decreas|redemonstrat|remain"
)
_FEMALE = r"(?i:\bfemale|\bwoman|\blady\b|\bgirl\b|pregnan|\bshe\b|ovarian|hysterectom)|\bF\b(?!/)"
_MALE = r"(?i:\bmale|\bman\b|gentleman|\bboy\b|\bhe\b|prostat)|\bM\b"


@dataclass(frozen=True)
class Case:
    """One study: what to draw, whose words, whose header, whose age.

    `drawn` maps each of `studies.FINDINGS` to 1, 0 or None (null, not negative). `age` is in years at `study_time`.
    `header` has DICOM keywords (None where the real header is silent) and three of ours: `source`, the Open-i image
    whose header it is, `sampled`, True if that image belongs to another report, `age_sampled`, True if the report has
    no header at all.
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


def packaged(name: str) -> Path:
    """Return a data file of torchxrayvision, found without importing it (which would import torch).

    Raises:
        InputError: torchxrayvision is not installed, or does not hold the file.
    """
    spec = importlib.util.find_spec("torchxrayvision")
    path = Path(spec.submodule_search_locations[0] if spec else "torchxrayvision") / "data" / name
    if not path.is_file():
        raise InputError(path, "the package torchxrayvision does not hold it", "pip install torchxrayvision==1.5.7")
    return path


@functools.cache
def _reports() -> pd.DataFrame:
    rows = []
    with tarfile.open(packaged("NLMCXR_reports.tgz")) as archive:
        for member in archive:
            if member.isfile():
                rows.append(_report(ET.parse(archive.extractfile(member)).getroot()))
    reports = pd.DataFrame(rows)
    return reports.sort_values("uid", key=lambda s: s.str[3:].astype(int), ignore_index=True)


def _report(root: ET.Element) -> dict:
    texts = {t.get("Label", "").lower(): " ".join((t.text or "").split()) for t in root.iter("AbstractText")}
    row = {"uid": root.find("uId").get("id"), **{s: texts.get(s, "") for s in SECTIONS}}
    row["mesh"] = [" ".join(m.text.split()) for m in root.iter("major") if m.text and m.text.strip()]
    row["text"] = " ".join(row[s] for s in ("findings", "impression") if row[s])
    return row


def read_reports() -> pd.DataFrame:
    """All Open-i reports, in the order of their numbers.

    Columns: uid (such as CXR1), comparison, indication, findings, impression ("" where absent), mesh (list of codes)
    and text (findings and impression joined). Raises InputError if torchxrayvision is not installed.
    """
    return _reports().copy()


@functools.cache
def _headers() -> pd.DataFrame:
    path = packaged("nlmcxr_dicom_metadata.csv.gz")
    wanted = ["imageid", "Patient's Birth Date", "Study Date", *HEADER_FIELDS.values()]
    table = pd.read_csv(path, usecols=wanted, dtype=str)
    headers = pd.DataFrame({"image": table["imageid"], "uid": table["imageid"].str.split("_").str[0]})
    born, taken = (pd.to_datetime(table[c], format="%Y%m%d") for c in ("Patient's Birth Date", "Study Date"))
    headers["age"] = (taken - born).dt.days / 365.25
    for keyword, column in HEADER_FIELDS.items():
        headers[keyword] = pd.Series([_value(keyword, v) for v in table[column]], dtype=object)
    return headers


def _value(keyword: str, text: str | float) -> str | float | int | list[float] | None:
    """A header value in its type; None where it is absent, or is a zero that no tube gives."""
    if not isinstance(text, str):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    if isinstance(value, list):
        value = [float(v) for v in value]
        return value if keyword.endswith("Spacing") else value[0]
    if keyword in ("BitsStored", "BitsAllocated", "HighBit", "Rows", "Columns"):
        return int(value)
    return None if keyword in ZERO_IS_MISSING and float(value) == 0 else float(value)


def read_headers() -> pd.DataFrame:
    """All Open-i DICOM headers: image, uid of the report, age (years) and `HEADER_FIELDS` (None = missing).

    Raises InputError if torchxrayvision is not installed.
    """
    return _headers().copy()


def drawable_counts(seed: int = 0) -> dict[str, int]:
    """How many `reports`, `normal` ones, `drawable` ones (normal, or a finding to draw), and with `all` codes drawn."""
    plan = _drawable(seed)
    return {
        "reports": len(plan),
        "normal": sum(codes == ["normal"] for codes in plan["mesh"]),
        "drawable": int(plan["drawable"].sum()),
        "all": int((plan["drawable"] & (plan["undrawn"].str.len() == 0)).sum()),
    }


def _drawable(seed: int) -> pd.DataFrame:
    """The reports with drawings, undrawn codes and drawn truth; each row depends on the seed and its report only."""
    plan = read_reports()
    made = [drawings_of(m, t, stream(seed, u)) for u, m, t in zip(plan["uid"], plan["mesh"], plan["text"], strict=True)]
    plan["drawings"], plan["undrawn"], plan["drawn"] = zip(*made, strict=True)
    plan["drawable"] = [bool(d) or m == ["normal"] for d, m in zip(plan["drawings"], plan["mesh"], strict=True)]
    plan["group"] = text_groups(plan)
    return plan


def stream(*key: object) -> np.random.Generator:
    """A random stream of its own for any key, the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(repr(key).encode(), digest_size=8).digest(), "big"))


def text_groups(reports: pd.DataFrame) -> list[int]:
    """A group number for each report; reports with the same words share it, so that no text stands in two splits.

    The same words: the letters of findings and impression are equal, or those of a findings section of 40 letters or
    more, without regard to case, spaces, digits, punctuation and the XXXX of de-identification. Many normal reports are
    word for word the same.
    """
    whole = [_letters(f"{f} {i}") for f, i in zip(reports["findings"], reports["impression"], strict=True)]
    findings = [key if len(key := _letters(text)) >= 40 else None for text in reports["findings"]]
    firsts = [pd.Series(keys).groupby(keys, dropna=True).transform("idxmin") for keys in (whole, findings)]
    n, links = len(reports), [(i, int(j)) for first in firsts for i, j in first.dropna().items()]
    graph = coo_array((np.ones(len(links)), tuple(np.array(links, int).reshape(-1, 2).T)), shape=(n, n))
    return connected_components(graph, directed=False)[1].tolist()


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower().replace("xxxx", ""))


def sex_of(indication: str) -> str | None:
    """F or M where the INDICATION says so and does not say both, else None."""
    female, male = (re.search(words, indication) for words in (_FEMALE, _MALE))
    return "F" if female and not male else "M" if male and not female else None


def choose(plan: pd.DataFrame, n_studies: int, rng: np.random.Generator) -> np.ndarray:
    """Row numbers of the reports to use: n/20 of each finding, or all there are, the rarest first; the rest at random."""
    order = rng.permutation(np.flatnonzero(plan["drawable"]))
    if n_studies > len(order):
        raise ValueError(f"only {len(order)} reports can be drawn, not {n_studies}; ask for fewer studies")
    holds = np.array([[d[name] == 1 for name in FINDINGS] for d in plan["drawn"]])
    taken: dict[int, None] = {}
    for column in np.argsort(holds[order].sum(0), kind="stable"):
        wanted = n_studies // 20 - int(holds[list(taken), column].sum())
        taken.update(dict.fromkeys([i for i in order if holds[i, column] and i not in taken][: max(wanted, 0)]))
    taken.update(dict.fromkeys(order))
    return np.array(list(taken)[:n_studies])


def compose(plan: pd.DataFrame, rows: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Join rows into patients: an eighth of the rows become pairs' last studies, three in 64 triples' last studies.

    The last study of a chain refers to a prior film where one can be had; the study before it is the one that shares
    most findings, does not conflict in sex or in lasting findings, and is near in age. Only reports whose words no
    other report has are joined, so that chains do not tie groups of equal reports together. Returns chains of rows,
    in order of time.
    """
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
    last = np.argsort(-(refers * (1 + (name.sum(1) > 0))), kind="stable")  # those that refer to a prior, with findings
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

    About a fifth of the patients have two or three studies (`composed`): the first owns its header's age, the others
    follow days to years later. Patients whose reports share a text share a split (70/10/20 by patient). `own_headers`
    gives a study the frontal header of its own report where there is one: a real shortcut, off by default. Raises
    ValueError where fewer reports than `n_studies` can be drawn, InputError if torchxrayvision is not installed.
    """
    rng, plan, headers = stream(seed, "cohort"), _drawable(seed), _headers()
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
        cases += _patient(subject, [reports[row] for row in chain], studies, split[subject], pool, seed, own_headers)
    return cases


def _split(plan: pd.DataFrame, patients: list[tuple[str, list[int]]], seed: int) -> dict[str, str]:
    """The split of each patient: those who share a text together, and each finding's share of the patients alike.

    Patients who share a text form a group; a group's stratum is the rarest finding in it, and each stratum of 20
    patients or more is split by itself, so that 27 pneumothoraces do not all land in one split.
    """
    members = pd.DataFrame([(plan.at[row, "group"], subject, row) for subject, chain in patients for row in chain])
    members.columns = ["group", "subject", "row"]
    held = pd.DataFrame([{k: v == 1 for k, v in drawn.items()} for drawn in plan["drawn"][members["row"]]])
    held = held.groupby(members["subject"]).transform("max")  # a chain's reports are in groups of their own
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
    subject: str, reports: list, ids: Iterator[str], split: str, frontal: dict[str, dict], seed: int, own_headers: bool
) -> Iterator[Case]:
    """The studies of one patient in order of time; `reports` are rows of the plan, `frontal` a header for each uid."""
    rng = stream(seed, subject)
    said = [report.sex_said for report in reports if report.sex_said]
    sex = said[0] if said else str(rng.choice(["F", "M"]))
    age, prior = reports[0].age, None
    day = datetime(2110, 1, 1) + timedelta(days=int(rng.integers(80 * 365)))  # shifted by patient, as in MIMIC
    longest = max(1.0, min(1000.0, (99.5 - age) * 365.25 / 2))
    for report in reports:
        study = next(ids)
        own = own_headers and report.uid in frontal
        chosen = report.uid if own else list(frontal)[stream(seed, study, "header").integers(len(frontal))]
        header = {k: frontal[chosen][k] for k in HEADER_FIELDS}
        header |= {"source": frontal[chosen]["image"], "sampled": not own, "age_sampled": reports[0].age_sampled}
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
    """Films are taken at any hour, two in three of them by day; to the millisecond, as StudyTime has it."""
    hour = rng.normal(12.5, 3.0) if rng.random() < 2 / 3 else rng.uniform(0, 24)
    return timedelta(milliseconds=int(hour % 24 * 3_600_000))


def random_ids(rng: np.random.Generator, n: int, first: str) -> list[str]:
    """`n` different random numbers of 8 digits that begin with `first`, in no order."""
    return [f"{first}{number:07d}" for number in rng.choice(10_000_000, size=n, replace=False)]


def _dicom_id(rng: np.random.Generator) -> str:
    """40 hexadecimal digits in five dashed groups, as in MIMIC-CXR."""
    return "-".join(rng.bytes(4).hex() for _ in range(5))
