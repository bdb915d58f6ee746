"""data/download.sh against a server on loopback that drops connections, sends wrong bytes and
refuses logins."""

import base64
import hashlib
import io
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "data/download.sh"
SPOKEN = ' correct "horse\\battery 100% @ñ:/#'
USER = "a.student"
TABLES = [
    "hosp/patients.csv.gz",
    "hosp/admissions.csv.gz",
    "hosp/d_labitems.csv.gz",
    "hosp/labevents.csv.gz",
    "icu/icustays.csv.gz",
]
DEMO = "/files/mimic-iv-demo/2.2"


class Server(ThreadingHTTPServer):
    """Serves `files` (path -> bytes). `drops`: how often a transfer breaks half-way; `login`: what
    it asks for."""

    daemon_threads = True

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.files: dict[str, bytes] = {}
        self.drops: dict[str, int] = {}
        self.login: str | None = None
        self.ranges = True
        self.page = False
        self.asked: list[tuple[str, str | None]] = []

    def publish(self, project: str, names: list[str], wrong: str | None = None) -> None:
        sums = ""
        for name in names:
            content = (name * 4000).encode()
            self.files[f"/files/{project}/{name}"] = content + (b"!" if name == wrong else b"")
            sums += f"{hashlib.sha256(content).hexdigest()} {name}\n"
        self.files[f"/files/{project}/SHA256SUMS.txt"] = sums.encode()

    def add(self, project: str, name: str, content: bytes) -> None:
        self.files[f"/files/{project}/{name}"] = content
        line = f"{hashlib.sha256(content).hexdigest()} {name}\n"
        self.files[f"/files/{project}/SHA256SUMS.txt"] += line.encode()


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def do_GET(self):
        server, content = self.server, self.server.files.get(self.path)
        server.asked.append((self.path, self.headers["Range"]))
        browser = not self.headers["User-Agent"].startswith(
            "Wget/"
        )  # PhysioNet takes a password from Wget alone
        if server.login and (browser or self.headers["Authorization"] != server.login):
            self.send_response(302 if server.page else 403 if browser else 401)
            self.send_header("Location", "/login/")
            self.end_headers()
            return
        if content is None:
            self.send_error(404)
            return
        start = (
            int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            if self.headers["Range"] and server.ranges
            else 0
        )
        if start >= len(content) > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if server.drops.get(self.path, 0):
            server.drops[self.path] -= 1
            rest = rest[: len(rest) // 2]
        self.wfile.write(rest)


@pytest.fixture
def server(request):
    made = Server(getattr(request, "param", 0))
    made.publish("mimic-iv-demo/2.2", TABLES)
    made.publish("mimic-iv-ed-demo/2.2", ["ed/edstays.csv.gz", "ed/triage.csv.gz"])
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def run(
    *arguments, server=None, stdin="", options=(), **environment
) -> subprocess.CompletedProcess:
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TXTRAY", "PHYSIONET"))
    }
    base = {"TXTRAY_BASE_URL": f"http://127.0.0.1:{server.server_port}"} if server else {}
    return subprocess.run(
        ["bash", *options, str(SCRIPT), *map(str, arguments)],
        input=stdin,
        text=True,
        check=False,
        capture_output=True,
        env=plain | base | environment,
        timeout=60,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "source, access, url",
    [("openi", "no login", "https://openi.nlm.nih.gov/imgs/collections/NLMCXR_png.tgz"),
     ("covid", "no login", "https://github.com/ieee8023/covid-chestxray-dataset/"),
     ("lungs", "no login", "https://openi.nlm.nih.gov/imgs/collections/NLM-MontgomeryCXRSet.zip"),
     ("mimic-demo", "no login", "https://physionet.org/files/mimic-iv-demo/2.2/hosp/labevents.csv.gz"),
     ("mimic", "CITI training", "https://physionet.org/files/mimic-cxr-jpg/2.1.0/mimic-cxr-2.0.0-split.csv.gz")],
)  # fmt: skip
def test_a_dry_run_says_access_and_addresses_and_fetches_nothing(tmp_path, source, access, url):
    done = run(source, "--dry-run", "--dest", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"{source}: ") and access in first
    assert any(url in line for line in rest) and all(
        line.startswith(("would ", "then: ")) for line in rest
    )
    assert not (tmp_path / "new").exists()


