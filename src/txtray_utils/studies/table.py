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

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
from datasets import Dataset

from txtray_utils.errors import InputError, Rejects, writing
from txtray_utils.studies.checks import validate
from txtray_utils.studies.columns import BATCH, features

_STRUCTS = ("labels", "mesh_labels", "drawn")


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
        if len(batch) == BATCH:
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


def part(studies: Dataset, split: str, with_sentences: bool = True) -> Dataset:
    """Return the studies of one split; by default only those whose report has a sentence."""
    splits, sentences = studies["split"], studies["sentences"]
    rows = [row for row, name in enumerate(splits) if name == split]
    if with_sentences:
        rows = [row for row in rows if sentences[row]]
    return studies.select(rows)
