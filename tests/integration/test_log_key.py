"""A log whose key is lost goes on: a real broker is ended, its key deleted, two steering keys open the next shard."""

import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.infra.clock import SystemClock
from consent_ledger.shards import STATES
from consent_ledger.sqlite_files import shard_path
from handschlag.federation_folder import FederationFolder
from handschlag.steering_session import steering_session
from schemas import messages as ms
from schemas.ids import LogId
from schemas.topics import ask
from tests.support.real_federation import NAME, Agency, RealFederation, command, record

NOW_MS = SystemClock().now_ms()
NEXT = LogId(f"{NAME}/log/next")
SOUND, TAMPERED, WRONG = 0, 1, 3


@pytest.fixture
async def federation(tmp_path: Path) -> AsyncIterator[RealFederation]:
    """Give a federation with everything running and no member yet."""
    async with RealFederation.made(tmp_path / "federation") as federation:
        await federation.start_broker()
        yield federation


async def _rekey(federation: RealFederation, name: str = "next") -> tuple[int, str]:
    result = await command("ledger", "rekey", federation.folder, "--next", name)
    return result.exit_code, result.output


async def _lose(federation: RealFederation) -> None:
    """Kill the broker, and delete the key of its log."""
    assert federation.broker is not None
    await federation.broker.end(signal.SIGKILL)
    for name in ("log.key", "log.key.pub"):
        (federation.folder / "broker" / "keys" / name).unlink()


async def _receipt(agency: Agency) -> ms.Logged:
    bus = await agency.connect()
    logged = await record(bus, agency.head(NOW_MS))
    await bus.close()
    return logged


async def test_a_log_without_its_key_goes_on(federation: RealFederation, tmp_path: Path) -> None:
    """What was in force stays so, repeats and old receipts hold, and the whole log replays from an export."""
    agency = await federation.admit("jobcenter", "jobcenter")
    bus = await agency.connect()
    said = agency.head(NOW_MS)
    old = await record(bus, said)
    code, output = await _rekey(federation)
    assert (code, "another process holds it" in output) == (WRONG, True), output
    await _lose(federation)
    ledger = federation.folder / "broker" / "ledger"
    before = sorted(path.name for path in ledger.glob("*.db"))
    code, output = await _rekey(federation)
    assert (code, f"it goes on as {NEXT}" in output) == (SOUND, True), output
    assert await _rekey(federation) == (code, output)
    assert sorted(path.name for path in ledger.glob("*.db")) == before
    await federation.start_broker()
    repeated = ms.unpack(await bus.call(ask("record"), ms.pack(ms.AskRecord(said)), timeout_s=5), ms.Logged, ms.Failed)
    assert isinstance(repeated, ms.Logged)
    assert repeated.entry == old.entry
    origin, agency.log, agency.numbers = agency.log, NEXT, {}
    logged = await record(bus, agency.head(NOW_MS))
    assert f"\n{NEXT}\n2\n".encode() in logged.proof
    await bus.close()
    async with steering_session(FederationFolder(federation.folder, SystemClock())) as session:
        assert (session.state.log, list(session.state.members)) == (NEXT, ["jobcenter"])
        assert session.view.prove(old.entry, old.proof).leaf.raw == old.entry
    assert (await federation.admit("auslaenderamt", "auslaenderbehoerde")).log == NEXT
    await _sound(federation, tmp_path, origin)


