"""A federation made by the commands, with a real nats-server and a real broker process: nothing in it is a stand-in."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner, Result

from adapters.infra import tls
from adapters.infra.key_files import create_nats_seed, create_seal_key, create_signer, load_nats_seed, load_signer
from adapters.infra.nats_bus import Listeners, NatsBus, NatsSettings
from adapters.infra.nats_keys import public_key
from handschlag.admission import ADMISSION_FILE, Admission, Application, OfferedKey, read_paper, write_paper
from handschlag.bus_logins import new_user_seed
from handschlag.cli import handschlag
from schemas import messages as ms
from schemas import statements as st
from schemas import topics
from schemas.ids import AgencyId, CodeName, KeyName, LogId
from schemas.note import sign_note
from schemas.topics import ask
from tests.support.nats_server import find_binary

NAME = "musterstadt.example"
READY = "broker ready"
LIMIT_S = 15.0
CALL_S = 5.0
CONNECT_S = 2.0
ROLES: tuple[st.KeyRole, ...] = ("statement", "witness", "dpo", "seal")


def free_port() -> int:
    """Give a port of the loopback that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def command(*words: str | Path) -> Result:
    """Run a `handschlag` command as a user would, in a thread with an event loop of its own."""
    return await asyncio.to_thread(CliRunner().invoke, handschlag, [str(word) for word in words])


class Process:
    """A process of ours whose standard error is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Take a running process."""
        self.process = process
        self.lines: list[str] = []
        self._news = asyncio.Event()
        self._rest: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, *words: str | Path, ready: str) -> "Process":
        """Start a program and wait for a line that holds `ready`; fails when it ends before."""
        found = cls(await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE))
        try:
            async with asyncio.timeout(LIMIT_S):
                while not (found.lines and ready in found.lines[-1]):
                    assert await found._read_line(), "".join(found.lines)
        except BaseException:
            await found.end(signal.SIGKILL)
            raise
        found._rest = asyncio.create_task(found._read_on())
        return found

    @classmethod
    async def begin(cls, *words: str | Path) -> "Process":
        """Start a program that may end at any time."""
        found = cls(await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE))
        found._rest = asyncio.create_task(found._read_on())
        return found

    async def says(self, text: str) -> None:
        """Wait until it has written a line that holds a text."""
        async with asyncio.timeout(LIMIT_S):
            while not any(text in line for line in self.lines):
                self._news.clear()
                await self._news.wait()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; give the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the end and give the exit code."""
        async with asyncio.timeout(LIMIT_S):
            if self._rest is not None:
                await self._rest
            return await self.process.wait()

    async def _read_on(self) -> None:
        while await self._read_line():
            pass

    async def _read_line(self) -> bool:
        assert self.process.stderr is not None
        line = (await self.process.stderr.readline()).decode()
        self.lines.append(line)
        self._news.set()
        return bool(line)


@dataclass
class Events:
    """What a connection went through."""

    cuts: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        """Hear of a lost connection."""
        self.cuts += 1


@dataclass
class Agency:
    """An agency's side: its keys in a folder, its application, and after the admission its connection."""

    name: AgencyId
    folder: Path
    log: LogId
    numbers: dict[KeyName, int] = field(default_factory=dict)

    @property
    def application(self) -> Path:
        """The paper for the steering group."""
        return self.folder / "application.toml"

    @property
    def admission(self) -> Path:
        """The folder the steering group fills."""
        return self.folder / "admission"

    def apply(self, kind: str) -> None:
        """Make keys and write the application."""
        self.folder.mkdir()
        offered = []
        for role in ROLES:
            path, name = self.folder / f"{role}.key", KeyName(f"{NAME}/{self.name}/{role}-1")
            made = (
                create_seal_key(path, name)
                if role == "seal"
                else create_signer(path, name, "cosignature" if role == "witness" else "ed25519")
            )
            suite: st.Suite = "mlkem768-x25519" if role == "seal" else "ed25519"
            offered.append(OfferedKey(role=role, name=name, suite=suite, public=made.public))
        seed = new_user_seed()
        create_nats_seed(self.folder / "user.key", self.name, seed)
        request = tls.make_request(self.name)
        (self.folder / "client.key").write_bytes(request.key)
        paper = Application(
            agency=self.name,
            kind=CodeName(kind),
            keys=tuple(offered),
            nats_user=public_key(seed),
            tls_csr=request.certificate.decode(),
        )
        write_paper(paper, self.application)

    async def connect(self, events: Events | None = None) -> NatsBus:
        """Connect with what the admission holds."""
        paper = read_paper(Admission, self.admission / ADMISSION_FILE)
        for name, content in (("client.pem", paper.certificate), ("ca.pem", paper.ca)):
            (self.folder / name).write_text(content)
        events = events or Events()
        settings = NatsSettings(
            servers=(paper.nats_url,),
            name=self.name,
            inbox=topics.inbox_prefix(self.name),
            jwt=lambda: paper.user_jwt,
            seed=load_nats_seed(self.folder / "user.key"),
            tls=tls.client_context(self.folder / "ca.pem", self.folder / "client.pem", self.folder / "client.key"),
            connect_timeout_s=CONNECT_S,
        )
        return await NatsBus.connect(settings, Listeners(disconnected=events.cut, lost=events.lost.set))

    def head(self, at_ms: int) -> bytes:
        """Sign the next statement with the key that lies there: that this is the last number."""
        signer = load_signer(self.folder / "statement.key")
        name = KeyName(signer.key.name)
        number = self.numbers[name] = self.numbers.get(name, 0) + 1
        head = st.AgencyHead(log=self.log, at=at_ms, key=name, n=number, last=number)
        return sign_note(st.statement_text(head).encode(), [signer])


