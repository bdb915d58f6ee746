"""The virtual hospital on disk: simulated films and records, real reports, as MIMIC writes them.

Studies are made in parts by any number of worker processes; a part is kept once it is whole, so a
run that was killed goes on where it stopped and ends with the same bytes. Only what makes films or
reads texts imports torch, which takes 300 MB that the process that hands out the parts need not
have. Explained in book/01_reading_a_radiograph.
"""

import hashlib
import multiprocessing
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from txtray_utils.errors import InputError, replacing
from txtray_utils.studies.sources.openi_package import SECTIONS, read_reports
from virtual_hospital.anatomies import load
from virtual_hospital.cohort import SIZE, Case, plan_cohort
from virtual_hospital.cues import Cue, plant
from virtual_hospital.files import write_study
from virtual_hospital.making import end_with_parent, only_maker, whole_number
from virtual_hospital.tables import write_tables
from virtual_hospital.truth import truth_row
from virtual_hospital.whole import PARTS, finish, is_complete, is_part, write_note

VERSION = 4
PART = 25  # studies a part
LEAST = 6  # studies; with fewer, the traps of the record may leave nobody in it


def make_hospital(
    folder: Path,
    studies: int = 1600,
    seed: int = 0,
    workers: int = 2,
    cue: Cue | None = None,
    *,
    anatomy: str | None = None,
) -> Path:
    """Make a virtual hospital in ``folder``, or return at once if the same one is there.

    Args:
        folder: where to write; made if absent.
        studies: how many studies, 6 or more.
        seed: the same seed gives the same bytes, whatever the number of workers.
        workers: processes; 1 works in this one.
        cue: what films with a finding carry besides, a planted shortcut; None plants none.
        anatomy: one of ``anatomies.ANATOMIES`` for all patients; None lets each have his own.

    Returns:
        ``folder``.

    Raises:
        InputError: an option is out of range; the folder holds another cohort, has lost files of
            this one, cannot be written or is full.
    """
    folder = Path(folder)
    studies = whole_number("studies", studies, LEAST)
    seed = whole_number("seed", seed, 0)
    workers = whole_number("workers", workers, 1)
    config = {
        "version": VERSION,
        "studies": studies,
        "seed": seed,
        "size": SIZE,
        "cue": asdict(cue) if cue else None,
        "anatomy": anatomy,
    }
    if is_complete(folder, config):
        return folder
    with only_maker(folder):
        if not is_complete(folder, config):  # another may have made it while this one waited
            _make(folder, config, workers)
    return folder


def _make(folder: Path, config: dict, workers: int) -> None:
    """Make the hospital, or what a maker that was killed has left to do."""
    cases = _planned(config, workers)
    write_note(folder, config)
    _make_chests(folder, cases, workers)
    _make_films(folder, cases, workers)
    write_tables(cases, folder, config["seed"])
    finish(folder, config)


def cases_of(config: Mapping) -> list[Case]:
    """Return the studies of a hospital, as the `config` in its truth/cohort.json says."""
    cases = plan_cohort(config["studies"], config["seed"])
    if anatomy := config["anatomy"]:
        cases = [replace(case, anatomy=anatomy) for case in cases]
    if cue := config["cue"]:
        cases = plant(cases, Cue(**cue), config["seed"])
    return cases


def _planned(config: Mapping, workers: int) -> list[Case]:
    """Plan the cohort, in a process of its own where there are any: reading texts takes memory."""
    if workers == 1:
        return cases_of(config)
    with _pool(1) as pool:
        return pool.submit(cases_of, config).result()


def _make_chests(folder: Path, cases: list[Case], workers: int) -> None:
    """Make the chests that the cases need: here, or in a worker, as it imports torch."""
    names = {case.anatomy for case in cases}
    for name in sorted(names):
        if workers == 1:
            load(folder, name)
            continue
        with _pool(1) as pool:
            pool.submit(load, folder, name).result()


def _pool(workers: int) -> ProcessPoolExecutor:
    """Return workers that end with this process."""
    return ProcessPoolExecutor(workers, mp_context=_context(), initializer=end_with_parent)


def _make_films(folder: Path, cases: list[Case], workers: int) -> None:
    """Make the parts that are not there yet, and one table of the truth of all."""
    todo: list[tuple[int, list[Case]]] = []
    there = 0
    files = []
    for start in range(0, len(cases), PART):
        k = start // PART
        file = _part_file(folder, k)
        files.append(file)
        part = cases[start : start + PART]
        if is_part(file, folder, part):
            there += len(part)
        else:
            todo.append((k, part))
    with tqdm(total=len(cases), initial=there, unit="film", desc="virtual films") as bar:
        for done in _run(folder, todo, workers):
            bar.update(done)
    truth = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    with replacing(folder / "truth/studies.parquet") as partial:
        truth.to_parquet(partial, index=False)


def fingerprint(folder: Path) -> str:
    """Return one hash over the names and bytes of every file of a hospital, for comparing two."""
    total = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            total.update(name.encode())
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _part_file(folder: Path, k: int) -> Path:
    return folder / PARTS / f"{k:05d}.parquet"


def _run(folder: Path, todo: list[tuple[int, list[Case]]], workers: int) -> Iterator[int]:
    """Make the parts, here or in worker processes; yield the studies of each as it is done."""
    if workers == 1:
        yield from _run_here(folder, todo)
        return
    if not todo:
        return
    with _pool(workers) as pool:
        jobs = [pool.submit(make_part, folder, k, part) for k, part in todo]
        try:
            for job in as_completed(jobs):
                yield job.result()
        except BrokenProcessPool as error:
            fault = "a worker was ended from outside, perhaps for want of memory"
            remedy = "Run this again with fewer workers; the films that are whole are kept."
            raise InputError(folder, fault, remedy) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _run_here(folder: Path, todo: list[tuple[int, list[Case]]]) -> Iterator[int]:
    """Make the parts in this process, whose number of threads is given back."""
    import torch

    before = torch.get_num_threads()
    try:
        for k, part in todo:
            yield make_part(folder, k, part)
    finally:
        torch.set_num_threads(before)


def _context() -> multiprocessing.context.BaseContext:
    """Return how workers start: where it can be, they share what is imported once."""
    forks = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if forks else "spawn")
    context.set_forkserver_preload([__name__, "virtual_hospital.film"])
    return context


def make_part(folder: Path, k: int, cases: list[Case]) -> int:
    """Make the studies of one part and keep their truth; return how many they are."""
    import torch

    from virtual_hospital.film import picture

    torch.set_num_threads(1)  # so that sums do not depend on the machine
    texts = read_reports().set_index("uid")
    rows = []
    for case in cases:
        made = picture(case, load(folder, case.anatomy))
        sections = texts.loc[case.report_id, list(SECTIONS)].to_dict()
        write_study(folder, case, made.tone, sections)
        rows.append(truth_row(case, made))
    with replacing(_part_file(folder, k)) as partial:
        pd.DataFrame(rows).to_parquet(partial, index=False)
    return len(cases)
