"""The study table: one row a study, the same columns from every source. Every chapter reads only this.

It is one Arrow file, memory-mapped by `datasets`. pandera checks it at every door, because its checks are
declared beside the columns and its report lists every fault at once.

| column | type | meaning |
| --- | --- | --- |
| study_id, subject_id, image_id | text | a study belongs to one patient and shows one image; never null |
| image | PNG, 8 or 16 bit grey | bright is dense (bone), whatever the file said; never null |
| view | PA or AP | frontal only |
| study_time | timestamp | shifted per patient where the source shifts it |
| indication, comparison, findings, impression | text | sections of the report |
| sentences | list of text | of findings and impression |
| labels | 14 of 1, 0, -1, null | what the *text* says: present, absent, uncertain, not mentioned |
| mesh_codes, mesh_labels | list of text; as labels | what the human *codes* say |
| drawn | a name each of `FINDINGS`: 1, 0, null | what a simulator *drew*; null where nobody knows |
| age, sex, sex_source | years; F or M; report, simulated or record | |
| labs, vitals | list of name, value, unit, hours_before | hours before the film, never negative |
| regions | list of name, mask | anatomy on the film |
| evidence | list of finding, side, zone, severity, said, mask | where a finding was drawn |
| split | train, validate or test | by patient |
| composed, prior_study_id | | several real reports made into one patient; the study before |
| source, licence | text | never null |

A list is null where the source does not know, and empty where it knows that there is nothing.
Masks are packed bits (`pack_mask`) and have the size of the image. Explained in book/01_reading_a_radiograph.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Picture
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from txtray_utils.errors import InputError, Rejects, writing

LABELS = (
    "Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion",
    "Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia", "Pneumothorax", "Support Devices",
)  # fmt: skip
FINDINGS = (
    "cardiomegaly", "tortuous_aorta", "effusion", "pneumothorax", "consolidation", "opacity", "interstitial", "oedema",
    "atelectasis", "nodule", "granuloma", "scar", "hyperinflation", "low_volume", "raised_diaphragm", "scoliosis",
    "central_line", "pacemaker", "sternal_wires",
)  # fmt: skip
SPLITS = ("train", "validate", "test")
FRONTAL = ("PA", "AP")  # in order of preference

_BATCH = 64  # rows an Arrow batch
_MASKED = ("regions", "evidence")
_STRUCTS = ("labels", "mesh_labels", "drawn")
_TEXT = ("study_id", "subject_id", "image_id", "source", "licence", "split")


def features() -> Features:
    """Return the columns of the study table and their types."""
    text, measured = Value("string"), {"name": Value("string"), "value": Value("float64"), "unit": Value("string")}
    measured = List(measured | {"hours_before": Value("float32")})
    said = dict.fromkeys(LABELS, Value("int8"))
    evidence = dict.fromkeys(("finding", "side", "zone", "severity", "said"), text) | {"mask": Value("binary")}
    return Features({
        "study_id": text, "subject_id": text, "image_id": text,
        "image": Image(), "view": text, "study_time": Value("timestamp[us]"),
        "indication": text, "comparison": text, "findings": text, "impression": text, "sentences": List(text),
        "labels": said, "mesh_codes": List(text), "mesh_labels": said, "drawn": dict.fromkeys(FINDINGS, Value("int8")),
        "age": Value("float32"), "sex": text, "sex_source": text, "labs": measured, "vitals": measured,
        "regions": List({"name": text, "mask": Value("binary")}), "evidence": List(evidence),
        "split": text, "composed": Value("bool"), "prior_study_id": text, "source": text, "licence": text,
    })  # fmt: skip


def make_table(rows: Iterable[Mapping], path: Path, rejects: Rejects | None = None) -> Dataset:
    """Write `rows` to the Arrow file `path` and return it, validated and memory-mapped.

    `image` is PNG bytes (`encode_png`). A column that a row leaves out is null, as is NaN or NaT (`labels`, `mesh_labels`
    and `drawn`: every name null). A second row with the same study_id goes to `rejects`. The file appears only when it is whole.

    Raises:
        InputError: no rows, an unknown column, a value of the wrong type, a table that `validate` refuses, a
            repeated study where no `rejects` are given, or a folder that cannot be written or is full.
    """
    schema = features().arrow_schema
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with writing(partial), pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            for batch in _batches(_distinct(rows, path, rejects), path):
                stream.write_batch(batch)
        validate(Dataset.from_file(str(partial)), path)
        with writing(path):
            os.replace(partial, path)
    finally:
        with suppress(OSError):
            partial.unlink()
    return Dataset.from_file(str(path))


def read_table(path: Path) -> Dataset:
    """Return the study table that `make_table` wrote to `path`, validated and memory-mapped.

    Raises:
        InputError: the file is missing, cut short, of another version or fails `validate`.
    """
    remedy = "Delete it; it is made again when it is next needed."
    try:
        return validate(Dataset.from_file(str(path)), path)
    except FileNotFoundError:
        raise InputError(path, "there is no such table", "Make it with load_studies().") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(path, f"is not a whole Arrow file ({error})", remedy) from error


def validate(dataset: Dataset, where: str | Path = "study table") -> Dataset:
    """Return `dataset` if it keeps the contract above; `where` names it in the error.

    Checked: column names and types; the values of each column; no patient in two splits; no prior of another
    patient; no measurement after the film; images grey and masks of their size.

    Raises:
        InputError: names the first faults, with column, value and study.
    """
    if dataset.features != features():
        missing = sorted(set(features()) - set(dataset.features))
        fault = f"missing columns {missing}" if missing else "column names or types differ from studies.features()"
        raise InputError(where, fault, "It was made by another version: delete it and make it again.")
    plain = dataset.select_columns([name for name in dataset.column_names if name not in ("image", *_MASKED)])
    table = plain.with_format("arrow")[:]
    frame = table.drop(["labs", "vitals", "sentences", "mesh_codes"]).flatten().to_pandas().set_index("study_id")
    faults = _column_faults(frame) or _patient_faults(frame) + _late_faults(table) + _size_faults(dataset)
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise InputError(where, shown, "Mend these rows where the table is made, or send them to the rejects.")
    return dataset


def patient_split(
    subject_ids: Iterable[str],
    seed: int,
    fractions: tuple[float, float, float] = (0.7, 0.1, 0.2),
    groups: Iterable[Iterable[str]] | None = None,
) -> dict[str, str]:
    """Return the split of every patient: a shuffle by `seed`, cut at `fractions` (train, validate, test) of patients.

    `groups` are sets of patients that must stay on one side (one person under two ids, a shared report); sets that
    overlap are merged. The order of `subject_ids` and their repeats do not matter.
    """
    patients = sorted(set(subject_ids))
    number = {patient: index for index, patient in enumerate(patients)}
    links = [(number[group[0]], number[other]) for group in map(list, groups or ()) for other in group[1:]]
    first, second = np.array(links, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(links)), (first, second)), shape=(len(patients), len(patients)))
    _, group_of = connected_components(graph, directed=False)
    sizes = np.bincount(group_of, minlength=1)
    order = np.random.default_rng(seed).permutation(len(sizes))
    middle = np.empty(len(sizes))
    middle[order] = (np.cumsum(sizes[order]) - sizes[order] / 2) / max(len(patients), 1)  # in (0, 1), by group
    side = np.searchsorted(np.cumsum(fractions)[:2], middle)
    return {patient: SPLITS[side[group]] for patient, group in zip(patients, group_of, strict=True)}


def frontal_images(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return one frontal image a study, PA before AP, from a table with study_id, image_id and view.

    Any further columns are kept. To `rejects` go an image listed twice and a study with no frontal view; the
    other images of a study that is kept are left out in silence (a lateral is not an error).
    """
    images = listed_once(images, where, rejects)
    rank = images["view"].map({view: rank for rank, view in enumerate(FRONTAL)})
    for study in images["study_id"][rank.isna().groupby(images["study_id"]).transform("all")].unique():
        rejects.add(where, study, "no frontal view, only a lateral or unknown one", "Add its PA or AP image.")
    best = rank.dropna().sort_values(kind="stable").index
    return images.loc[best].drop_duplicates("study_id").sort_index()