def test_the_open_demo_is_fetched_checked_and_not_fetched_again(tmp_path, server):
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 0, done.stderr
    assert (
        files(tmp_path)["mimic-iv/hosp/labevents.csv.gz"]
        == server.files[f"{DEMO}/hosp/labevents.csv.gz"]
    )
    assert done.stdout.count("(checksum right)") == 7
    server.asked.clear()
    assert run("mimic-demo", "--dest", tmp_path, server=server).returncode == 0
    assert {path.rsplit("/", 1)[1] for path, _ in server.asked} == {"SHA256SUMS.txt"}


def test_a_dropped_connection_is_continued_where_it_broke_off(tmp_path, server):
    path = f"{DEMO}/hosp/labevents.csv.gz"
    server.drops[path] = 2
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 0 and "broke off" in done.stderr
    size = len(server.files[path])
    assert [asked for name, asked in server.asked if name == path] == [
        None,
        f"bytes={size // 2}-",
        f"bytes={size - size // 4}-",
    ]
    assert files(tmp_path)["mimic-iv/hosp/labevents.csv.gz"] == server.files[path]


def test_a_run_that_gave_up_is_continued_by_the_next(tmp_path, server):
    path = f"{DEMO}/hosp/labevents.csv.gz"
    server.drops[path] = 5
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 1 and "gave up" in done.stderr and "labevents" in done.stderr
    assert "mimic-iv/hosp/labevents.csv.gz" not in files(tmp_path)
    server.asked.clear()
    assert run("mimic-demo", "--dest", tmp_path, server=server).returncode == 0
    assert [asked.startswith("bytes=") for name, asked in server.asked if name == path] == [True]
    assert files(tmp_path)["mimic-iv/hosp/labevents.csv.gz"] == server.files[path]


def test_a_server_that_cannot_continue_is_asked_for_the_whole_file(tmp_path, server):
    path = f"{DEMO}/hosp/labevents.csv.gz"
    server.drops[path], server.ranges = 1, False
    assert run("mimic-demo", "--dest", tmp_path, server=server).returncode == 0
    assert files(tmp_path)["mimic-iv/hosp/labevents.csv.gz"] == server.files[path]


def test_a_partial_file_that_was_whole_or_stale_is_handled(tmp_path, server):
    folder = tmp_path / "mimic-iv/hosp"
    folder.mkdir(parents=True)
    (folder / "labevents.csv.gz.partial").write_bytes(server.files[f"{DEMO}/hosp/labevents.csv.gz"])
    (folder / "patients.csv.gz.partial").write_bytes(b"of another release")
    (folder / "admissions.csv.gz").write_bytes(b"damaged")
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 0, done.stderr
    found = files(tmp_path)
    for name in ("labevents", "patients", "admissions"):
        assert found[f"mimic-iv/hosp/{name}.csv.gz"] == server.files[f"{DEMO}/hosp/{name}.csv.gz"]
    assert not any(name.endswith(".partial") for name in found)


def test_a_wrong_checksum_is_refused_and_not_kept(tmp_path, server):
    server.publish("mimic-iv-demo/2.2", TABLES, wrong="hosp/d_labitems.csv.gz")
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert (
        done.returncode == 1
        and "d_labitems.csv.gz: its SHA-256 is not the published one" in done.stderr
    )
    assert "mimic-iv/hosp/d_labitems.csv.gz" not in files(tmp_path)


def test_a_file_that_moved_is_named(tmp_path, server):
    del server.files[f"{DEMO}/icu/icustays.csv.gz"]
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 1 and "icustays.csv.gz: is not there (HTTP 404)" in done.stderr


