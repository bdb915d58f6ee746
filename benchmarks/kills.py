"""Kill the making of a hospital, a load, a training and a download at random moments, start each
again, and write into book/results/hardening.json what came of it.

    python benchmarks/kills.py          five moments each (about ten minutes)
    python benchmarks/kills.py --quick  one moment each; writes to another folder

A kill that comes after the end does not count. After one no process may be left. Started again, the
task must end with the same digest or with an error that says what is wrong; then the folder must
hold no file more than one in which nothing was killed, and what comes from a credentialed source
must be for this user alone. Explained in CONTRIBUTING."""

import contextlib
import hashlib
import os
import random
import re
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kills_tasks import REFUSED, write_list
from measuring import choose_quick, command_line, report

from txtray_utils.results import Result
from txtray_utils.settings import settings

ROOT = Path(__file__).resolve().parents[1]
TASKS = ("hospital", "load", "training", "download")
PRIVATE = ("load", "training", "download")  # whose files are for this user alone
MOMENTS = 5
PATIENCE = 30  # seconds until a killed task must have left no process
HUNG = 600  # seconds in which a task that was started again must end
FATES = ("same", "refused", "other", "crash", "hung", "process_left", "file_left", "open_to_others")
SET = "mimic-iv-demo/2.2"
KEY = re.compile("[0-9a-f]{16}")
PIECE = 20_000  # bytes that the server sends at a time, and then waits


class Slow(SimpleHTTPRequestHandler):
    """A server that takes its time and does not know how to go on in the middle of a file."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def copyfile(self, source, outputfile) -> None:
        """Send a file in pieces."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while piece := source.read(PIECE):
                outputfile.write(piece)
                time.sleep(0.05)


def publish(folder: Path) -> None:
    """Write what the server gives: tables of MIMIC-IV's demo, made up, with their checksums."""
    place = folder / "files" / SET
    sums = []
    for name in ("patients", "admissions", "d_labitems", "labevents"):
        _publish(place, f"hosp/{name}.csv.gz", sums)
    _publish(place, "icu/icustays.csv.gz", sums)
    (place / "SHA256SUMS.txt").write_text("".join(sums))
    ed = folder / "files" / "mimic-iv-ed-demo/2.2"
    sums = []
    _publish(ed, "ed/edstays.csv.gz", sums)
    _publish(ed, "ed/triage.csv.gz", sums)
    (ed / "SHA256SUMS.txt").write_text("".join(sums))


def _publish(place: Path, name: str, sums: list[str]) -> None:
    content = name.encode() * 8000
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    sums.append(f"{hashlib.sha256(content).hexdigest()} {name}\n")


def command(task: str, folder: Path) -> list[str]:
    """Return the words that start a task whose files go to a folder."""
    if task == "download":
        script = ROOT / "data/download.sh"
        return ["bash", str(script), "mimic-demo", "--dest", str(folder / "data/mimic")]
    return [sys.executable, str(ROOT / "benchmarks/kills_tasks.py"), task, str(folder / "data")]


def prepared(task: str, folder: Path, server: str) -> dict[str, str]:
    """Write what a task reads, and return its environment."""
    (folder / "data").mkdir(parents=True)
    if task in ("load", "training"):
        write_list(folder / "list")
    own = {
        "TXTRAY_DATA": str(folder / "data"),
        "TXTRAY_FOLDER": str(folder / "list"),
        "TXTRAY_BASE_URL": server,
    }
    return os.environ | own


def finished(task: str, folder: Path, env: dict[str, str]) -> tuple[str, str]:
    """Run a task to its end: return the digest of what it made, or how it ended, and what it
    said."""
    words = command(task, folder)
    kept = {"env": env, "capture_output": True, "text": True, "timeout": HUNG}
    try:
        done = subprocess.run(words, check=False, **kept)
    except subprocess.TimeoutExpired:
        return "hung", ""
    said = done.stderr[-300:]
    if done.returncode:
        clear = done.returncode == REFUSED or "download.sh:" in said
        return "refused" if clear else "crash", said
    if task != "download":
        return done.stdout.split()[-1], said
    return digest(folder / "data/mimic"), said


