"""Servers, lists, archives and folders that data/download.sh must not trust, and what it says."""

import io
import os
import re
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from tests.attacks.attack import Attack, hold
from tests.test_download import SPOKEN, TABLES, USER, Server, mimic, run

JPG = "mimic-cxr-jpg/2.1.0"
DEMO_SUMS = "/files/mimic-iv-demo/2.2/SHA256SUMS.txt"
TGZ = "/imgs/collections/NLMCXR_png.tgz"


def demo_server() -> Server:
    """Start a server of the open demo."""
    made = Server()
    made.publish("mimic-iv-demo/2.2", TABLES)
    made.publish("mimic-iv-ed-demo/2.2", ["ed/edstays.csv.gz", "ed/triage.csv.gz"])
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


def fetched(source: str, folder: Path, server: Server | None = None, **more: str) -> list[str]:
    """Run the script; return what it says, with a first line of its exit code."""
    typed = f"{SPOKEN}\n"
    done = run(source, "--dest", folder, server=server, stdin=typed, PHYSIONET_USER=USER, **more)
    assert "horse" not in done.stdout + done.stderr
    assert done.returncode, done.stdout
    return done.stderr.splitlines()


def with_sums(change):
    """Return an act that changes the demo's list of checksums."""

    def act(folder: Path) -> list[str]:
        server = demo_server()
        server.files[DEMO_SUMS] = change(server.files[DEMO_SUMS])
        return fetched("mimic-demo", folder, server)

    return act


def with_film(film: str, listed: bool = True):
    """Return an act in which MIMIC's list names a film."""

    def act(folder: Path) -> list[str]:
        server = demo_server()
        mimic(server)
        if listed:
            server.add(JPG, film, b"made up")
        sums = server.files[f"/files/{JPG}/SHA256SUMS.txt"].decode()
        plain = [line for line in sums.splitlines() if "IMAGE_FILENAMES" not in line]
        server.files[f"/files/{JPG}/SHA256SUMS.txt"] = ("\n".join(plain) + "\n").encode()
        server.add(JPG, "IMAGE_FILENAMES", f"{film}\n".encode())
        said = fetched("mimic", folder / "data", server)
        assert sorted(path.name for path in folder.iterdir()) == ["data"]
        return said

    return act


def with_base(address: str, source: str = "mimic"):
    """Return an act with another server in TXTRAY_BASE_URL."""

    def act(folder: Path) -> list[str]:
        said = fetched(source, folder, TXTRAY_BASE_URL=address)
        assert not re.search(r"secret|horse|battery", "".join(said))
        return said

    return act


def refused(prepare, source: str = "openi"):
    """Return an act that prepares a repository around the folder, and only asks."""

    def act(folder: Path) -> list[str]:
        place, environment = prepare(folder)
        done = run(source, "--dry-run", "--dest", place, **environment)
        assert done.returncode == 1
        return done.stderr.splitlines()

    return act


def git(*arguments: object) -> None:
    subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True)


def a_bare_one(folder: Path) -> tuple[Path, dict]:
    git("init", "--quiet", "--bare", folder)
    return folder / "films", {}


def a_hidden_one(folder: Path) -> tuple[Path, dict]:
    git("init", "--quiet", "--bare", folder / ".settings")
    return folder / "films", {}


def a_linked_one(folder: Path) -> tuple[Path, dict]:
    named = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    git("init", "--quiet", folder / "one")
    git("-C", folder / "one", *named, "commit", "--allow-empty", "-m", "Begin")
    git("-C", folder / "one", "worktree", "add", folder / "two")
    return folder / "two" / "films", {}


def a_named_one(folder: Path) -> tuple[Path, dict]:
    return folder / "films", {"GIT_WORK_TREE": str(folder), "GIT_DIR": str(folder / "x")}


def an_ignored_folder(folder: Path) -> tuple[Path, dict]:
    git("init", "--quiet", folder)
    (folder / ".gitignore").write_text("/data/*\n")
    return folder / "data" / "mimic", {}


def a_pattern_back_in(folder: Path) -> tuple[Path, dict]:
    git("init", "--quiet", folder)
    (folder / ".gitignore").write_text("/data/**\n!/data/**/\n!*.tgz\n")
    return folder / "data" / "films", {}


