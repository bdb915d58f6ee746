"""What a source lists against what is there."""

import pandas as pd

from txtray_utils.errors import Rejects
from txtray_utils.studies.sources.listing import frontal_images, match_images


def test_one_frontal_image_a_study_and_lateral_only_is_rejected():
    images = pd.DataFrame(
        [
            ("s1", "a", "LATERAL", 1),
            ("s1", "b", "AP", 2),
            ("s1", "c", "PA", 3),
            ("s1", "d", "PA", 4),
            ("s2", "e", "LL", 5),
            ("s3", "f", "AP", 6),
            ("s3", "f", "AP", 7),
            ("s4", "g", None, 8),
        ],
        columns=["study_id", "image_id", "view", "more"],
    )
    rejects = Rejects()
    kept = frontal_images(images, "list.csv", rejects)
    assert kept[["image_id", "more"]].values.tolist() == [["c", 3], ["f", 6]]
    assert rejects.frame()[["row", "fault"]].values.tolist() == [
        ["f", "the image is listed twice"],
        ["s2", "no frontal view, only a lateral or unknown one"],
        ["s4", "no frontal view, only a lateral or unknown one"],
    ]


def test_rows_and_images_are_matched_both_ways(tmp_path):
    for name in ("deep/a.dcm", "b.JPG", "orphan.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    images, rejects = pd.DataFrame({"file": ["deep/a.dcm", "b.JPG", "gone.png"]}), Rejects()
    kept = match_images(images, tmp_path, "list.csv", rejects)
    assert kept["file"].tolist() == ["deep/a.dcm", "b.JPG"]
    assert rejects.frame()[["file", "row", "fault"]].values.tolist() == [
        ["list.csv", "gone.png", "its image file is missing"],
        [str(tmp_path / "orphan.png"), "", "the image has no row in list.csv"],
    ]