def digest(folder: Path) -> str:
    """Return a digest of the names and bytes of all files."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return found.hexdigest()


def files(folder: Path) -> Counter[str]:
    """Return the names of all files below a folder; the key of a cache, which hangs on the folder
    and its dates, is left out of them."""
    names = []
    for path in folder.rglob("*"):
        if path.is_file():
            names.append(KEY.sub("KEY", str(path.relative_to(folder))))
    return Counter(names)


def processes(folder: Path) -> list[int]:
    """Return the processes that were started for a folder and still run."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
    return found


def process_left(folder: Path) -> bool:
    """Tell whether a killed task still has a process after `PATIENCE`."""
    end = time.monotonic() + PATIENCE
    while processes(folder):
        if time.monotonic() > end:
            return True
        time.sleep(0.1)
    return False


def open_to_others(folder: Path) -> bool:
    """Tell whether anybody else may read or write a file below a folder."""
    modes = [path.stat().st_mode for path in folder.rglob("*") if path.is_file()]
    return any(mode & (stat.S_IRWXG | stat.S_IRWXO) for mode in modes)


def killed(task: str, folder: Path, env: dict[str, str], seconds: float) -> bool:
    """Start a task and kill it some seconds after its first file; tell whether it still ran."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command(task, folder), env=env, **quiet) as running:
        while running.poll() is None and not files(folder / "data"):
            time.sleep(0.01)
        time.sleep(seconds)
        running.kill()
    return running.returncode == -signal.SIGKILL


def fates(task: str, place: Path, server: str, moments: int) -> Counter[str]:
    """Kill a task at random moments, each in a folder of its own, and count what came of it."""
    whole = place / task
    env = prepared(task, whole, server)
    start = time.monotonic()
    wanted, said = finished(task, whole, env)
    lasts = time.monotonic() - start
    if wanted in FATES:
        raise RuntimeError(f"{task}, which nobody killed: {wanted}, {said}")
    chance = random.Random(task)
    found: Counter[str] = Counter()
    tries = 0
    while found["killed"] < moments and tries < 4 * moments:
        tries += 1
        folder = place / f"{task}-{tries}"
        env = prepared(task, folder, server)
        seconds = chance.uniform(0, lasts)
        if not killed(task, folder, env, seconds):
            continue  # it had ended
        found["killed"] += 1
        found["process_left"] += process_left(folder)
        found["open_to_others"] += task in PRIVATE and open_to_others(folder / "data")
        made, said = finished(task, folder, env)
        fate = made if made in FATES else "same" if made == wanted else "other"
        found[fate] += 1
        odd = sorted(files(folder) - files(whole)) if fate == "same" else []
        found["file_left"] += bool(odd)
        about = f"{task} killed after {seconds:.1f} of {lasts:.1f} s"
        print(f"{about} from its first file on: {fate} {said} {odd}", flush=True)
    return found


def main() -> None:
    """Kill every task and write what came of it."""
    parser = command_line(__doc__, "one moment each")
    if parser.parse_args().quick:
        choose_quick()
    moments = 1 if settings().quick else MOMENTS
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        publish(place / "served")
        handler = partial(Slow, directory=place / "served")
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            address = f"http://127.0.0.1:{server.server_port}"
            for task in TASKS:
                found += fates(task, place, address, moments)
            server.shutdown()
    tried = found["killed"]
    results = {"kills.tried": Result(tried, tried, "kills", "tasks killed at a random moment")}
    for fate in FATES:
        what = f"killed tasks, started again: {fate.replace('_', ' ')}"
        results[f"kills.{fate}"] = Result(found[fate], tried, "kills", what)
    report("hardening", results)


if __name__ == "__main__":
    main()