def archive(*members: tarfile.TarInfo) -> bytes:
    """Return a tar of empty members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as made:
        for member in members:
            made.addfile(member, io.BytesIO(bytes(member.size)))
    return file.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = ""):
    one = tarfile.TarInfo(name)
    one.type, one.mode, one.linkname = kind, mode, link
    return one


def a_tar_with_odd_things(folder: Path) -> list[str]:
    server = demo_server()
    odd = [member("pipe.png", tarfile.FIFOTYPE), member("out.png", tarfile.SYMTYPE, link="/etc")]
    server.files[TGZ] = archive(*odd, member("a.png", mode=0o4755), member("in/b.png", mode=0o777))
    done = run("openi", "--dest", folder / "data", server=server)
    assert done.returncode == 0, done.stderr
    files = [path for path in (folder / "data").rglob("*") if path.suffix == ".png"]
    assert sorted(path.name for path in files) == ["a.png", "b.png"]
    for path in [folder / "data", *(folder / "data").rglob("*")]:
        assert path.stat().st_mode & 0o7777 == (0o700 if path.is_dir() else 0o600), path
    return done.stderr.splitlines()


def a_tar_that_climbs(folder: Path) -> list[str]:
    server = demo_server()
    server.files[TGZ] = archive(member("../../out.png"))
    said = fetched("openi", folder / "in" / "data", server)
    assert not list(folder.rglob("out.png"))
    return said


def a_tar_that_git_would_track(folder: Path) -> list[str]:
    git("init", "--quiet", folder)
    (folder / ".gitignore").write_text("/data/**\n!/data/**/\n!*.csv\n")
    server = demo_server()
    server.files[TGZ] = archive(member("a.png"), member("patients.csv"))
    said = fetched("openi", folder / "data", server)
    assert not list(folder.rglob("patients.csv"))
    return said


def a_link_in_the_way(folder: Path) -> list[str]:
    (folder / "other").mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "mimic-iv").symlink_to(folder / "other")
    return fetched("mimic-demo", folder / "data", demo_server())


def the_list_of_processes(folder: Path) -> bool:
    """The password is in no argument of a program that is called."""
    server = demo_server()
    mimic(server)
    spy = folder / "spy"
    spy.mkdir()
    for name in ("wget", "sed", "awk"):
        text = f'#!/bin/sh\necho "$@" >> {spy}/called\nexec {shutil.which(name)} "$@"\n'
        (spy / name).write_text(text)
        (spy / name).chmod(0o755)
    path = f"{spy}:{os.environ['PATH']}"
    typed = f"{SPOKEN}\n"
    place = folder / "data"
    done = run("mimic", "--dest", place, server=server, stdin=typed, PHYSIONET_USER=USER, PATH=path)
    assert done.returncode == 0, done.stderr
    return not re.search("horse|battery", (spy / "called").read_text())


def without_one(sums: bytes) -> bytes:
    return b"\n".join(line for line in sums.split(b"\n") if b"labevents" not in line)


NO_SUM = "has no checksum in SHA256SUMS.txt"
PAGE = b"<html><body>Please log in</body></html>"
TRACK = "git would track"
ATTACKS = [
    Attack("a file that the list leaves out", with_sums(without_one), "reject", NO_SUM),
    Attack("a web page as the list", with_sums(lambda _: PAGE), "reject", "a web page perhaps"),
    Attack("an empty list", with_sums(lambda _: b""), "reject", "is empty"),
    Attack("a list and a page", with_sums(lambda sums: sums + PAGE), "reject", "something else"),
    Attack("short checksums", with_sums(lambda _: b"abc hosp/x\n"), "reject", "something else"),
    Attack("a film above the folder", with_film("../../out.jpg"), "reject", "would lie outside"),
    Attack("a film from the root", with_film("/etc/out.jpg"), "reject", "would lie outside"),
    Attack("a film in dots", with_film("files/../../out.jpg"), "reject", "would lie outside"),
    Attack("a film without a checksum", with_film("files/p.jpg", False), "reject", NO_SUM),
    Attack("a password by http", with_base("http://example.org"), "reject", "by https alone"),
    Attack("a host like this one", with_base("http://localhost.example.org"), "reject", "https"),
    Attack("a password by ftp", with_base("ftp://example.org"), "reject", "by https alone"),
    Attack("a login in the address", with_base("https://me:secret@h"), "reject", "holds a login"),
    Attack("... of open data", with_base("https://me:secret@h", "openi"), "reject", "a login"),
    Attack("a port that is none", with_base("https://localhost:99999"), "reject", "port|gave up"),
    Attack("a bare repository", refused(a_bare_one), "reject", "in the git repository"),
    Attack("a hidden repository", refused(a_hidden_one), "reject", TRACK),
    Attack("a linked work tree", refused(a_linked_one), "reject", TRACK),
    Attack("a work tree by name", refused(a_named_one), "reject", TRACK),
    Attack("mimic in a work tree", refused(an_ignored_folder, "mimic"), "reject", "TXTRAY_DATA"),
    Attack("a pattern with !", refused(a_pattern_back_in), "reject", TRACK),
    Attack("odd things in a tar", a_tar_with_odd_things, "note", "2 entries .* are left out"),
    Attack("a tar that climbs out", a_tar_that_climbs, "reject", "outside the folder"),
    Attack("a tar that git would track", a_tar_that_git_would_track, "reject", TRACK),
    Attack("a link in the way", a_link_in_the_way, "reject", "outside .*take that link away"),
    Attack("the list of processes", the_list_of_processes, "right"),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_fetch(attack, tmp_path):
    hold(attack, tmp_path)