def mimic(server) -> None:
    """Publish all that `mimic` fetches, behind a login; one film."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("files/p10/p10000001/s50000001.txt", "IMPRESSION: Simulated.")
    film = "files/p10/p10000001/s50000001/0a1b.jpg"
    server.publish("mimic-cxr/2.1.0", ["cxr-record-list.csv.gz", "cxr-study-list.csv.gz"])
    server.add("mimic-cxr/2.1.0", "mimic-cxr-reports.zip", archive.getvalue())
    tables = [f"mimic-cxr-2.0.0-{name}.csv.gz" for name in ("metadata", "split", "chexpert")]
    server.publish("mimic-cxr-jpg/2.1.0", [*tables, film])
    server.add("mimic-cxr-jpg/2.1.0", "IMAGE_FILENAMES", f"{film}\n".encode())
    server.publish("mimiciv/3.1", TABLES)
    server.publish("mimic-iv-ed/2.2", ["ed/edstays.csv.gz", "ed/triage.csv.gz"])
    server.login = "Basic " + base64.b64encode(f"{USER}:{SPOKEN}".encode()).decode()


def test_mimic_is_fetched_with_a_login_that_is_neither_shown_nor_stored(tmp_path, server):
    mimic(server)
    done = run(
        "mimic",
        "--dest",
        tmp_path,
        server=server,
        stdin=f"{SPOKEN}\n",
        options=["-x"],
        PHYSIONET_USER=USER,
    )
    assert done.returncode == 0, done.stderr
    found = files(tmp_path)
    wanted = {
        "mimic-cxr/files/p10/p10000001/s50000001.txt",
        "mimic-cxr-jpg/files/p10/p10000001/s50000001/0a1b.jpg",
        "mimic-cxr-jpg/mimic-cxr-2.0.0-metadata.csv.gz",
        "mimic-iv/hosp/labevents.csv.gz",
        "mimic-iv-ed/ed/triage.csv.gz",
    }
    assert wanted <= set(found)
    for word in ("horse", "battery"):
        assert word not in done.stdout + done.stderr and not any(
            word.encode() in content for content in found.values()
        )


def free_port(first: int) -> int:
    for port in range(first, first + 100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError(f"no free port from {first}")


@pytest.mark.parametrize(
    "server", [free_port(first) for first in (40100, 40300, 40400, 41600)], indirect=True
)
def test_a_port_that_begins_like_an_error_is_not_one(tmp_path, server):
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 0, done.stderr
    assert "try 1" not in done.stderr


def test_both_user_name_and_password_can_be_typed(tmp_path, server):
    mimic(server)
    assert (
        run("mimic", "--dest", tmp_path, server=server, stdin=f"{USER}\n{SPOKEN}\n").returncode == 0
    )


@pytest.mark.parametrize("page", [False, True])
def test_a_refused_login_stops_at_once_and_says_what_to_do(tmp_path, server, page):
    mimic(server)
    server.page = page
    done = run(
        "mimic", "--dest", tmp_path, server=server, stdin="wrong horse\n", PHYSIONET_USER=USER
    )
    assert (
        done.returncode == 1 and "login was refused" in done.stderr and "agreement" in done.stderr
    )
    assert "horse" not in done.stdout + done.stderr
    assert len(server.asked) == 1 and files(tmp_path) == {}


def test_a_refused_login_keeps_the_list_of_checksums_that_is_there(tmp_path, server):
    mimic(server)
    sums = tmp_path / "mimic-cxr/SHA256SUMS.txt"
    sums.parent.mkdir()
    sums.write_text("0 a\n")
    sums.with_name("SHA256SUMS.txt.partial").write_text("of another release")
    assert (
        run(
            "mimic", "--dest", tmp_path, server=server, stdin="wrong\n", PHYSIONET_USER=USER
        ).returncode
        == 1
    )
    assert sums.read_text() == "0 a\n"
    run("mimic", "--dest", tmp_path, server=server, stdin=f"{SPOKEN}\n", PHYSIONET_USER=USER)
    assert sums.read_bytes() == server.files["/files/mimic-cxr/2.1.0/SHA256SUMS.txt"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_behind_a_login_is_continued_and_checked(tmp_path, server, ranges):
    mimic(server)
    server.ranges = ranges
    film = "files/p10/p10000001/s50000001/0a1b.jpg"
    path = f"/files/mimic-cxr-jpg/2.1.0/{film}"
    server.drops[path] = 1
    done = run("mimic", "--dest", tmp_path, server=server, stdin=f"{SPOKEN}\n", PHYSIONET_USER=USER)
    assert (
        done.returncode == 0
        and "broke off" in done.stderr
        and "horse" not in done.stdout + done.stderr
    ), done.stderr
    assert files(tmp_path)[f"mimic-cxr-jpg/{film}"] == server.files[path]
    assert f"{film} (checksum right)" in done.stdout
    assert (path, f"bytes={len(server.files[path]) // 2}-") in server.asked
    (tmp_path / "mimic-cxr-jpg" / film).write_bytes(b"damaged")
    assert (
        run(
            "mimic", "--dest", tmp_path, server=server, stdin=f"{SPOKEN}\n", PHYSIONET_USER=USER
        ).returncode
        == 0
    )
    assert files(tmp_path)[f"mimic-cxr-jpg/{film}"] == server.files[path]


def test_a_file_behind_a_login_that_moved_is_named(tmp_path, server):
    mimic(server)
    del server.files["/files/mimiciv/3.1/icu/icustays.csv.gz"]
    done = run("mimic", "--dest", tmp_path, server=server, stdin=f"{SPOKEN}\n", PHYSIONET_USER=USER)
    assert done.returncode == 1 and "icustays.csv.gz: is not there (HTTP 404)" in done.stderr


def test_settings_of_the_reader_cannot_log_or_export_the_password(tmp_path, server):
    mimic(server)
    home, spy = tmp_path / "home", tmp_path / "spy"
    for folder in (home, spy):
        folder.mkdir()
    (home / ".curlrc").write_text(f"trace-ascii = {home}/trace\n")
    (home / ".wgetrc").write_text(f"logfile = {home}/log\nserver_response = on\ndebug = on\n")
    (spy / "wget").write_text(f'#!/bin/sh\nenv > {home}/env\nexec {shutil.which("wget")} "$@"\n')
    (spy / "wget").chmod(0o755)
    done = run(
        "mimic",
        "--dest",
        tmp_path / "data",
        server=server,
        stdin=f"{SPOKEN}\n",
        PHYSIONET_USER=USER,
        HOME=str(home),
        PATH=f"{spy}:{os.environ['PATH']}",
        **dict.fromkeys(("user", "password"), "exported"),
    )
    assert done.returncode == 0, done.stderr
    login = server.login.removeprefix("Basic ")
    for content in (done.stdout, done.stderr, *(file.read_text() for file in home.iterdir())):
        assert "horse" not in content and login not in content
    assert {file.name for file in home.iterdir()} == {".curlrc", ".wgetrc", "env"}
    assert (
        run("mimic-demo", "--dest", tmp_path / "demo", server=server, HOME=str(home)).returncode
        == 1
    )  # needs a login here
    assert not (home / "trace").exists()


@pytest.mark.parametrize("absent", ["wget", "unzip"])
def test_a_program_that_is_not_there_is_named_before_the_password_is_asked_for(
    tmp_path, server, absent
):
    mimic(server)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "curl", "wget", "unzip", "git", "dirname", "basename"):
        if name != absent:
            (programs / name).symlink_to(shutil.which(name))
    done = run(
        "mimic", "--dest", tmp_path / "data", server=server, PHYSIONET_USER=USER, PATH=str(programs)
    )
    assert (
        done.returncode == 1 and f"{absent} is needed for mimic" in done.stderr and not server.asked
    )


def test_a_login_page_instead_of_an_open_file_is_not_kept(tmp_path, server):
    server.login, server.page = "Basic none", True
    server.files["/login/"] = b"<html>Please log in</html>"
    done = run("mimic-demo", "--dest", tmp_path, server=server)
    assert done.returncode == 1 and files(tmp_path) == {}


def test_without_a_password_nothing_is_asked(tmp_path, server):
    mimic(server)
    done = run("mimic", "--dest", tmp_path, server=server, PHYSIONET_USER=USER)
    assert done.returncode == 1 and "password are needed" in done.stderr and not server.asked


@pytest.mark.parametrize(
    "source, path, inside, unpacked",
    [
        ("openi", "/imgs/collections/NLMCXR_png.tgz", "CXR1_IM-0001.png", "png/CXR1_IM-0001.png"),
        (
            "covid",
            "/ieee8023/covid-chestxray-dataset/archive/refs/heads/master.tar.gz",
            "covid-master/metadata.csv",
            "metadata.csv",
        ),
    ],
)
def test_archives_are_unpacked_once(tmp_path, server, source, path, inside, unpacked):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as made:
        member = tarfile.TarInfo(inside)
        member.size = 4
        made.addfile(member, io.BytesIO(b"film"))
    server.files[path] = archive.getvalue()
    assert run(source, "--dest", tmp_path, server=server).returncode == 0
    assert files(tmp_path)[unpacked] == b"film"
    (tmp_path / unpacked).write_bytes(b"mine")
    server.asked.clear()
    assert run(source, "--dest", tmp_path, server=server).returncode == 0
    assert files(tmp_path)[unpacked] == b"mine" and not server.asked


def test_the_sets_of_lungs_are_unpacked_once_into_a_folder_each(tmp_path, server):
    inside = ("MontgomerySet/CXR_png/a.png", "ChinaSet_AllFiles/CXR_png/b.png")
    for name, film in zip(("NLM-MontgomeryCXRSet", "ChinaSet_AllFiles"), inside, strict=True):
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr(film, "film")
        server.files[f"/imgs/collections/{name}.zip"] = archive.getvalue()
    done = run("lungs", "--dest", tmp_path, server=server)
    assert done.returncode == 0, done.stderr
    assert [files(tmp_path)[film] for film in inside] == [b"film"] * 2
    assert f"TXTRAY_LUNGS={tmp_path}" in done.stdout and "check_tree" not in done.stdout
    (tmp_path / inside[1]).write_bytes(b"mine")
    server.asked.clear()
    assert run("lungs", "--dest", tmp_path, server=server).returncode == 0
    assert files(tmp_path)[inside[1]] == b"mine" and not server.asked


def test_a_damaged_archive_is_named(tmp_path, server):
    server.files["/imgs/collections/NLMCXR_png.tgz"] = b"not an archive"
    done = run("openi", "--dest", tmp_path, server=server)
    assert done.returncode == 1 and "NLMCXR_png.tgz cannot be unpacked" in done.stderr


def test_a_folder_that_git_would_track_is_refused(tmp_path):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/kept-out/*\n")
    for name in ("tracked", "tracked/deeper", "."):
        done = run("openi", "--dry-run", "--dest", tmp_path / name)
        assert done.returncode == 1 and "git would track" in done.stderr, name
    assert run("openi", "--dry-run", "--dest", tmp_path / "kept-out/openi").returncode == 0


def test_a_link_or_dots_that_lead_into_a_repository_are_seen_through(tmp_path):
    repository = tmp_path / "repository"
    (repository / "inside").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    (tmp_path / "link").symlink_to(repository / "inside")
    for name in ("link", "link/deeper"):
        done = run("openi", "--dry-run", "--dest", tmp_path / name)
        assert done.returncode == 1 and "git would track" in done.stderr, name
    done = run("openi", "--dry-run", "--dest", f"{tmp_path}/none/../repository/inside/new")
    assert done.returncode == 1 and "without .." in done.stderr


def test_a_folder_that_holds_tracked_files_is_refused_since_an_archive_could_overwrite_them(
    tmp_path,
):
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/data/*\n!/data/README.md\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/README.md").touch()
    subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
    done = run("covid", "--dry-run", "--dest", tmp_path / "data")
    assert done.returncode == 1 and "git would track" in done.stderr
    assert run("covid", "--dry-run", "--dest", tmp_path / "data/covid").returncode == 0


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "taken").touch()
    done = run("openi", "--dry-run", "--dest", tmp_path / "taken")
    assert done.returncode == 1 and "taken is not a folder" in done.stderr


def test_the_usual_folder_is_ignored_by_git_and_is_the_data_folder():
    done = run("openi", "--dry-run")
    assert done.returncode == 0 and str(SCRIPT.parent / "openi") in done.stdout


def test_the_data_setting_moves_the_folder(tmp_path):
    assert (
        f"{tmp_path}/mimic-demo/mimic-iv"
        in run("mimic-demo", "--dry-run", TXTRAY_DATA=str(tmp_path)).stdout
    )


@pytest.mark.parametrize("arguments", [
    [], ["mimic-iii"], ["openi", "--dest"], ["openi", "--dest", "--dry-run"], ["openi", "--force"],
    ["mimic", "openi", "--dry-run"],
])  # fmt: skip
def test_a_wrong_call_says_how_to_call_it(arguments):
    done = run(*arguments)
    assert done.returncode == 1 and done.stderr.startswith(
        ("Fetch a data source", "download.sh: --dest", "download.sh: one")
    )


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say():
    done = subprocess.run(["shellcheck", str(SCRIPT)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
