"""The rules that the record is held against, as plain loops: a film's link, a test's last result.

They are deliberately slow and independent of `txtray_utils.read.record`. Explained in
book/03_linking_images_to_the_record.
"""

from datetime import datetime

from virtual_hospital.course import HOUR

WINDOW_HOURS = 24


def last_known(labs: list[dict], test: str, t: datetime) -> dict | None:
    """Return the last result of a test taken and stored in the `WINDOW_HOURS` before `t`."""
    best = None
    earliest = t - WINDOW_HOURS * HOUR
    for row in labs:
        if row["_test"] != test:
            continue
        known = row["storetime"] and row["storetime"] <= t
        recent = earliest <= row["charttime"] <= t
        if known and recent and (best is None or _when(row) > _when(best)):
            best = row
    return best


def _when(row: dict) -> tuple[datetime, datetime]:
    return row["charttime"], row["storetime"]


def start_of(admission: dict) -> datetime:
    """Return when an admission starts: at its ED registration, if it has one."""
    return admission["edregtime"] or admission["admittime"]


def link_of(edstays: list[dict], icustays: list[dict], admissions: list[dict], t: datetime) -> dict:
    """Link a film: to the ED, else the ICU, else an admission, else one in the next 24 h.

    Of several admissions that hold the film the latest start counts. Returns link_type,
    ed_stay_id, icu_stay_id and hadm_id, None where there is none.
    """
    ed = _first_holding(edstays, t)
    icu = _first_holding(icustays, t)
    inside = None
    ahead = None
    for row in sorted(admissions, key=start_of):
        start = start_of(row)
        if start <= t <= row["dischtime"]:
            inside = row
        if t < start <= t + WINDOW_HOURS * HOUR and ahead is None:
            ahead = row
    kinds = {"ed": ed, "icu": icu, "admission": inside, "pre-admission": ahead}
    kind = "none"
    for name, held in kinds.items():
        if held is not None:
            kind = name
            break
    return {
        "link_type": kind,
        "ed_stay_id": ed and ed.get("stay_id"),
        "icu_stay_id": icu and icu.get("stay_id"),
        "hadm_id": (inside or ahead or {}).get("hadm_id"),
    }


def _first_holding(stays: list[dict], t: datetime) -> dict | None:
    """Return the first stay that holds a film."""
    for row in stays:
        if row["intime"] <= t <= row["outtime"]:
            return row
    return None