async def _sound(federation: RealFederation, folder: Path, ended: LogId) -> None:
    """Audit the files and an export of them: two shards that are sound together, and the old one alone."""
    pins, ledger = federation.folder / "federation.toml", federation.folder / "broker" / "ledger"
    (folder / "policy").write_text("quorum none\n")  # no node runs here, and nobody cosigns
    options = ("--pins", pins, "--policy", folder / "policy")
    done = await command("ledger", "export", folder / "export", "--source", ledger, *options)
    assert done.exit_code == SOUND, done.output
    old = folder / "export" / "shards" / ended.rpartition("/")[2]
    for verb in ("verify", "replay"):
        for source, shards in ((ledger, 2), (folder / "export", 2), (old, 1)):
            result = await command("ledger", verb, source, *options)
            assert (result.exit_code, result.output.count("Sound: ")) == (SOUND, shards), result.output
    for place in (folder / "export", old):
        receipt = folder / "receipt.tlog-proof"
        await command("ledger", "show", place, "--index", "1", "--receipt", receipt, "--format", "csv")
        proved = await command("ledger", "prove", receipt, "--pins", place / "pins.toml")
        assert proved.exit_code == SOUND, proved.output
    shown = await command("ledger", "show", folder / "export", "--format", "csv")
    assert "log.key" in shown.output


async def test_what_ends_no_shard(federation: RealFederation) -> None:
    """A name that none can have or that was used, and a shard that is not sound."""
    await federation.admit("jobcenter", "jobcenter")
    first = LogId(federation.events("broker ready")[0]["origin"])
    await _lose(federation)
    place = federation.folder / "broker"
    before = {path for path in place.rglob("*") if path.suffix != ".lock"}
    assert "is no name of a shard" in (await _rekey(federation, "no/shard"))[1]
    assert "there was not yet" in (await _rekey(federation, first.rpartition("/")[2]))[1]
    with closing(sqlite3.connect(shard_path(place / "ledger", first))) as shard, shard:
        shard.execute("DROP TRIGGER entry_is_not_changed")
        changed = "CAST(replace(CAST(leaf AS TEXT), 'jobcenter', 'jobcentre') AS BLOB)"
        shard.execute(f"UPDATE entry SET leaf = {changed} WHERE idx = 3")  # noqa: S608 - the words stand above
    code, output = await _rekey(federation)
    assert (code, f"{first}, entry 3, " in output) == (WRONG, True), output
    for path in {path for path in place.rglob("*") if path.suffix != ".lock"} - before:
        path.unlink()
    assert not (place / "ledger" / STATES).exists()


async def test_a_broker_that_lost_the_way_does_not_fork(federation: RealFederation) -> None:
    """Without the note of log.key it would go on in the old shard, whose key a thief left there: it does not start."""
    assert federation.broker is not None
    await federation.broker.end()
    assert (await _rekey(federation))[0] == SOUND
    assert "is not open yet; start the broker first" in (await _rekey(federation, "another"))[1]
    await federation.start_broker()
    assert federation.events("broker ready")[-1]["origin"] == NEXT
    await federation.broker.end()
    (note,) = (federation.folder / "broker" / "ledger").glob("*.log-key.note")
    kept = note.read_bytes()
    note.unlink()
    result = await command("broker", "run", federation.folder / "broker")
    assert f"no shard leads to {NEXT}" in str(result.exception)
    one_signature = kept[: kept.rindex("\u2014".encode())]
    for content, rule in ((one_signature, "2 different steering keys"), (kept[:-20], "does not end in a newline")):
        note.write_bytes(content)
        result = await command("broker", "check", federation.folder / "broker")
        assert rule in str(result.exception)
    note.write_bytes(kept)
    await federation.start_broker()
    assert federation.events("broker ready")[-1]["origin"] == NEXT


async def test_a_shard_that_log_key_opened_is_ended_by_another(federation: RealFederation) -> None:
    """The way out is there as often as it is needed, and the whole log is one."""
    for name in ("next", "third"):
        assert federation.broker is not None
        await federation.broker.end()
        assert (await _rekey(federation, name))[0] == SOUND
        await federation.start_broker()
        assert federation.events("broker ready")[-1]["origin"] == f"{NAME}/log/{name}"
    source = federation.folder / "broker" / "ledger"
    result = await command("ledger", "replay", source, "--pins", federation.folder / "federation.toml")
    assert (result.exit_code, result.output.count("Sound: ")) == (SOUND, 3), result.output
