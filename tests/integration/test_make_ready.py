"""What `make` does before anything else: say what the machine lacks, find or fetch a nats-server that is new enough.

The servers here are shell scripts that only know their version; nothing else of them is asked.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import tree

INSTALL = tree.ROOT / "deploy" / "install_nats_server.sh"
CHECK = tree.ROOT / "deploy" / "check_machine.sh"
TOOLS = ("cat", "dirname", "grep", "head", "id", "install", "ls", "mkdir", "mktemp", "mv", "rm", "sed", "sh", "sort")
KEYRINGS = [Path(f"/usr/share/keyrings/debian-archive-keyring.{ending}") for ending in ("gpg", "pgp")]


def _program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def _server(path: Path, version: str) -> Path:
    return _program(path, f'[ "$1" = --version ] && echo "nats-server: v{version}"')


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Give a folder of programs that is all a script finds: everyday tools, but no apt and no server."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (tmp_path / "temporary").mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or pytest.fail(f"{tool} is not on this machine"))
    return folder


def _run(machine: Path, script: Path, *arguments: object, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(machine), "TMPDIR": str(machine.parent / "temporary"), **extra}
    command = ["sh", str(script), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, cwd=machine.parent, env=environment, text=True)


@pytest.mark.parametrize("version", ["2.12.7", "2.12.10", "2.13.0", "2.100.0", "3.0.0"])
def test_a_recent_server_on_the_path_is_taken(machine: Path, version: str) -> None:
    """A server of at least 2.12.7 on the PATH is copied to the prefix; nothing is fetched."""
    _server(machine / "nats-server", version)
    done = _run(machine, INSTALL, "made")
    assert (done.returncode, done.stdout) == (0, f"nats-server: v{version}\n")
    assert (machine.parent / "made" / "nats-server").is_file()


@pytest.mark.parametrize("version", ["2.12.6", "2.9.99", "2.2.70", "1.99.99", "0.0.0"])
def test_an_old_server_without_apt_is_an_error(machine: Path, version: str) -> None:
    """An older server is not taken; where none can be fetched, the last line says so and nothing is made."""
    _server(machine / "nats-server", version)
    done = _run(machine, INSTALL, "made")
    assert done.returncode == 1
    passed_over, failed = done.stderr.splitlines()
    assert f"is {version}, at least 2.12.7 is needed" in passed_over
    assert failed.startswith("nats-server 2.12.7 or newer is not here")
    assert not (machine.parent / "made").exists()


def test_a_program_that_is_no_server_is_not_taken(machine: Path) -> None:
    """What does not name its version as nats-server does is passed over."""
    _program(machine / "nats-server", "echo hello")
    done = _run(machine, INSTALL, "made")
    assert done.returncode == 1
    assert "is no nats-server" in done.stderr


def test_the_named_server_comes_before_others(machine: Path) -> None:
    """NATS_SERVER_BIN is taken before the prefix and the PATH; when it is too old, the next one is."""
    _server(machine / "nats-server", "2.13.1")
    _server(machine.parent / "made" / "nats-server", "2.13.2")
    named = _server(machine.parent / "named", "2.13.3")
    assert _run(machine, INSTALL, "made", NATS_SERVER_BIN=str(named)).stdout == "nats-server: v2.13.3\n"
    _server(named, "2.1.0")
    assert _run(machine, INSTALL, "made", NATS_SERVER_BIN=str(named)).stdout == "nats-server: v2.13.3\n"


def test_a_second_run_keeps_the_server_it_made(machine: Path) -> None:
    """A recent server in the prefix stays, whatever is on the PATH."""
    _server(machine.parent / "made" / "nats-server", "2.13.2")
    _server(machine / "nats-server", "2.1.0")
    done = _run(machine, INSTALL, "made")
    assert (done.returncode, done.stdout, done.stderr) == (0, "nats-server: v2.13.2\n", "")


@pytest.mark.skipif(not any(path.exists() for path in KEYRINGS), reason="needs Debian's archive keys on the machine")
@pytest.mark.parametrize(("version", "code"), [("2.12.6", 1), ("2.12.7", 0)])
def test_a_fetched_server_is_checked_too(machine: Path, version: str, code: int) -> None:
    """What apt delivers is taken only when it is new enough; the temporary folder is gone either way."""
    _program(machine / "apt-config", "echo 'Acquire::Retries \"1\";'")
    _program(machine / "apt-cache", "echo 'nats-server | 1 | somewhere'")
    _program(machine / "apt-get", "echo \"'http://mirror.example/debian/dists/old/InRelease' name 0 \"")
    _program(machine / "dpkg", "echo amd64")
    unpack = f'mkdir -p "$3/usr/sbin" && cp {_server(machine.parent / "in-package", version)} "$3/usr/sbin/nats-server"'
    (machine / "cp").symlink_to(shutil.which("cp") or "cp")
    _program(machine / "dpkg-deb", unpack)
    done = _run(machine, INSTALL, "made")
    assert done.returncode == code, done.stderr
    assert (machine.parent / "made" / "nats-server").exists() == (code == 0)
    assert list((machine.parent / "temporary").iterdir()) == []
    if code:
        assert done.stderr.splitlines()[-1].startswith("nats-server 2.12.7 or newer was found neither here nor in")


def test_a_machine_that_lacks_nothing_hears_nothing(machine: Path) -> None:
    """With a recent Python and a recent server the check is silent."""
    _server(machine / "nats-server", "2.13.0")
    done = _run(machine, CHECK, sys.executable, "made")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("python", "lacking"),
    [
        (None, "(Python 3.11 or newer)"),
        ('case "$2" in *exit*) exit 1;; *) echo 3.9.2;; esac', "Python 3.11 or newer (python is 3.9.2)"),
        ('case "$2" in *venv*) exit 1;; esac', "the venv module of python (on Debian: apt-get install python3-venv)"),
    ],
)
def test_one_line_lists_all_that_is_missing(machine: Path, python: str | None, lacking: str) -> None:
    """A machine without a fit Python and without a server or apt is told both in one line."""
    if python is not None:
        _program(machine / "python", python)
    done = _run(machine, CHECK, "python", "made")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("This machine lacks: ")
    assert lacking in line
    assert "apt-get, dpkg-deb" in line