@dataclass
class RealFederation:
    """The federation's folder, with the processes that were started on it."""

    folder: Path
    http_port: int
    nats: Process | None = None
    broker: Process | None = None

    @classmethod
    @asynccontextmanager
    async def made(cls, folder: Path) -> "AsyncIterator[RealFederation]":
        """Found a federation and start its nats-server; whatever was started is ended with the block."""
        nats_port, http_port = free_port(), free_port()
        ports = ("--nats-port", str(nats_port), "--http-port", str(http_port))
        result = await command("federation", "init", folder, "--name", NAME, *ports)
        assert result.exit_code == 0, result.output or result.exception
        federation = cls(folder, http_port)
        async with AsyncExitStack() as processes:
            await federation.start_nats()
            processes.push_async_callback(federation.stop)
            yield federation

    async def start_nats(self) -> None:
        """Start the nats-server on the configuration that `federation init` wrote."""
        binary = find_binary()
        assert binary is not None, "no nats-server; see tests/support/nats_server.py"
        self.nats = await Process.start(binary, "-c", self.folder / "nats" / "server.conf", ready="Server is ready")

    async def start_broker(self) -> Process:
        """Start the broker's process and wait until it serves."""
        self.broker = await Process.start(*self.broker_words, ready=READY)
        return self.broker

    @property
    def broker_words(self) -> tuple[str | Path, ...]:
        """What starts the broker."""
        code = "from handschlag.cli import main; main()"
        return (sys.executable, "-c", code, "broker", "run", self.folder / "broker")

    async def stop(self) -> None:
        """End what runs."""
        for process in (self.broker, self.nats):
            if process is not None:
                await process.end()

    def agency(self, name: str, kind: str) -> Agency:
        """Make an agency that has applied."""
        agency = Agency(AgencyId(name), self.folder.parent / name, LogId(self.events("broker ready")[-1]["origin"]))
        agency.apply(kind)
        return agency

    async def admit(self, name: str, kind: str, *options: str) -> Agency:
        """Make an agency and admit it."""
        agency = self.agency(name, kind)
        result = await self.add(agency, *options)
        assert result.exit_code == 0, result.output or result.exception
        return agency

    async def add(self, agency: Agency, *options: str) -> Result:
        """Give `member add` for an agency."""
        return await command("member", "add", self.folder, agency.application, "--out", agency.admission, *options)

    def events(self, name: str) -> list[dict[str, str]]:
        """Give the broker's log lines of one event."""
        assert self.broker is not None
        lines = [json.loads(line) for line in self.broker.lines if line.startswith("{")]
        return [line for line in lines if line["event"] == name]


async def record(bus: NatsBus, note: bytes) -> ms.Logged:
    """Have a statement logged; it must be."""
    reply = await bus.call(ask("record"), ms.pack(ms.AskRecord(note)), timeout_s=CALL_S)
    answer = ms.unpack(reply, ms.Logged, ms.Failed)
    assert isinstance(answer, ms.Logged), answer
    return answer
