"""What the checks cost: one task, timed in a process of its own, by whatever code is on the path.

    python benchmarks/hardening_cost.py films|reports|record|table

`hardening.py` calls it. Explained in CONTRIBUTING."""

import sys
import time
from collections.abc import Callable

from txtray_utils.settings import data_dir

INDEX = "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz"
TASKS = {
    "films": "read 400 films of the virtual hospital",
    "reports": "label 400 reports",
    "record": "link the virtual record",
    "table": "load a kept study table",
}


def films() -> Callable[[], object]:
    """Return what reads 400 films."""
    from txtray_utils.read.radiograph import read_image

    paths = sorted(data_dir("demo").rglob("*.dcm"))[:400]
    return lambda: [read_image(path) for path in paths]


def reports() -> Callable[[], object]:
    """Return what labels 400 reports of Open-i."""
    from txtray_utils.read.labels import label_report
    from txtray_utils.studies.sources.openi_package import read_reports

    texts = list(read_reports()["text"])[:400]
    return lambda: [label_report(text, None) for text in texts]


def record() -> Callable[[], object]:
    """Return what links films to stays and results."""
    import pandas as pd

    from txtray_utils.errors import Rejects
    from txtray_utils.read.record import link

    folder = data_dir("demo")
    images = pd.read_csv(folder / INDEX, dtype=str)
    return lambda: link(images, folder, Rejects())


def table() -> Callable[[], object]:
    """Return what loads the kept table of the virtual hospital."""
    from txtray_utils.studies.sources.registry import load_studies

    load_studies("demo")
    return lambda: load_studies("demo")


def main() -> None:
    """Time one task and print its seconds."""
    task = {"films": films, "reports": reports, "record": record, "table": table}[sys.argv[1]]()
    start = time.perf_counter()
    task()
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
