"""The broker as a process: killed under load, ended in order, asked over HTTP, and started on what is wrong."""

import asyncio
import hashlib
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from adapters.infra.clock import SystemClock
from adapters.infra.key_files import create_signer
from broker.main import check
from handschlag.federation_folder import FederationFolder
from handschlag.founding import Plan, found
from handschlag.registry_folder import shipped_bundle
from schemas import canonical
from schemas import messages as ms
from schemas.errors import Code, HandschlagError, Malformed
from schemas.ids import FederationName
from schemas.topics import ask
from tests.support.broker_load import AT_ONCE, PATIENCE_S, Load, broken_promises, now_ms
from tests.support.real_federation import NAME, RealFederation, command, record

KILLS = 3
ENOUGH = 40
"""Answers to wait for before the broker is killed."""
TOKEN = "an auditor's token of this test"  # noqa: S105 - opens nothing but a folder that is gone after the test


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[RealFederation]:
    """Give a federation with everything running and no member yet."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        await federation.start_broker()
        yield federation


async def test_a_broker_killed_under_load_loses_nothing_it_answered(federation: RealFederation) -> None:
    """Killed several times in mid-work: what was answered stands, repeats get the same entry, and replay is clean."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    load = Load(agency, bus)
    for _ in range(KILLS):
        assert federation.broker is not None
        await load.until_killed(federation.broker, ENOUGH)
        await federation.start_broker()
        assert not await load.repeat()
    await bus.close()
    assert federation.broker is not None
    assert await federation.broker.end() == 0
    assert not await broken_promises(federation, load)
    assert len(load.answered) == sum(agency.numbers.values())


async def test_a_broker_told_to_stop_finishes_what_it_began(federation: RealFederation) -> None:
    """Each statement sent before the signal is answered, the exit code is 0, and the last line says it ended."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    calls = [asyncio.create_task(record(bus, agency.head(now_ms()))) for _ in range(AT_ONCE)]
    await calls[0]
    assert federation.broker is not None
    assert await federation.broker.end() == 0
    await asyncio.gather(*calls)
    assert federation.events("broker ended")
    await bus.close()


async def test_the_pages_tell_the_truth(federation: RealFederation) -> None:
    """Health, numbers and the log's files come from the running broker; entries need an auditor's token."""
    agency = await federation.admit("jobcenter", "jobcenter")
    assert federation.broker is not None
    await federation.broker.end()
    settings = federation.folder / "broker" / "broker.toml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    settings.write_text(settings.read_text().replace("auditors = []", f'auditors = ["{digest}"]'))
    await federation.start_broker()
    bus = await agency.connect()
    await record(bus, agency.head(now_ms()))
    await bus.close()
    address = f"http://127.0.0.1:{federation.http_port}"
    async with httpx.AsyncClient(base_url=address) as client:
        health = await client.get("/health")
        assert (health.status_code, health.json()["serves"], health.json()["cosigned_age_s"]) == (200, True, None)
        metrics = (await client.get("/metrics")).text
        assert 'handschlag_broker_answers_total{type="logged"} 1\n' in metrics
        assert "handschlag_broker_log_entries 8\n" in metrics
        assert "jobcenter" not in metrics
        assert (await client.get("/log/tile/entries/000.p/8")).status_code == 401
        assert federation.nats is not None
        await federation.nats.end(signal.SIGKILL)
        await federation.broker.says("NATS disconnected")
        down = await client.get("/health")
        assert (down.status_code, down.json()["nats_connected"]) == (503, False)
    token = federation.folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    audited = await command("ledger", "replay", f"{address}/log", "--token-file", token)
    assert audited.exit_code == 0, audited.output


async def test_a_copy_made_under_load_is_a_whole_ledger_from_which_a_broker_starts(federation: RealFederation) -> None:
    """What was answered before the copy is in it, it verifies, and where nobody saw more the log goes on from it."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    await record(bus, agency.head(now_ms()))
    calls = [asyncio.create_task(record(bus, agency.head(now_ms()))) for _ in range(AT_ONCE)]
    place, copy = federation.folder / "broker", federation.folder.parent / "copy"
    copied = await command("broker", "copy", place, copy)
    assert copied.exit_code == 0, copied.output
    await asyncio.gather(*calls)
    assert federation.broker is not None
    await federation.broker.end()
    pins = ("--pins", federation.folder / "federation.toml")
    verified = await command("ledger", "verify", copy / "ledger", *pins)
    assert verified.exit_code == 0, verified.output
    shutil.rmtree(place)
    copy.rename(place)
    await federation.start_broker()
    assert int(federation.events("broker ready")[-1]["size"]) >= 8
    await bus.close()


