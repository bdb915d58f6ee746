"""Writing and reading the study table; every chapter reads only this.

It is one Arrow file, memory-mapped by `datasets`, with the columns of `studies.columns`, checked by
`studies.checks` at every door. Explained in book/01_reading_a_radiograph.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from txtray_utils.errors import InputError, Rejects, replacing, writing
from txtray_utils.keep import sign, signed
from txtray_utils.studies.checks import validate
from txtray_utils.studies.columns import BATCH, STRUCTS, features

_END = b"\xff\xff\xff\xff\0\0\0\0"  # how an Arrow stream ends
_AGAIN = "Delete it; it is made again when it is next needed."


def make_table(rows: Iterable[Mapping], path: Path, rejects: Rejects | None = None) -> Dataset:
    """Write `rows` to the Arrow file `path` and return it, validated and memory-mapped.

    `image` is PNG bytes (`encode_png`). A column that a row leaves out is null, as is NaN or NaT
    (`labels`, `mesh_labels` and `drawn`: every name null). A second row with the same study_id goes
    to `rejects`. The file appears only when it is whole.

    Raises:
        InputError: no rows, an unknown column, a value of the wrong type, a table that `validate`
            refuses, a repeated study where no `rejects` are given, or a folder that cannot be
            written or is full.
    """
    with replacing(path) as partial:
        count = write_table(rows, partial, path, rejects)
    sign(path, rows=count)
    return Dataset.from_file(str(path))


def write_table(
    rows: Iterable[Mapping], partial: Path, path: Path, rejects: Rejects | None = None
) -> int:
    """Write the rows to `partial` and return how many there are; errors name `path`.

    Rows and errors are those of `make_table`.
    """
    schema = features().arrow_schema
    distinct = _distinct(_read(rows, path), path, rejects)
    with writing(path):
        with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            for batch in _batches(distinct, path):
                stream.write_batch(batch)
        made = Dataset.from_file(str(partial))
    return len(validate(made, path))


def read_table(path: Path) -> Dataset:
    """Return the study table that `make_table` wrote to `path`, validated and memory-mapped.

    Raises:
        InputError: the file is missing, is not what the note beside it says, is of another version
            or fails `validate`.
    """
    if not path.exists():
        raise InputError(path, "there is no such table", "Make it with load_studies().")
    note = signed(path)
    if note is None:
        fault = "is not a whole Arrow file: it and the note beside it do not agree"
        raise InputError(path, fault, _AGAIN)
    return open_table(path, note.get("rows"))


def open_table(path: Path, count: int | None = None) -> Dataset:
    """Return a table whose bytes are known to be whole, validated; it must have `count` rows.

    Raises:
        InputError: as `read_table`, but the note is not asked.
    """
    try:
        with path.open("rb") as file:
            file.seek(-len(_END), os.SEEK_END)
            whole = file.read() == _END
        table = Dataset.from_file(str(path))
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(path, f"is not a whole Arrow file ({error})", _AGAIN) from error
    if not whole or (count is not None and len(table) != count):
        fault = f"is cut short: {len(table):,} rows are left"
        raise InputError(path, fault, _AGAIN)
    return validate(table, path)


def joined(tables: Mapping[str, Dataset]) -> Dataset:
    """Return the tables of several sources, by name, as one; nothing is copied.

    Raises:
        InputError: a study, a patient or an image of one source has the id of another's.
    """
    several = list(tables.values())
    if len(several) == 1:  # no other's ids to read through
        return several[0]
    for column in ("study_id", "subject_id", "image_id"):
        owner: dict[str, str] = {}
        for source, table in tables.items():
            for one in set(table[column]):
                if one in owner:
                    fault = f"{column} {one} stands in {owner[one]} and in {source}"
                    raise InputError("+".join(tables), fault, "Read these sources one by one.")
                owner[one] = source
    return concatenate_datasets(several)


def part(studies: Dataset, split: str, with_sentences: bool = True) -> Dataset:
    """Return the studies of one split; by default only those whose report has a sentence."""
    splits, sentences = studies["split"], studies["sentences"]
    rows = []
    for row, name in enumerate(splits):
        if name == split and (sentences[row] or not with_sentences):
            rows.append(row)
    return studies.select(rows)


def _read(rows: Iterable[Mapping], path: Path) -> Iterator[Mapping]:
    """Yield the rows; a file that cannot be read for one is named, and not called unwritable."""
    try:
        yield from rows
    except OSError as error:
        fault = f"cannot be read ({error.strerror or error})"
        remedy = "Look at the file and at the folder's permissions."
        raise InputError(error.filename or path, fault, remedy) from error


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
        remedy = "See the rejects for what was left out."
        raise InputError(path, "there is no study to write", remedy)


def _batches(rows: Iterable[Mapping], path: Path) -> Iterator[pa.RecordBatch]:
    schema = features().arrow_schema
    batch = []
    for row in rows:
        unknown = sorted(set(row) - set(schema.names))
        if unknown:
            fault = f"study {row['study_id']} has unknown columns {unknown}"
            raise InputError(path, fault, "See studies.features().")
        batch.append(_filled(row))
        if len(batch) == BATCH:
            yield _record_batch(batch, schema, path)
            batch = []
    yield _record_batch(batch, schema, path)


def _filled(row: Mapping) -> dict:
    """Return a row as Arrow takes it: NaN and NaT left out, the image as bytes of no file."""
    filled = {}
    for name, value in row.items():
        nothing = pd.api.types.is_scalar(value) and pd.isna(value)
        if not nothing:
            filled[name] = value
    for name in STRUCTS:
        filled[name] = row.get(name) or {}
    filled["image"] = {"bytes": row["image"], "path": None}
    return filled


def _record_batch(batch: list[dict], schema: pa.Schema, path: Path) -> pa.RecordBatch:
    try:
        return pa.RecordBatch.from_pylist(batch, schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        studies = f"{batch[0]['study_id']} to {batch[-1]['study_id']}"
        fault = f"a value of the wrong type in studies {studies} ({error})"
        remedy = "Mend the row where it is made; studies.features() lists the types."
        raise InputError(path, fault, remedy) from error
