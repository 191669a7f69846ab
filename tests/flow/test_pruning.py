"""Entries of a closed shard go when their time is over, and only then; hashes stay, and receipts hold."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.log_files import LogFiles
from broker.own_entries import OwnEntries
from broker.pruner import Pruner
from consent_ledger import pruning
from consent_ledger.core.decision import NotLogged
from consent_ledger.core.findings import Verdict
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.merkle import leaf_hash, root_of
from consent_ledger.core.pins_file import write_pins
from consent_ledger.core.shard import RETENTION_MS
from consent_ledger.core.state_bundle import dump_state, load_state
from consent_ledger.earlier import AllEntries, Earlier
from consent_ledger.pruning import prune, to_prune
from consent_ledger.sqlite_files import shard_path
from consent_ledger.store import ShardReader, ShardStore
from schemas import statements as st
from schemas.entries import Recorded, encode_entry
from schemas.errors import Code, Pruned, Unavailable
from schemas.ids import AgencyId, Hash, LogId
from tests.support.audited_log import note_of
from tests.support.auditor import log, run, write, write_federation
from tests.support.ledger_world import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.pens import DAY, LOG, PINS, changed
from tests.support.two_shards import Shards, told_on, write_shards

pytestmark = pytest.mark.slow  # whole logs and folders

SOUND, TAMPERED, INCOMPLETE, UNREADABLE = Verdict


def root(ledger: Ledger) -> Hash:
    """Give the root of all that a shard holds."""
    return Hash(root_of(map(leaf_hash, ledger.leaves)).hex())


def later(days: int) -> Shards:
    """Give both shards so many days after the first was closed, with a consent of the first still in force."""
    shards = told_on()
    shards.second.clock.ms += days * DAY
    return shards


def pruned(shards: Shards) -> st.ShardPruned:
    """Give the statement that lets the first shard's entries go."""
    return shards.second.pruning(LOG, len(shards.first.leaves), root(shards.first))


def refused(shards: Shards, **changes: object) -> str:
    """Have a pruning refused; give why."""
    ledger = shards.second
    seq, prev = ledger.seq, ledger.prev
    decided = ledger.submit(changed(pruned(shards), **changes))
    ledger.seq, ledger.prev = seq, prev
    assert isinstance(decided, NotLogged), decided
    assert decided.code is Code.MALFORMED
    return decided.detail


def on_disk(tmp_path: Path, days: int = 160, *, forced: bool = False) -> tuple[Path, Shards]:
    """Write both shards as SQLite files, the second with the pruning of the first in it."""
    shards = later(days)
    if not forced:
        shards.second.write(pruned(shards))
    for agency in ("amt", "beratung", "jobcenter", "kurse", "stadtplan"):
        shards.second.write(shards.second.agency_head(agency))
    folder = write_shards(tmp_path)
    with ShardStore(folder, shards.second.log) as store:
        log(store, tuple(shards.second.leaves[store.size :]))
        note = note_of(shards.second.leaves, origin=shards.second.log, at_ms=shards.second.clock.ms)
        store.put_checkpoint(note)
    return folder, shards


def take_out(folder: Path, shards: Shards) -> int:
    """Prune what the log says may go."""
    return sum(prune(folder, shard, in_force) for shard, in_force in to_prune(shards.second.state))


def audited(tmp_path: Path, source: Path, command: str = "replay", *words: str) -> tuple[int, str]:
    """Audit; give the exit code and the report."""
    report = tmp_path / "report.json"
    result = run(command, source, "--pins", write_federation(tmp_path), "--json", report, *words)
    return result.exit_code, report.read_text("utf-8")


# -- what may be pruned -----------------------------------------------------------------------------------------------


def test_a_shard_is_pruned_five_months_after_its_end() -> None:
    """A day too early it is refused, then allowed, and a second time it changes nothing."""
    assert RETENTION_MS == 153 * DAY
    assert "may be pruned from" in refused(later(152))
    shards = later(154)
    assert shards.second.write(pruned(shards)).kind == "pruned"
    assert "was pruned before" in refused(shards)
    assert shards.second.state.shards[LOG].pruned == root(shards.first)
    assert load_state(dump_state(shards.second.state)).shards == shards.second.state.shards


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"shard": "musterstadt.example/log/2026-12"}, "is none that was closed"),
        ({"shard": "musterstadt.example/log/2026-01"}, "is none that was closed"),
        ({"size": 3}, "is pruned as a whole"),
    ],
)
def test_what_is_not_pruned(changes: dict[str, object], rule: str) -> None:
    """The open shard, one that never was, and a part of one stay as they are."""
    assert rule in refused(later(154), **changes)


def test_what_is_over_is_forgotten_and_what_is_in_force_stays() -> None:
    """A consent that lasts longer than the retention is used still; one that is over, and its code, open nothing."""
    shards = later(0)
    lasting = shards.second.consented(expires=shards.second.clock.ms + 400 * DAY, view="a" * 64)
    short = shards.second.consented()
    third = shards.second.following("2027-01")
    third.clock.ms += 160 * DAY
    codes = {third.state.evidence[one.consent].view for one in (lasting, short)}
    assert codes <= third.state.views.keys()
    third.write(third.pruning(shards.second.log, len(shards.second.leaves), root(shards.second)))
    assert lasting.consent in third.state.evidence
    assert short.consent not in third.state.evidence
    assert codes & third.state.views.keys() == {third.state.evidence[lasting.consent].view}


