"""The list of pitfalls in a simulated record: each with its study, its row and the right answer.

Explained in book/03_linking_images_to_the_record.
"""

from dataclasses import dataclass, field

from virtual_hospital.cohort import Case


@dataclass
class Traps:
    """What was noted so far, as dicts, in the order in which it was noted.

    Keys: kind (of `pitfalls.PITFALLS`), study_id, subject_id, table, row (`column=value`, or the
    row itself of labevents), column (a test, a vital sign or a column of truth/record.csv) and
    answer (None: as the truth tables say).
    """

    rows: list[dict] = field(default_factory=list)

    def note(
        self,
        kind: str,
        case: Case,
        table: str,
        row: dict | str,
        *,
        column: str,
        answer: str | None = None,
    ) -> None:
        """Note one pitfall of one study."""
        trap = {
            "kind": kind,
            "study_id": case.study_id,
            "subject_id": case.subject_id,
            "table": table,
            "row": row,
            "column": column,
            "answer": answer,
        }
        self.rows.append(trap)
