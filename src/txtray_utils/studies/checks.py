"""NEW MODULE."""

import io
from pathlib import Path

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.compute as pc
from datasets import Dataset
from PIL import Image as Picture

from txtray_utils.errors import InputError
from txtray_utils.studies.columns import BATCH, FRONTAL, MASKED, features
from txtray_utils.studies.pixels import mask_size
from txtray_utils.studies.splits import SPLITS
from txtray_utils.vocabulary import FINDINGS, LABELS

_TEXT = ("study_id", "subject_id", "image_id", "source", "licence", "split")


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
    plain = dataset.select_columns([name for name in dataset.column_names if name not in ("image", *MASKED)])
    table = plain.with_format("arrow")[:]
    frame = table.drop(["labs", "vitals", "sentences", "mesh_codes"]).flatten().to_pandas().set_index("study_id")
    faults = _column_faults(frame) or _patient_faults(frame) + _late_faults(table) + _size_faults(dataset)
    if faults:
        shown = "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")
        raise InputError(where, shown, "Mend these rows where the table is made, or send them to the rejects.")
    return dataset


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
    columns = dataset.select_columns(["study_id", "image", *MASKED]).with_format("arrow")
    for start in range(0, len(dataset), BATCH):
        for row in columns[start : start + BATCH].to_pylist():
            try:
                image = Picture.open(io.BytesIO(row["image"]["bytes"]))
                grey, size = image.mode in ("L", "I;16"), (image.height, image.width)
            except (OSError, TypeError):
                grey, size = False, (0, 0)
            if not grey:
                faults.append(f"the image of study {row['study_id']} is not a grey PNG of 8 or 16 bits")
            masks = [item["mask"] for name in MASKED for item in row[name] or ()]
            if any(mask is None or mask_size(mask) != size for mask in masks):
                faults.append(f"a mask of study {row['study_id']} is not of the image's size {size}")
    return faults