def test_a_pruning_of_what_is_unknown_changes_no_state() -> None:
    """An entry that nobody may write lets nothing go: folding it as it stands is harmless."""
    shards = later(1)
    before = shards.second.state.shards.copy()
    statement = changed(pruned(shards), shard=LogId("musterstadt.example/log/2026-01"))
    entry = Recorded(time=shards.second.clock.ms, statement=shards.second.sign(statement).decode())
    shards.second.state.apply(b"", entry, statement)
    assert shards.second.state.shards == before


# -- what is left -----------------------------------------------------------------------------------------------------


def test_entries_are_gone_and_their_hashes_are_there(tmp_path: Path) -> None:
    """No byte of an exchange is left in any file; members, keys, law and approvals are, and every proof can be made."""
    folder, shards = on_disk(tmp_path)
    index = next(index for index, raw in enumerate(shards.first.leaves) if b"exchange.granted" in raw)
    exchange = json.loads(json.loads(shards.first.leaves[index].split(b"\n")[1])["statement"].split("\n")[1])[
        "exchange"
    ]
    files = [path for path in folder.iterdir() if path.name.startswith("shard-2026-11")]
    assert any(exchange.encode() in path.read_bytes() for path in files)
    assert take_out(folder, shards) > 20
    files = [path for path in folder.iterdir() if path.name.startswith("shard-2026-11")]
    assert not any(exchange.encode() in path.read_bytes() for path in files)
    with ShardReader(folder, LOG) as reader:
        assert reader.pruned
        assert reader.size == len(shards.first.leaves)
        assert {raw.split(b"/")[2] for _, raw in reader.kept(0, reader.size)} == {
            *(b"shard.opened", b"shard.closed", b"registry.set", b"member.admitted", b"key.added"),
            *(b"approval.given", b"catalogue.set"),
        }
        with pytest.raises(Pruned, match="hashes are still there"):
            reader.entry(index)
        assert len(reader.inclusion_proof(index, reader.size)) > 3
        earlier = Earlier.of(folder, shards.second.state)
        everything = AllEntries(earlier, MemoryStore(shards.second.log))
        with pytest.raises(Pruned):
            everything.entry(index)
        assert earlier.oldest == len(shards.first.leaves)
        earlier.close()
    assert take_out(folder, shards) == 0
    with closing(sqlite3.connect(shard_path(folder, LOG))) as file, pytest.raises(sqlite3.IntegrityError):
        file.execute("DELETE FROM entry")


async def test_an_officer_is_given_no_entry_that_is_gone(tmp_path: Path) -> None:
    """It is as if there were none; what follows is given as before."""
    folder, shards = on_disk(tmp_path)
    take_out(folder, shards)
    gone = next(index for index, raw in enumerate(shards.first.leaves) if b"exchange.granted" in raw)
    with (
        ShardReader(folder, shards.second.log) as newest,
        closing(Earlier.of(folder, shards.second.state)) as earlier,
        closing(LogFiles(newest, lambda: newest.size, earlier)) as files,
    ):
        own = OwnEntries(files, newest.last_checkpoint, lambda *_: True)
        assert await own.receipt(AgencyId("jobcenter"), gone) is None
        kept = await own.receipt(AgencyId("jobcenter"), len(shards.first.leaves))
    assert kept is not None
    assert kept.entry == shards.second.leaves[0]


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_a_pruned_log_is_sound_and_says_so(tmp_path: Path, command: str) -> None:
    """Read from the broker's files or an export, the pruned range is named, and the rest replays from the state."""
    folder, shards = on_disk(tmp_path)
    take_out(folder, shards)
    assert run("export", tmp_path / "out", "--source", folder, "--pins", tmp_path / "federation.toml").exit_code == 0
    for source in (folder, tmp_path / "out"):
        code, report = audited(tmp_path, source, command)
        assert code == SOUND, report
        assert f"entries 0 to {len(shards.first.leaves) - 1} are gone, as the log allows" in report
        rows = run("show", source, "--format", "json").output
        assert json.loads(rows)[0]["index"] == len(shards.first.leaves)
    assert not list((tmp_path / "out" / "shards" / "2026-11" / "tile").glob("entries/*"))


def test_a_receipt_from_before_still_proves(tmp_path: Path) -> None:
    """The proof that an agency kept needs nothing of what was pruned."""
    folder, shards = on_disk(tmp_path)
    receipt = tmp_path / "old.tlog-proof"
    assert run("show", folder, "--origin", LOG, "--index", 45, "--receipt", receipt).exit_code == 0
    take_out(folder, shards)
    run("export", tmp_path / "out", "--source", folder, "--pins", tmp_path / "federation.toml")
    pins = tmp_path / "out" / "shards" / "2026-11" / "pins.toml"
    result = run("prove", receipt, "--pins", pins)
    assert (result.exit_code, "Proven: " in result.output) == (0, True), result.output