async def test_a_second_writer_ends_the_process_with_one_line(federation: RealFederation) -> None:
    """Who finds the log's lock changed under it stops at once, says so in one line, and answers nothing more."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    lock = sqlite3.connect(federation.folder / "broker" / "ledger" / "lock.db")
    lock.execute("UPDATE lock SET note = replace(note, char(10) || '7' || char(10), char(10) || '9' || char(10))")
    lock.commit()
    lock.close()
    reply = await bus.call(ask("record"), ms.pack(ms.AskRecord(agency.head(now_ms()))), timeout_s=PATIENCE_S)
    assert canonical.decode_model(ms.Fault, ms.unpack(reply, ms.Failed).fault).code is Code.UNAVAILABLE
    assert federation.broker is not None
    assert await federation.broker.ended() == 1
    said = [line for line in federation.broker.lines if line.startswith("handschlag: ")]
    assert len(said) == 1
    assert "another sequencer" in said[0]
    await bus.close()


def _lines(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    path.write_text(path.read_text().replace(old, new))


def _other_key(folder: Path) -> None:
    (folder / "keys" / "log.key").unlink()
    (folder / "keys" / "log.key.pub").unlink()
    create_signer(folder / "keys" / "log.key", f"{NAME}/log/other")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no settings": (lambda folder: (folder / "broker.toml").unlink(), r"broker\.toml: cannot be read"),
    "no TOML": (lambda folder: _lines(folder, "broker.toml", "[nats]", "[nats"), r"broker\.toml: .*line"),
    "unknown key": (
        lambda folder: _lines(folder, "broker.toml", 'ca = "', 'cat = "'),
        r"broker\.toml:\d+: nats\.cat: Extra inputs are not permitted",
    ),
    "another federation's log": (
        lambda folder: _lines(folder, "broker.toml", f'log = "{NAME}', 'log = "andere.example'),
        r"broker\.toml:\d+: log: must begin with musterstadt\.example/log/",
    ),
    "a broken vkey": (
        lambda folder: _lines(folder, "broker.toml", "steward-1+", "steward-1+0"),
        r"broker\.toml:\d+: steering: vkey: must be",
    ),
    "no log key": (lambda folder: (folder / "keys" / "log.key").unlink(), r"log\.key: cannot be read"),
    "a log key others may read": (
        lambda folder: (folder / "keys" / "log.key").chmod(0o644),
        r"log\.key: holds a secret, and group or others have rights",
    ),
    "another log's key": (_other_key, r"log\.key: is the key of .*/log/other, the log is"),
    "no registry": (lambda folder: shutil.rmtree(folder / "registry"), r"registry: cannot be read"),
    "a changed bundle": (
        lambda folder: next((folder / "registry").iterdir()).write_bytes(b"{}"),
        r"\.json: a registry bundle is named by the SHA-256",
    ),
    "no genesis": (lambda folder: shutil.rmtree(folder / "genesis"), r"genesis: there is no such folder"),
    "a changed note": (
        lambda folder: _lines(folder, "genesis/0002-registry.set.note", '"registry":"', '"registry":"0'),
        r"0002-registry\.set\.note: ",
    ),
    "no login": (lambda folder: (folder / "nats" / "user.jwt").unlink(), r"user\.jwt: cannot be read"),
    "no certificate": (
        lambda folder: (folder / "nats" / "client.pem").write_text("nothing"),
        r"client\.pem.*: not PEM, or key and certificate",
    ),
    "a TLS key others may read": (
        lambda folder: (folder / "nats" / "client.key").chmod(0o644),
        r"client\.key: holds a secret, and group or others have rights",
    ),
    "no seed": (lambda folder: (folder / "nats" / "user.key").unlink(), r"user\.key: cannot be read"),
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Found a federation once; the tests below spoil copies of its broker's folder."""
    folder = tmp_path_factory.mktemp("founded") / "federation"
    found(FederationFolder(folder, SystemClock()), Plan(FederationName(NAME), "127.0.0.1", 4222, shipped_bundle()))
    return folder / "broker"


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_the_folder_is_named_in_one_line(founded: Path, tmp_path: Path, what: str) -> None:
    """Whatever file or key is missing or wrong, the error is one line that names it and the rule."""
    folder = tmp_path / "broker"
    shutil.copytree(founded, folder)
    spoil, says = WRONG[what]
    spoil(folder)
    with pytest.raises(HandschlagError, match=says) as caught:
        check(folder)
    assert "\n" not in str(caught.value)


async def test_a_sound_folder_is_said_to_be_sound(founded: Path) -> None:
    """`broker check` shows what it found, and needs neither NATS nor a ledger."""
    result = await command("broker", "check", founded)
    assert result.exit_code == 0
    assert "0 entries" in result.output
    assert "2 notes" in result.output
    assert "in order" in result.output


async def test_a_policy_that_cannot_be_read_is_named(founded: Path, tmp_path: Path) -> None:
    """The witness policy is a file of its own; what is wrong in it is told with file and line."""
    folder = tmp_path / "broker"
    shutil.copytree(founded, folder)
    _lines(folder, "broker.toml", "[witnesses]", '[witnesses]\npolicy = "witnesses.policy"')
    (folder / "witnesses.policy").write_text("quorum nobody\n")
    result = await command("broker", "check", folder)
    assert isinstance(result.exception, Malformed)
    assert "witnesses.policy: policy, line 1" in str(result.exception)
