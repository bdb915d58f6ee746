"""Writing and reading the study table; every chapter reads only this.

It is one Arrow file, memory-mapped by `datasets`, with the columns of `studies.columns`, checked by
`studies.checks` at every door. Explained in book/01_reading_a_radiograph.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from txtray_utils.errors import InputError, Rejects, writing
from txtray_utils.studies.checks import validate
from txtray_utils.studies.columns import BATCH, STRUCTS, features


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
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with writing(partial):
            _write(rows, partial, path, rejects)
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


def joined(tables: Mapping[str, Dataset]) -> Dataset:
    """Return the tables of several sources, by name, as one; nothing is copied.

    Raises:
        InputError: a study, a patient or an image of one source has the id of another's.
    """
    for column in ("study_id", "subject_id", "image_id"):
        owner: dict[str, str] = {}
        for source, table in tables.items():
            for one in set(table[column]):
                if one in owner:
                    fault = f"{column} {one} stands in {owner[one]} and in {source}"
                    raise InputError("+".join(tables), fault, "Read these sources one by one.")
                owner[one] = source
    return concatenate_datasets(list(tables.values()))


def part(studies: Dataset, split: str, with_sentences: bool = True) -> Dataset:
    """Return the studies of one split; by default only those whose report has a sentence."""
    splits, sentences = studies["split"], studies["sentences"]
    rows = []
    for row, name in enumerate(splits):
        if name == split and (sentences[row] or not with_sentences):
            rows.append(row)
    return studies.select(rows)


def _write(rows: Iterable[Mapping], partial: Path, path: Path, rejects: Rejects | None) -> None:
    schema = features().arrow_schema
    distinct = _distinct(rows, path, rejects)
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for batch in _batches(distinct, path):
            stream.write_batch(batch)


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
