"""The demo's stage: a federation, its NATS server, its broker and the nodes of five agencies.

All of it is set up by the same commands a municipality would use.
"""

import io
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from broker.settings import SETTINGS_FILE
from handschlag import town
from handschlag.cli import handschlag
from handschlag.demo.processes import Processes
from handschlag.demo.sign_on import SignOnStage
from schemas.errors import Unavailable
from schemas.ids import AgencyId
from schemas.registry import FILES

SEED: Final = 2026
PERSONS: Final = 3000
ANSWER_WITHIN_S: Final = 6
LONG_S: Final = 259_200
LATER_AFTER_MS: Final = 1000
TOKEN_MINUTES: Final = 120
ROLES: Final = ("adviser", "clerk_answer", "dpo", "access_steward")


@dataclass(frozen=True)
class Office:
    """One agency on the stage: its node's address and a token for each role its made-up staff has."""

    agency: AgencyId
    name: str
    folder: Path
    address: str
    tokens: dict[str, str]


@dataclass
class Stage:
    """Where everything lies and listens."""

    folder: Path
    processes: Processes
    people: town.Town
    broker_address: str
    sign_on: "SignOnStage"
    auditor: str
    """The token an auditor reads the log with."""
    offices: dict[str, Office] = field(default_factory=dict)

    @property
    def federation(self) -> Path:
        """The federation's folder."""
        return self.folder / "federation"

    @property
    def export(self) -> Path:
        """Where the ledger's export goes."""
        return self.folder / "export"


def free_port() -> int:
    """Give a port of the loopback that was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def command(*words: object) -> str:
    """Run one of our commands in this process, as a user would type it, and give what it printed.

    Raises Unavailable when the command ends with another exit code than 0.
    """
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(io.StringIO()):
        code = handschlag.main([str(word) for word in words], standalone_mode=False)
    if code:
        message = f"handschlag {words[0]} {words[1]}: exit code {code}\n{said.getvalue()}"
        raise Unavailable(message)
    return said.getvalue()


@contextmanager
def raised(folder: Path, nats_server: str, tell: Callable[[str], None]) -> Iterator[Stage]:
    """Build the stage from nothing, give it, and end every process of it."""
    shutil.rmtree(folder, ignore_errors=True)
    with Processes(folder / "logs") as processes:
        tell("Musterstadt is made: five agencies, some thousand invented people")
        people = town.build(folder / "town", SEED, PERSONS)
        tell("The federation is founded: steering keys, log key, the bus's operator, the law")
        stage = _founded(folder, processes, people, nats_server)
        for agency in town.AGENCY:
            tell(f"{town.AGENCY[agency].name} makes its keys and is admitted while everything runs")
            stage.offices[agency] = _joined(stage, agency)
        tell("A sign-on with made-up staff is started")
        stage.sign_on.start(processes)
        for office in stage.offices.values():
            processes.until_ready(f"node-{office.agency}", f"{office.address}/health")
        yield stage


def _founded(folder: Path, processes: Processes, people: town.Town, nats_server: str) -> Stage:
    nats_port, http_port = free_port(), free_port()
    federation = folder / "federation"
    command(
        "federation", "init", federation, "--name", town.FEDERATION, "--nats-port", nats_port,
        "--http-port", http_port, "--registry", _registry(folder / "registry"),
    )  # fmt: skip
    auditor = _audited(federation)
    processes.start("nats-server", [nats_server, "-c", str(federation / "nats" / "server.conf")])
    processes.start_ours("broker", "broker", "run", str(federation / "broker"))
    sign_on = SignOnStage(folder / "sign-on.toml", free_port())
    stage = Stage(folder, processes, people, f"http://127.0.0.1:{http_port}", sign_on, auditor)
    processes.until_ready("broker", f"{stage.broker_address}/health")
    return stage


def _audited(federation: Path) -> str:
    """Let an auditor read: make a token, and put its SHA-256 into the broker's settings as its operator would."""
    token, digest = (line.split()[1] for line in command("token", "reader").splitlines())
    settings = federation / "broker" / SETTINGS_FILE
    said = settings.read_text("utf-8")
    settings.write_text(said.replace("auditors = []", f'auditors = ["{digest}"]'), "utf-8")
    return token


def _registry(folder: Path) -> Path:
    """Copy the shipped registry with short deadlines, so that "not available" comes while somebody is watching.

    Where humans decide, they have the law's days all the same.
    """
    folder.mkdir(parents=True)
    for stem in FILES:
        text = (files("schemas") / "registry" / f"{stem}.toml").read_text("utf-8")
        rows = text.split("\n[[purpose]]")
        # What waits for a check of the Land's law is on in the invented town.
        shown = "\n[[purpose]]".join(_hastened(row) for row in rows).replace("off = true\n", "")
        (folder / f"{stem}.toml").write_text(shown, "utf-8")
    return folder


def _hastened(row: str) -> str:
    """Shorten the times of one purpose."""
    within_s = ANSWER_WITHIN_S if 'release = "automatic"' in row else LONG_S
    return row.replace(
        f"answer_within_s = {LONG_S}", f"answer_within_s = {within_s}\nlater_after_ms = {LATER_AFTER_MS}"
    )


def _joined(stage: Stage, agency: str) -> Office:
    """Walk an agency through admission: make a node, apply, be admitted, say where the data lies, run."""
    home, about, port = stage.folder / "nodes" / agency, town.AGENCY[agency], free_port()
    pins = stage.federation / "federation.toml"
    command(
        "node",
        "init",
        home,
        "--agency",
        agency,
        "--kind",
        about.kind,
        "--federation",
        pins,
        "--http-port",
        port,
        "--mapping",
        "mapping.toml",
    )
    admission = stage.folder / "admissions" / agency
    command(
        "member", "add", stage.federation, home / "application.toml", "--out", admission, "--commitment", "written_2026"
    )
    command("node", "admit", home, admission)
    for path in (stage.folder / "town" / agency).iterdir():
        shutil.copy2(path, home / path.name)
    stage.sign_on.add(agency, about.name, home, port)
    _say_who(home / "node.toml", about.name, stage.broker_address)
    stage.processes.start_ours(f"node-{agency}", "node", "run", str(home))
    tokens = {role: _token(home, role) for role in ROLES}
    return Office(AgencyId(agency), about.name, home, f"http://127.0.0.1:{port}", tokens)


def _say_who(settings: Path, name: str, broker_address: str) -> None:
    """Put into a node's settings what its papers say: who is responsible, and where the client's pages are."""
    text, said = settings.read_text("utf-8"), f'responsible = "{name}"\nclient_pages = "{broker_address}"'
    settings.write_text(text.replace('responsible = ""', said), "utf-8")


def _token(home: Path, role: str) -> str:
    return command(
        "token", "issue", home, "--staff", f"demo.{role}", "--role", role, "--minutes", TOKEN_MINUTES
    ).strip()


def nats_server() -> str:
    """Find the nats-server `make` has installed, or one on the path; Unavailable when there is none."""
    found = Path("build") / "bin" / "nats-server"
    name = str(found.resolve()) if found.exists() else shutil.which("nats-server")
    if name is None:
        message = "nats-server: not found; `sh deploy/install_nats_server.sh build/bin` fetches it"
        raise Unavailable(message)
    return name