def listed_once(images: pd.DataFrame, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return the first row of each `image_id`; the others go to `rejects`."""
    repeated = images["image_id"].duplicated()
    for image in images.loc[repeated, "image_id"]:
        rejects.add(where, image, "the image is listed twice", "Keep one of its rows.")
    return images[~repeated]


def match_images(images: pd.DataFrame, folder: Path, where: str | Path, rejects: Rejects) -> pd.DataFrame:
    """Return the rows whose `file` (a path below `folder`) is there.

    To `rejects` go a row without its image and an image (.dcm, .jpg, .jpeg, .png) without a row.
    """
    kinds = (".dcm", ".jpg", ".jpeg", ".png")
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.suffix.lower() in kinds}
    missing = ~images["file"].isin(there)
    for file in images.loc[missing, "file"]:
        rejects.add(where, file, "its image file is missing", f"Download it into {folder}, or drop the row.")
    for file in sorted(there - set(images["file"])):
        rejects.add(folder / file, "", f"the image has no row in {where}", "Add a row for it, or delete the file.")
    return images[~missing]


def label_matrix(rows: Iterable[Mapping[str, int | None]], names: Sequence[str] = LABELS) -> np.ndarray:
    """Return named states as a matrix (rows, names) of float32: 1, 0, -1, and NaN for null. `drawn` has other names."""
    states = [[np.nan if row[name] is None else row[name] for name in names] for row in rows]
    return np.array(states, np.float32).reshape(-1, len(names))


def pack_mask(mask: np.ndarray) -> bytes:
    """Return a boolean mask (H, W) as bytes: height and width (16 bit), then its bits, compressed."""
    height, width = mask.shape
    return struct.pack("<HH", height, width) + zlib.compress(np.packbits(mask.astype(bool)).tobytes())


def unpack_mask(packed: bytes) -> np.ndarray:
    """Return the boolean mask (H, W) that `pack_mask` packed."""
    height, width = _mask_size(packed)
    bits = np.frombuffer(zlib.decompress(packed[4:]), np.uint8)
    return np.unpackbits(bits, count=height * width).reshape(height, width).astype(bool)


def encode_png(pixels: np.ndarray) -> bytes:
    """Return a grey image (H, W), uint8 or uint16, as PNG bytes for the `image` column."""
    buffer = io.BytesIO()
    Picture.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def pixels(image: Picture.Image) -> np.ndarray:
    """Return an image of the table as float32 (H, W) in [0, 1], whether it is stored with 8 or 16 bits."""
    return np.asarray(image, np.float32) / (255 if image.mode == "L" else 65535)


def _distinct(rows: Iterable[Mapping], path: Path, rejects: Rejects | None) -> Iterator[Mapping]:
    seen: set[str] = set()
    remedy = "Keep one row of the study."
    for row in rows:
        study = row["study_id"]
        if study not in seen:
            seen.add(study)
            yield row
        elif rejects is None:
            raise InputError(path, f"study {study} comes twice", remedy)
        else:
            rejects.add(path, study, "the study comes twice", remedy)
    if not seen:
        raise InputError(path, "there is no study to write", "See the rejects for what was left out.")


def _batches(rows: Iterable[Mapping], path: Path) -> Iterator[pa.RecordBatch]:
    schema, batch = features().arrow_schema, []
    for row in rows:
        if unknown := sorted(set(row) - set(schema.names)):
            raise InputError(path, f"study {row['study_id']} has unknown columns {unknown}", "See studies.features().")
        known = {name: value for name, value in row.items() if not (pd.api.types.is_scalar(value) and pd.isna(value))}
        filled = {name: row.get(name) or {} for name in _STRUCTS}
        batch.append({**known, **filled, "image": {"bytes": row["image"], "path": None}})
        if len(batch) == _BATCH:
            yield _record_batch(batch, schema, path)
            batch = []
    yield _record_batch(batch, schema, path)


def _record_batch(batch: list[dict], schema: pa.Schema, path: Path) -> pa.RecordBatch:
    try:
        return pa.RecordBatch.from_pylist(batch, schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        studies = f"{batch[0]['study_id']} to {batch[-1]['study_id']}"
        remedy = "Mend the row where it is made; studies.features() lists the types."
        raise InputError(path, f"a value of the wrong type in studies {studies} ({error})", remedy) from error


def _schema() -> pandera.DataFrameSchema:
    check, column = pandera.Check, pandera.Column
    filled = [check.str_length(min_value=1)]
    names = {name: column(checks=filled) for name in _TEXT if name != "study_id"}
    said = {f"{struct}.{name}": column(checks=check.isin([1, 0, -1]), nullable=True)
            for struct in ("labels", "mesh_labels") for name in LABELS}  # fmt: skip
    return pandera.DataFrameSchema(
        names | said
        | {f"drawn.{name}": column(checks=check.isin([1, 0]), nullable=True) for name in FINDINGS}
        | {
            "image_id": column(checks=filled, unique=True),
            "view": column(checks=check.isin(FRONTAL)),
            "split": column(checks=check.isin(SPLITS)),
            "age": column(checks=check.in_range(0, 120), nullable=True),
            "sex": column(checks=check.isin(["F", "M"]), nullable=True),
            "sex_source": column(checks=check.isin(["report", "simulated", "record"]), nullable=True),
        },
        index=pandera.Index(checks=filled, unique=True, name="study_id"),
    )  # fmt: skip


def _column_faults(frame: pd.DataFrame) -> list[str]:
    try:
        _schema().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.astype(object)
        return [f"{row.column or 'study_id'} is {row.failure_case!r} in study {row.index} (rule: {row.check})"
                for row in cases.itertuples(index=False)]  # fmt: skip
    return []


def _patient_faults(frame: pd.DataFrame) -> list[str]:
    splits = frame.groupby("subject_id")["split"].nunique()
    faults = [f"patient {patient} is in {count} splits" for patient, count in splits[splits > 1].items()]
    owner = frame["prior_study_id"].map(frame["subject_id"])  # null where the prior is not in this table
    wrong = owner.notna() & (owner != frame["subject_id"]) | (frame["prior_study_id"] == frame.index)
    return faults + [f"the prior of study {study} is itself or another patient's" for study in frame.index[wrong]]


def _late_faults(table: pa.Table) -> list[str]:
    faults = []
    for column in ("labs", "vitals"):
        hours = pc.struct_field(pc.list_flatten(table[column]), "hours_before")
        row = pc.filter(pc.list_parent_indices(table[column]), pc.less(hours, 0))
        studies = pc.unique(pc.take(table["study_id"], row)).to_pylist()
        faults += [f"{column} measured after the film in study {study}" for study in studies]
    return faults


def _size_faults(dataset: Dataset) -> list[str]:
    faults = []
    columns = dataset.select_columns(["study_id", "image", *_MASKED]).with_format("arrow")
    for start in range(0, len(dataset), _BATCH):
        for row in columns[start : start + _BATCH].to_pylist():
            try:
                image = Picture.open(io.BytesIO(row["image"]["bytes"]))
                grey, size = image.mode in ("L", "I;16"), (image.height, image.width)
            except (OSError, TypeError):
                grey, size = False, (0, 0)
            if not grey:
                faults.append(f"the image of study {row['study_id']} is not a grey PNG of 8 or 16 bits")
            masks = [item["mask"] for name in _MASKED for item in row[name] or ()]
            if any(mask is None or _mask_size(mask) != size for mask in masks):
                faults.append(f"a mask of study {row['study_id']} is not of the image's size {size}")
    return faults


def _mask_size(packed: bytes) -> tuple[int, int]:
    return struct.unpack_from("<HH", packed)
