"""Texts that are damaged, empty, in another language or without headings."""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from tests.attacks.attack import Attack, hold
from txtray_utils.errors import Rejects
from txtray_utils.read.labels import label_report, label_texts, report_labels, text_fault
from txtray_utils.read.report import read_report, report_sections, sentences, split_sections
from txtray_utils.read.text import normalised
from txtray_utils.show.figures import films
from txtray_utils.studies.sources.openi_package import read_reports
from txtray_utils.studies.sources.texts import text_columns
from txtray_utils.vocabulary import LABELS

TEXT = "There is a large left pneumothorax."


def stated(text: str) -> dict[str, int]:
    """Return the labels that a text gets, without those that it does not mention."""
    return {label: state for label, state in label_report(text, None).items() if state is not None}


def present(label: str, *texts: str) -> Attack:
    """Say that each of these texts states a finding."""
    name = f"{label} in {ascii(texts[0])[:40]}"
    return Attack(name, lambda _: all(stated(text) == {label: 1} for text in texts), "right")


def absent(label: str, text: str) -> Attack:
    wanted = {label: 0, "No Finding": 1}
    return Attack(
        f"no {label} in {ascii(text)[:40]}",
        lambda _: wanted.items() <= stated(text).items() and 1 not in {
            state for name, state in stated(text).items() if name != "No Finding"},
        "right",
    )  # fmt: skip


def file_of(data: bytes):
    def act(folder: Path) -> str:
        path = folder / "s1.txt"
        path.write_bytes(data)
        return read_report(path)

    return act


def faults(report: str) -> list[str]:
    """Return what is told of a report that a source reads; it must not be labelled."""
    rejects = Rejects()
    study = text_columns(report_sections(report), Path("s1.txt"), "s1", rejects)
    assert set(study["labels"].values()) == {None}
    assert all(one.file == "s1.txt" and one.row == "s1" and one.remedy for one in rejects.rows)
    return [one.fault for one in rejects.rows]


def refused(report: str, says: str) -> Attack:
    return Attack(f"a report of {ascii(report)[:40]}", lambda _: faults(report), "reject", says)


def body(report: str, findings: str) -> Attack:
    """Say that a report without FINDINGS keeps this as its findings, with labels."""

    def act(_: Path) -> bool:
        study = text_columns(report_sections(report), Path("s1.txt"), "s1", Rejects())
        labels = study["labels"]
        return study["findings"] == findings and labels["Pneumothorax"] == 1

    return Attack(f"the body of {ascii(report)[:40]}", act, "right")


