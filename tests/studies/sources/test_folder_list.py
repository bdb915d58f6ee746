"""The list of your own studies, as people and spreadsheet programs write it."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txtray_utils.errors import InputError, Rejects
from txtray_utils.studies.sources.folder_list import COLUMNS, read_list

PAGE = Path(__file__).resolve().parents[3] / "book" / "your_own_data.md"
HEADER = b"image,patient,report\n"


def read(path, text):
    path.write_text(text, "utf-8", newline="")
    rejects = Rejects()
    return read_list(path, rejects), [f"{one.row}: {one.fault}" for one in rejects.rows]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_usual_separator_is_read(tmp_path, separator, mark):
    lines = (["image", "patient", "report"], ["a.png", "007", '"Clear, as before;\r\nno change."'])
    text = mark + "\r\n".join(separator.join(line) for line in lines)
    table, said = read(tmp_path / "studies.csv", text)
    assert table["report"].tolist() == ["Clear, as before;\nno change."] and not said
    assert table["subject_id"].tolist() == ["007"]


def test_the_header_may_have_capitals_spaces_and_unknown_columns(tmp_path):
    text = " Image , PATIENT,Report,gender\r\n,,,\r\n.\\films\\a.PNG,1,Clear.,F\r\n"
    table, said = read(tmp_path / "studies.csv", text)
    assert table["image_id"].tolist() == ["films/a.PNG"]
    assert table["study_id"].tolist() == ["films/a"]
    assert said == ["column gender: the column is not known and is left out"]


def test_a_study_without_a_name_has_that_of_its_film(tmp_path):
    names = ("1.2.840.1", "1.2.840.2", "deep/a.dcm", "b.jpeg")
    text = "image,patient,report\n" + "".join(f"{name},p,\n" for name in names)
    table, _ = read(tmp_path / "studies.csv", text)
    assert table["study_id"].tolist() == ["1.2.840.1", "1.2.840.2", "deep/a", "b"]


def test_a_row_that_cannot_be_used_is_told_by_its_line(tmp_path):
    rows = ("a.png,1,Clear.,test", ",2,Clear.,", "c.png,,Clear.,", "d.png,4", "e.png,5,x,y,z")
    text = "\n".join(("image,patient,report,split", *rows, "f.png,6,Clear.,dev"))
    table, said = read(tmp_path / "studies.csv", text)
    assert table["image_id"].tolist() == ["a.png"]
    assert said == [
        "line 3: names no image",
        "line 4: names no patient",
        "line 5: has 2 cells, and the header has 4",
        "line 6: has 5 cells, and the header has 4",
        "line 7: its split is 'dev'",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", r"is empty\. Write a header and one row"),
        (b"\n \n", "is empty"),
        (HEADER, "has a header and no row"),
        (b"image,report\na.png,Clear.\n", r"lacks the columns \['patient'\]\. Add them"),
        (b"image,patient\na.png,1\n", "lacks the columns .'report .or findings, impression"),
        (b"image,patient,age,report,Age\na.png,1,2,x,3\n", r"has the columns \['age'\] twice"),
        (HEADER + b"a.png,1,K\xfchl\n", "byte 0xfc at 30 is not UTF-8. Save it as"),
        (HEADER.decode().encode("utf-16"), "byte 0xff at 0 is not UTF-8"),
        (HEADER + b'a.png,1,"x\nb.png,2,y\n', "cannot be read as csv .line 3: .*Put"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_to_do(tmp_path, content, fault):
    path = tmp_path / "studies.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"studies.csv: {fault}"):
        read_list(path, Rejects())


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=30)


@given(texts=st.lists(CELL, min_size=1, max_size=5), separator=st.sampled_from(",;\t"))
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory, texts, separator):
    path = tmp_path_factory.mktemp("list") / "studies.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter=separator)
        table.writerow(["image", "patient", "report"])
        table.writerows([f"{k}.png", "p", text] for k, text in enumerate(texts))
    rejects = Rejects()
    table = read_list(path, rejects)
    assert list(table) == list(COLUMNS.values()) and len(rejects) == 0
    assert table["report"].tolist() == [text.strip() or None for text in texts]


def test_a_report_and_its_sections_cannot_both_be_given(tmp_path):
    with pytest.raises(InputError, match=r"and also the sections \['findings'\]\. Keep the report"):
        read(tmp_path / "studies.csv", "image,patient,report,findings\na.png,1,Clear.,Clear.\n")


def test_the_example_of_the_page_is_read(tmp_path):
    example = PAGE.read_text("utf-8").partition("```text\n")[2].partition("```")[0]
    table, said = read(tmp_path / "studies.csv", example)
    assert not said
    assert table["subject_id"].tolist() == ["A", "A", "B", "C"]
    assert table["report"].notna().tolist() == [True, True, True, False]


def test_the_page_lists_every_column():
    listed = PAGE.read_text("utf-8").partition("| Column |")[2].partition("\n\n")[0]
    for name in COLUMNS:
        assert f"`{name}`" in listed
