"""Where the folder of your own films may lie."""

from pathlib import Path

import pytest

from txtray_utils.errors import InputError
from txtray_utils.studies.sources import folder


def test_the_folder_must_be_named_hold_a_list_and_lie_outside_git(monkeypatch, tmp_path):
    place = tmp_path / "ours"
    place.mkdir()
    monkeypatch.setenv("TXTRAY_FOLDER", str(place))
    with pytest.raises(InputError, match="holds no studies.csv. Write one as book/your_own_data"):
        folder.folder()
    (place / "studies.csv").write_text("image,patient,report\n")
    assert folder.folder() == place.resolve()
    (tmp_path / ".git").write_text("gitdir: elsewhere")  # as in a linked work tree
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(place)
    for one in (place, link):
        monkeypatch.setenv("TXTRAY_FOLDER", str(one))
        with pytest.raises(InputError, match=r"lies in the git work tree .*\. Move it out"):
            folder.folder()
    monkeypatch.delenv("TXTRAY_FOLDER")
    with pytest.raises(InputError, match="TXTRAY_FOLDER: is not set. Set it to the folder of your"):
        folder.folder()


def test_a_folder_in_this_checkout_is_refused(monkeypatch):
    monkeypatch.setenv("TXTRAY_FOLDER", str(Path(__file__).parent))
    with pytest.raises(InputError, match="lies in the git work tree"):
        folder.folder()