def long_list(words: int) -> str:
    named = ", ".join(["mass", "nodule", "fracture", "edema", "consolidation"] * (words // 5))
    return f"There is no {named} or pneumothorax."


def same(call, text: str, wanted: object) -> Attack:
    return Attack(f"{call.__name__} of {ascii(text)[:40]}", lambda _: call(text) == wanted, "right")


def lose_a_fifo(folder: Path) -> str:
    os.mkfifo(folder / "s1.txt")
    return read_report(folder / "s1.txt")


def draw_mathtext(_: Path) -> bool:
    figure = films([np.zeros((8, 8), np.float32)], ["cost $x_{ and $5"])
    figure.canvas.draw()
    shown = figure.axes[0].get_title()
    plt.close(figure)
    return shown == "cost $x_{ and $5"


def addendum_beside_findings(_: Path) -> list[str]:
    rejects = Rejects()
    report = f"FINDINGS: Clear lungs.\nADDENDUM: {TEXT}"
    study = text_columns(report_sections(report), Path("s1.txt"), "s1", rejects)
    assert study["findings"] == "Clear lungs."
    return [one.fault for one in rejects.rows]


def no_english_report_is_refused(_: Path) -> bool:
    for text in read_reports()["text"]:
        fault = text_fault(text)
        if fault and fault != "the report has no word of text":
            return False
    return True


def columns_of_another_language(_: Path) -> bool:
    texts = ["Kein Pneumothorax, keine Hernie.", "No pneumothorax."]
    column = LABELS.index("Pneumothorax")
    labels, terms = report_labels(texts), label_texts(texts)
    return bool(np.isnan(labels[0]).all() and np.isnan(terms[0]).all() and labels[1, column] == 0)


OTHER_LANGUAGES = (
    "Kein Pneumothorax.",
    "Kein Nachweis eines Pneumothorax. Herz normal gro\u00df.",
    "Pneumothorax rechts.",
    "Pneumothorax ausgeschlossen.",
    "Kardiomegalie.",
    "Pas de pneumothorax.",
    "Pas d'\u00e9panchement pleural. Silhouette cardiaque normale.",
    "No se observa derrame pleural.",
    "Sin neumotorax.",
    "N\u00e3o h\u00e1 derrame pleural.",
    "Nessun versamento pleurico.",
    "Geen pneumothorax.",
    "Ingen pneumothorax.",
    "Brak odmy op\u0142ucnowej.",
    "Tidak ada pneumotoraks.",
    "Нет пневмоторакса.",
    "\u6ca1\u6709\u6c14\u80f8\u3002",
    "The lungs are clear. Kein Pneumothorax.",
    "FINDINGS: Kein Pneumothorax.\nIMPRESSION: Normalbefund.",
)

ATTACKS = [
    *(refused(text, "not English") for text in OTHER_LANGUAGES),
    refused("There is a large pneum\u043ethorax.", "not English"),  # a Cyrillic o
    *(
        refused(text, "no word")
        for text in ("", " \n", "12345", "___", "XXXX. 2.", "FINDINGS:", "?")
    ),
    refused("\ud800 There is a mass.", "lost characters"),
    refused("There is a pneumothora\ufffd.", "lost characters"),
    refused(long_list(2_000), "5,000 characters"),
    Attack("an addendum beside findings", addendum_beside_findings, "reject", "addendum is not"),
    Attack("UTF-16 without a mark", file_of(TEXT.encode("utf-16-le")), "error", "s1.txt.*UTF-16 "),
    Attack("UTF-16, the other end first", file_of(TEXT.encode("utf-16-be")), "error", "iconv"),
    Attack("UTF-16 with its mark", file_of(TEXT.encode("utf-16")), "error", "iconv -f utf-16"),
    Attack("UTF-32", file_of(TEXT.encode("utf-32")), "error", "s1.txt.*UTF-8"),
    Attack("Latin-1", file_of("naïve".encode("latin-1")), "error", "0xef at 2.*latin1"),
    Attack("a coded surrogate", file_of(b"mass \xed\xa0\x80"), "error", "0xed at 5"),
    Attack("a zero in a text", file_of(b"pneumo\0thorax"), "error", "zero at character 6"),
    Attack("a file without end", file_of(b"clear " * 1_000_000), "error", "too many for one"),
    Attack("a folder as a report", lambda folder: read_report(folder), "error", "no regular file"),
    Attack("a FIFO as a report", lose_a_fifo, "error", "no regular file"),
    present(
        "Pneumothorax",
        *("Large pneumo\xadthorax.", "Large pneumo\xad\nthorax.", "Large pneumo-\n  thorax."),
        *("Large pneumo-\r\nthorax.", "Large pneumo\u2010\nthorax.", "Large pneumo\u200bthorax."),
        *("Large pneu\u2060mothorax.", "Large\u00a0pneumothorax.", "Large \ufeffpneumothorax."),
        "Large \uff50\uff4e\uff45\uff55\uff4d\uff4f\uff54\uff48\uff4f\uff52\uff41\uff58.",
        "Large pneumo\x08thorax.",
    ),
    present("Pleural Effusion", "Small left e\ufb00usion.", "Small right-\nsided effusion."),
    present("Cardiomegaly", "Moderate cardio\xadmegaly.", "Moderate car-\ndiomegaly."),
    absent("Pleural Effusion", "Lungs are clear with-\nout effusion."),
    absent("Pneumothorax", "No\u2003pneumo\xadthorax."),
    absent("Pneumothorax", "There is no evi-\ndence of pneumothorax."),
    absent("Pneumothorax", long_list(60)),
    absent("Pneumothorax", long_list(200)),
    absent("Pneumothorax", long_list(400)),
    body(f"FINAL REPORT\n {TEXT}", TEXT),
    body(f" {TEXT} ", TEXT),
    body(f"WET READ: {TEXT}", TEXT),
    body(f"WET READ\n{TEXT}", TEXT),
    body(f"ADDENDUM\n{TEXT}", TEXT),
    body(f"FINAL REPORT\nINDICATION: Cough.\n\n {TEXT}", TEXT),
    body(f"EXAMINATION: CHEST\n\nCOMPARISON: None.\n \n{TEXT}\n\nIMPRESSION: As above.", TEXT),
    body(f"PORTABLE CHEST, 3:40 A.M.: {TEXT}", TEXT),
    body(f"PORTABLE CHEST 3:40 p.m.:\n{TEXT}", TEXT),
    body(f"AP CHEST, 3:40 A.M., ___\n{TEXT}", f"AP CHEST, 3:40 A.M., ___\n{TEXT}"),
    body(f"FINDINGS\r\n{TEXT}\r\n", TEXT),
    body(f"FINDINGS\uff1a {TEXT}", TEXT),
    same(split_sections, "CHEST AT 3:40 A.M. Clear.", {"": "CHEST AT 3:40 A.M. Clear."}),
    same(sentences, "Air-\nfluid level. Follow-\nup.", ["Air-fluid level.", "Follow-up."]),
    same(normalised, "A 2 cm nodule -\n- mass; x-ray", "A 2 cm nodule -\n- mass; x-ray"),
    *(
        same(text_fault, text, None)
        for text in ("NAD.", "Normal.", "Lg L PTX w shift. Mod eff.", "RLL pna", "Bilat eff, CMG.")
    ),
    same(text_fault, "Called to Dr. El Hassan. Clear lungs.", None),
    Attack("an English report that is refused", no_english_report_is_refused, "right"),
    Attack("another language among texts", columns_of_another_language, "right"),
    Attack("a dollar in a title", draw_mathtext, "right"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_text_is_read_right_or_refused(attack, tmp_path):
    hold(attack, tmp_path)
