"""Look for what must not leave: MIMIC-shaped identifiers, report texts, films, DICOM, data files.

    python tools/check_leaks.py                 what git tracks or would add, and built pages
    python tools/check_leaks.py --staged        what the next commit holds (.githooks/pre-commit)
    python tools/check_leaks.py --since REV     every file and message of the commits since REV
    python tools/check_leaks.py --accept WHY    note what is found in the list of what is allowed

What the book itself shows is listed in leaks_allowed.csv, one finding a line, by its hash: a new
text in the same file is found again. A built page may show what the committed book or the cache of
executed notebooks holds (tools/execute.py makes it, and refuses credentialed data), and the
identifiers of the virtual hospital. Explained in book/credentialed_data.md.
"""

import argparse
import csv
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import built_pages
from leak_shapes import identifiers, leaks, reports

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = "tools/leaks_allowed.csv"
COLUMNS = ("file", "kind", "digest", "why")
LINK = "120000"  # the mode of a link in git
MODULE = "160000"  # and that of another repository

Finding = tuple[str, str, str]  # file, kind, what
Entry = tuple[str, str, bytes]  # file, mode, content


def main() -> int:
    """Print every finding that is not allowed; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--staged", action="store_true", help="what the next commit holds")
    how.add_argument("--since", metavar="REV", help="every file of the commits since REV")
    how.add_argument("--accept", metavar="WHY", help="allow what is found, once you have read it")
    asked = parser.parse_args()
    found = []
    if (ROOT / ".git").exists():
        found += findings(ROOT, staged=asked.staged, since=asked.since)
    else:
        print("No git repository: nothing is committed from here, and only pages are looked at.")
    if not asked.staged and not asked.since:
        found += built_pages.findings(ROOT)
    left = not_allowed(found, ROOT / ALLOWED)
    for file, kind, what in left:
        print(ascii(file)[1:-1], kind, ascii(what), sep=": ")
    if asked.accept:
        accept(left, ROOT / ALLOWED, asked.accept)
        return 0
    if left:
        print(f"{len(left)} possible leaks. Take them out; book/credentialed_data.md says more.")
    return int(bool(left))


def findings(root: Path, *, staged: bool = False, since: str | None = None) -> Iterator[Finding]:
    """Yield what is found in a repository: in its files, its index, or its latest commits."""
    if since:
        entries = committed(root, since)
        messages = git(root, "log", "--format=%an %ae %B", f"{since}..HEAD")
        for kind, what in in_text(messages):
            yield "commit message", kind, what
    elif staged:
        entries = indexed(root)
    else:
        entries = worked(root)
    for file, mode, content in entries:
        if file == ALLOWED:
            continue
        if mode in (LINK, MODULE):
            yield from _link(file, mode, content)
            continue
        for kind, what in leaks(file, content):
            yield file, kind, what


def in_text(text: bytes) -> Iterator[tuple[str, str]]:
    """Yield what is found in a text that is no file."""
    said = text.decode("utf-8", "replace")
    yield from identifiers(said)
    yield from reports(said)


def worked(root: Path) -> Iterator[Entry]:
    """Yield the files of the work tree that git tracks or would add."""
    names = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in sorted(set(names.split(b"\0")) - {b""}):
        path = root / os.fsdecode(name)
        if path.is_symlink():
            yield os.fsdecode(name), LINK, os.fsencode(os.readlink(path))
        elif path.is_file():
            yield os.fsdecode(name), "100644", path.read_bytes()


def indexed(root: Path) -> Iterator[Entry]:
    """Yield the files that the next commit changes, as they are staged."""
    changed = git(root, "diff", "--cached", "--name-only", "-z", "--no-renames", "--diff-filter=d")
    for name in sorted(set(changed.split(b"\0")) - {b""}):
        file = os.fsdecode(name)
        listed = git(root, "ls-files", "--stage", "-z", "--", f":(literal){file}")
        mode, digest = listed.split(b"\0")[0].decode("utf-8", "replace").split()[:2]
        content = b"" if mode == MODULE else git(root, "cat-file", "blob", digest)
        yield file, mode, content


def committed(root: Path, since: str) -> Iterator[Entry]:
    """Yield every file of the commits after `since`, also one that a later commit removed."""
    command = ("log", "--raw", "--no-abbrev", "-z", "-m", "--no-renames", "--format=")
    parts = git(root, *command, f"{since}..HEAD").split(b"\0")
    seen = set()
    for head, name in pairwise(parts):
        head = head.strip()
        if not head.startswith(b":"):
            continue
        words = head.decode().split()
        mode = words[1]
        digest = words[3]
        if words[4] == "D" or (name, digest) in seen:
            continue
        seen.add((name, digest))
        content = b"" if mode == MODULE else git(root, "cat-file", "blob", digest)
        yield os.fsdecode(name), mode, content


def _link(file: str, mode: str, target: bytes) -> Iterator[Finding]:
    """Yield a link that leaves the repository, or a repository within it."""
    if mode == MODULE:
        yield file, "repository", "another repository within this one"
        return
    there = os.path.normpath(os.path.join(os.path.dirname(file), os.fsdecode(target)))
    if os.path.isabs(there) or there.startswith(".."):
        yield file, "link", "leads out of the repository"


def not_allowed(found: Iterable[Finding], listed: Path) -> list[Finding]:
    """Return the findings that the list does not hold, each once."""
    allowed = set()
    if listed.is_file():
        text = listed.read_text("utf-8")
        for row in csv.reader(text.splitlines()):
            allowed.add(tuple(row[:3]))
    left = {}
    for one in found:
        file, kind, _ = one
        digest = digest_of(one)
        if (file, kind, digest) not in allowed:
            left[one] = None
    return list(left)


def accept(found: Iterable[Finding], listed: Path, why: str) -> None:
    """Add findings to the list, with the reason for all of them."""
    new = not listed.exists()
    with listed.open("a", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        if new:
            writer.writerow(COLUMNS)
        for one in found:
            file, kind, _ = one
            digest = digest_of(one)
            writer.writerow((file, kind, digest, why))


def digest_of(found: Finding) -> str:
    """Return 16 hexadecimal digits of what was found; the list itself must not quote it."""
    what = found[2].encode("utf-8", "backslashreplace")
    return hashlib.sha256(what).hexdigest()[:16]


def git(root: Path, *arguments: str) -> bytes:
    """Return what git says of a repository."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    sys.exit(main())
