"""What is checked of a study table: the values of each column, and what no column alone can show.

pandera checks the columns, because its checks are declared beside them and its report lists every
fault at once. Explained in book/01_reading_a_radiograph.
"""

import io
from collections.abc import Iterator
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
_LISTS = ("labs", "vitals", "sentences", "mesh_codes")


def validate(dataset: Dataset, where: str | Path = "study table") -> Dataset:
    """Return `dataset` if it keeps the contract of `studies.columns`; `where` names it in the
    error.

    Checked: column names and types; the values of each column; no patient in two splits; no prior
    of another patient; no measurement after the film; images grey and masks of their size.

    Raises:
        InputError: names the first faults, with column, value and study.
    """
    if dataset.features != features():
        missing = sorted(set(features()) - set(dataset.features))
        fault = "column names or types differ from studies.features()"
        if missing:
            fault = f"missing columns {missing}"
        remedy = "It was made by another version: delete it and make it again."
        raise InputError(where, fault, remedy)
    faults = _faults(dataset)
    if faults:
        shown = "; ".join(faults[:5])
        if len(faults) > 5:
            shown += f"; and {len(faults) - 5} more"
        remedy = "Mend these rows where the table is made, or send them to the rejects."
        raise InputError(where, shown, remedy)
    return dataset


def _faults(dataset: Dataset) -> list[str]:
    heavy = ("image", *MASKED)
    names = [name for name in dataset.column_names if name not in heavy]
    table = dataset.select_columns(names).with_format("arrow")[:]
    frame = table.drop(list(_LISTS)).flatten().to_pandas()
    frame = frame.set_index("study_id")
    faults = _column_faults(frame)
    if faults:
        return faults
    return _patient_faults(frame) + _late_faults(table) + _size_faults(dataset)


def _schema() -> pandera.DataFrameSchema:
    filled = [pandera.Check.str_length(min_value=1)]
    columns = {}
    for name in _TEXT:
        if name != "study_id":
            columns[name] = pandera.Column(checks=filled)
    for name in LABELS:
        columns[f"labels.{name}"] = _one_of([1, 0, -1])
    for name in LABELS:
        columns[f"mesh_labels.{name}"] = _one_of([1, 0, -1])
    for name in FINDINGS:
        columns[f"drawn.{name}"] = _one_of([1, 0])
    columns["image_id"] = pandera.Column(checks=filled, unique=True)
    columns["view"] = pandera.Column(checks=pandera.Check.isin(FRONTAL))
    columns["split"] = pandera.Column(checks=pandera.Check.isin(SPLITS))
    age = pandera.Check.in_range(0, 120)
    columns["age"] = pandera.Column(checks=age, nullable=True)
    columns["sex"] = _one_of(["F", "M"])
    columns["sex_source"] = _one_of(["report", "simulated", "record"])
    index = pandera.Index(checks=filled, unique=True, name="study_id")
    return pandera.DataFrameSchema(columns, index=index)


def _one_of(values: list) -> pandera.Column:
    return pandera.Column(checks=pandera.Check.isin(values), nullable=True)


def _column_faults(frame: pd.DataFrame) -> list[str]:
    try:
        _schema().validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases.astype(object)
        faults = []
        for row in cases.itertuples(index=False):
            what = f"{row.column or 'study_id'} is {row.failure_case!r}"
            faults.append(f"{what} in study {row.index} (rule: {row.check})")
        return faults
    return []


def _patient_faults(frame: pd.DataFrame) -> list[str]:
    faults = []
    splits = frame.groupby("subject_id")["split"].nunique()
    for patient, count in splits[splits > 1].items():
        faults.append(f"patient {patient} is in {count} splits")
    subject, prior = frame["subject_id"], frame["prior_study_id"]
    owner = prior.map(subject)  # null where the prior is not in this table
    of_another = owner.notna() & (owner != subject)
    wrong = of_another | (prior == frame.index)
    for study in frame.index[wrong]:
        faults.append(f"the prior of study {study} is itself or another patient's")
    return faults


def _late_faults(table: pa.Table) -> list[str]:
    faults = []
    for column in ("labs", "vitals"):
        hours = pc.struct_field(pc.list_flatten(table[column]), "hours_before")
        rows_of = pc.list_parent_indices(table[column])
        late = pc.filter(rows_of, pc.less(hours, 0))
        studies = pc.unique(pc.take(table["study_id"], late))
        for study in studies.to_pylist():
            faults.append(f"{column} measured after the film in study {study}")
    return faults


def _size_faults(dataset: Dataset) -> list[str]:
    faults = []
    columns = dataset.select_columns(["study_id", "image", *MASKED]).with_format("arrow")
    for start in range(0, len(dataset), BATCH):
        for row in columns[start : start + BATCH].to_pylist():
            faults += _image_faults(row)
    return faults


def _image_faults(row: dict) -> Iterator[str]:
    study = row["study_id"]
    try:
        image = Picture.open(io.BytesIO(row["image"]["bytes"]))
        grey = image.mode in ("L", "I;16")
        size = (image.height, image.width)
    except (OSError, TypeError):
        grey, size = False, (0, 0)
    if not grey:
        yield f"the image of study {study} is not a grey PNG of 8 or 16 bits"
    if any(mask is None or mask_size(mask) != size for mask in _masks(row)):
        yield f"a mask of study {study} is not of the image's size {size}"


def _masks(row: dict) -> Iterator[bytes | None]:
    for name in MASKED:
        for item in row[name] or ():
            yield item["mask"]
