import errno

import pandas as pd
import pytest

from tests.full_disk import full_disk
from txtray_utils.errors import InputError, Rejects, replacing, writing


def test_an_input_error_names_file_fault_and_remedy():
    error = InputError("a.dcm", "has 3 frames", "Export one.")
    assert str(error) == "a.dcm: has 3 frames. Export one."
    assert (error.path, error.fault, error.remedy) == ("a.dcm", "has 3 frames", "Export one.")


def test_rejects_keep_every_row_and_come_back_from_csv(tmp_path):
    rejects = Rejects()
    rejects.add("table.csv", 7, 'a "quoted", odd fault', "Mend it.")
    rejects.add_error(InputError("b.png", "cut short", "Fetch it."), "s1")
    rejects.save(tmp_path / "new" / "rejects.csv")
    back = pd.read_csv(tmp_path / "new" / "rejects.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(back, rejects.frame())
    assert back["row"].tolist() == ["7", "s1"]
    assert list(Rejects().frame().columns) == list(back.columns)


def test_a_full_disk_and_an_unwritable_folder_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match="disk is full.*Free some space"), writing(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match="cannot be written.*Make the folder writable"),
        writing(tmp_path / "file" / "x"),
    ):
        raise AssertionError("the body must not run where there can be no folder")


def test_a_really_full_disk_is_named_and_leaves_the_rejects_as_they_were(tmp_path):
    path = tmp_path / "rejects.csv"
    rejects = Rejects()
    rejects.add("a", "b", "c", "d")
    rejects.save(path)
    before = path.read_bytes()
    for row in range(6001):
        rejects.add("a", row, "c", "d")
    with full_disk(), pytest.raises(InputError, match="disk is full"):
        rejects.save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_only_once_it_is_whole(tmp_path):
    path = tmp_path / "new" / "kept.csv"
    with replacing(path) as partial:
        partial.write_text("old")
    with pytest.raises(InputError, match="kept.csv.*disk is full"), replacing(path) as partial:
        partial.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left")
    assert path.read_text() == "old"
