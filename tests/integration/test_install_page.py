"""docs/install.md as somebody follows it: every command typed, every service started as its systemd unit says."""

import asyncio
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from handschlag import town
from handschlag.town.people import MIN_PERSONS
from tests.support.nats_server import find_binary
from tests.support.real_federation import Process, free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "install.md").read_text("utf-8")
BIN = "/usr/local/handschlag/bin/"
UNITS = ROOT / "deploy" / "systemd"
READY = {"handschlag-nats": "Server is ready", "handschlag-broker": "broker ready", "handschlag-node": "node ready"}
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@dataclass
class Machine:
    """A machine on which the page is followed: its folders below a temporary one, its ports free ones."""

    folder: Path
    services: AsyncExitStack
    bus: int
    pages: dict[str, int]

    async def type(self, command: str) -> None:
        """Do what a line says; it must succeed."""
        if command.startswith("systemctl enable --now "):
            await self._start(command.rpartition(" ")[2])
            return
        if command.startswith("handschlag node init"):
            shutil.copy(self.folder / "srv/federation/federation.toml", self.folder)
        done = await asyncio.create_subprocess_exec(
            *self._here(command), cwd=self.folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await done.communicate()
        assert done.returncode == 0, f"{command}\n{said.decode()}"

    async def _start(self, name: str) -> None:
        """Start a service by its unit's own words."""
        unit = (UNITS / f"{name}.service").read_text("utf-8")
        (words,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        process = await Process.start(*self._here(words), ready=READY[name])
        self.services.push_async_callback(process.end)

    def _here(self, command: str) -> list[str]:
        """Give a command's words with folders, host and ports of this machine."""
        binary = find_binary()
        assert binary is not None
        command = command.replace(f"{BIN}nats-server", str(binary)).replace(BIN, "")
        command = command.replace("/srv/handschlag", str(self.folder / "srv"))
        command = command.replace("bus.musterstadt.example", "127.0.0.1")
        words = shlex.split(command)
        if words[0] == "handschlag":
            words[:1] = [str(Path(sys.executable).with_name("handschlag"))]
        if words[2:3] == ["init"]:
            words += ["--http-port", str(self.pages[words[1]])]
        return [*words, "--nats-port", str(self.bus)] if words[1:3] == ["federation", "init"] else words


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    """Give a machine with the agency's own system on it; whatever was started is ended."""
    town.build(tmp_path / "town", 1, MIN_PERSONS)
    (tmp_path / "srv").mkdir()
    for name in ("mapping.toml", "teilnehmende.xlsx"):
        shutil.copy(tmp_path / "town" / "sprachschule" / name, tmp_path)
    async with AsyncExitStack() as services:
        yield Machine(tmp_path, services, free_port(), {"federation": free_port(), "node": free_port()})


async def test_whoever_follows_the_page_has_a_federation_with_one_agency(machine: Machine) -> None:
    """After the last line bus, broker and node run, and all of them say that they are well."""
    assert len(COMMANDS) > len(READY)
    for command in COMMANDS:
        await machine.type(command)
    async with httpx.AsyncClient(trust_env=False) as client:
        for port in machine.pages.values():
            answer = await client.get(f"http://127.0.0.1:{port}/health")
            assert answer.status_code == 200, answer.text


def test_every_unit_is_named_on_the_page_and_gives_up_its_rights() -> None:
    """No service runs as root, and the three are fenced in alike."""
    fences = set()
    for path in UNITS.iterdir():
        assert f"systemctl enable --now {path.stem}" in PAGE
        lines = path.read_text("utf-8").splitlines()
        assert "User=handschlag" in lines
        fences.add(tuple(line for line in lines if re.match(r"(Protect|Restrict|Private|No|Capab|System|Lock)", line)))
    assert len(fences) == 1


@pytest.mark.long
async def test_what_is_installed_runs_without_the_repository(tmp_path: Path) -> None:
    """`make install` into an empty folder, then a command and the pages' own files from there."""
    prefix = tmp_path / "opt"
    words = ("make", "--no-print-directory", "install", f"PREFIX={prefix}", f"PYTHON={sys.executable}")
    made = await asyncio.create_subprocess_exec(
        *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await made.communicate()
    assert made.returncode == 0, said.decode()
    code = (
        "import adapters.web as w, pathlib as p; print((p.Path(w.__file__).parent / 'static/vendor/kern.css').exists())"
    )
    shown = await asyncio.create_subprocess_exec(
        prefix / "bin/python", "-c", code, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, env={"PATH": os.defpath}
    )
    said, _ = await shown.communicate()
    assert said == b"True\n"
    town = await asyncio.create_subprocess_exec(prefix / "bin/handschlag", "town", tmp_path / "town", cwd=tmp_path)
    assert await town.wait() == 0
