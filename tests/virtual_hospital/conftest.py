"""What the tests of the virtual hospital share: the prepared chests, made once a session."""

import time
from datetime import datetime

import pytest

from txtray_utils.vocabulary import FINDINGS
from virtual_hospital import anatomies, anatomy
from virtual_hospital.catalogue import BY_NAME
from virtual_hospital.cohort import Case
from virtual_hospital.drawings import Drawing


@pytest.fixture(scope="session")
def chests(tmp_path_factory):
    """The folder in which both prepared chests are kept, made within their time."""
    folder = tmp_path_factory.mktemp("anatomy")
    before = time.process_time()
    for name in anatomies.ANATOMIES:
        anatomies.load(folder, name)
    assert time.process_time() - before < 70, "the second takes too long (30 s when written)"
    return folder


@pytest.fixture(scope="session")
def chest_of_all(tmp_path_factory):
    """The first chest, by itself, for tests that need no other."""
    return anatomy.load(tmp_path_factory.mktemp("anatomy"))


@pytest.fixture(scope="session")
def second(chests):
    """The second chest."""
    return anatomies.load(chests, anatomies.SECOND)


def drawing(name: str, side: str = "", severity: str = "moderate") -> Drawing:
    """A drawing of a finding, on a side if it has one."""
    finding = BY_NAME[name]
    return Drawing(
        name,
        (side or "right") if finding.sided else "",
        finding.zones[0] if finding.zones else "",
        severity,
        "test",
    )


def case(*drawings: Drawing, view: str = "PA", seed: int = 7, **header) -> Case:
    """A study of an invented patient."""
    names = {d.name for d in drawings}
    usual = {
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsStored": 12,
        "BitsAllocated": 16,
        "HighBit": 11,
    }
    return Case(
        study_id="50000001",
        subject_id="10000001",
        dicom_id="0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d-0a1b2c3d",
        split="train",
        report_id="CXR0",
        mesh_codes=(),
        drawings=drawings,
        undrawn=(),
        drawn={n: int(n in names) for n in FINDINGS},
        header=usual
        | {"ViewPosition": view, "Modality": "CR", "sampled": True, "source": "none"}
        | header,
        view=view,
        age=60.0,
        sex="F",
        sex_source="simulated",
        study_time=datetime(2150, 5, 4, 9, 5, 3),
        prior_study_id=None,
        composed=False,
        seed=seed,
    )