def test_entries_that_went_without_an_entry_are_found(tmp_path: Path) -> None:
    """Row 21: who takes entries out without a pruning in the log is found, from the files and from an export."""
    folder, shards = on_disk(tmp_path, forced=True)
    prune(folder, shards.second.state.shards[LOG], ())
    run("export", tmp_path / "out", "--source", folder, "--pins", tmp_path / "federation.toml")
    for source in (folder, tmp_path / "out"):
        code, report = audited(tmp_path, source)
        assert (code, "no entry of the log lets them go" in report) == (TAMPERED, True)


def test_a_pruning_before_its_time_is_found(tmp_path: Path) -> None:
    """Row 21: a pruning that was put into the log too early is a decision that nobody could make."""
    shards = later(3)
    note = shards.second.sign(pruned(shards)).decode()
    shards.second.leaves.append(encode_entry("pruned", Recorded(time=shards.second.clock.ms, statement=note)))
    source = write(tmp_path / "export", shards.files())
    code, report = audited(tmp_path, source)
    assert (code, "may be pruned from" in report) == (TAMPERED, True)


def test_another_tree_than_the_one_that_was_let_go_is_found(tmp_path: Path) -> None:
    """Row 21: what is left of a pruned shard must be the very tree the steering group signed for."""
    shards = later(160)
    shards.second.write(changed(pruned(shards), root=Hash("0" * 64)))
    files = {path: content for path, content in shards.files().items() if "2026-11/tile/entries" not in path}
    files["shards/2026-11/pins.toml"] = _pins(shards)
    code, report = audited(tmp_path, write(tmp_path / "export", files))
    assert (code, "those of another tree go" in report) == (TAMPERED, True)


def _pins(shards: Shards) -> bytes:
    openings = [read_leaf(one.leaves[0]).entry.statement for one in (shards.second, shards.first)]
    return write_pins(PINS, tuple(openings)).encode()


def test_a_hash_tile_of_a_pruned_shard_is_still_asked_for(tmp_path: Path) -> None:
    """Row 21: of a pruned shard no tile may be missing or changed, the partial ones neither."""
    folder, shards = on_disk(tmp_path)
    take_out(folder, shards)
    run("export", tmp_path / "out", "--source", folder, "--pins", tmp_path / "federation.toml")
    (tile,) = (tmp_path / "out" / "shards" / "2026-11" / "tile" / "0").glob("000.p/*")
    content = tile.read_bytes()
    tile.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert audited(tmp_path, tmp_path / "out")[0] == TAMPERED
    tile.unlink()
    assert audited(tmp_path, tmp_path / "out")[0] == INCOMPLETE


def test_a_pruned_shard_alone(tmp_path: Path) -> None:
    """Of a pruned shard by itself nobody can tell whether its entries were allowed to go."""
    folder, shards = on_disk(tmp_path)
    take_out(folder, shards)
    code, report = audited(tmp_path, folder, "replay", "--origin", LOG)
    assert (code, "a later shard would tell" in report) == (INCOMPLETE, True)


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_crash_between_the_entry_and_the_file_costs_nothing(tmp_path: Path) -> None:
    """Allowed to go and still there: the log is sound, and the next start finishes it."""
    folder, shards = on_disk(tmp_path)
    assert audited(tmp_path, folder)[0] == SOUND
    assert take_out(folder, shards) > 0
    assert audited(tmp_path, folder)[0] == SOUND


def test_a_crash_within_the_file_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended before its transaction all is there; ended before the file was written anew the same call does that."""
    folder, shards = on_disk(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(pruning, "NEVER_DELETED", "no SQL at all")
        with pytest.raises(Unavailable):
            take_out(folder, shards)
    with ShardReader(folder, LOG) as reader:
        assert (reader.pruned, len(list(reader.entries(0, reader.size)))) == (False, len(shards.first.leaves))
    path = shard_path(folder, LOG)
    with closing(sqlite3.connect(path)) as busy:
        busy.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(pruning, "BUSY_S", 0.01)
        with pytest.raises(Unavailable, match="locked"):
            take_out(folder, shards)
    assert take_out(folder, shards) > 0


async def test_the_broker_prunes_what_the_log_allows(tmp_path: Path) -> None:
    """At its start it finishes what is left; what fails is told, and is no reason to stop."""
    folder, shards = on_disk(tmp_path)
    told: asyncio.Queue[tuple[object, object]] = asyncio.Queue()

    async def once(place: Path) -> tuple[object, object]:
        """Start a broker's pruning in a folder, and give what it tells first."""
        tell = lambda what, more: told.put_nowait((what, more))  # noqa: E731 - it serves for both
        async with Pruner(place, shards.second.state, tell, tell).running():
            return await asyncio.wait_for(told.get(), 10)

    what, gone = await once(folder)
    assert (what, isinstance(gone, int) and gone > 20) == (LOG, True)
    assert await once(folder) == (LOG, 0)
    assert await once(tmp_path / "nowhere") == ("prune", Code.UNAVAILABLE)
