"""What a node remembers: durable units, numbers without a gap, states that only move on, handles that stay honest."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adapters.node.database import Database, Op, Row
from adapters.node.store import NodeStore
from adapters.node.store.rows import Ending, Handle, Receipt, ReceivedState, from_list, to_list
from adapters.sources.port import LocalRef
from schemas import statements as st
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.ids import AgencyId, ExchangeId, Hash, KeyName, LogId
from tests.support.examples import LOG, NEXT_LOG
from tests.support.inline_database import InlineDatabase
from tests.support.pens import Federation

KEY = KeyName("musterstadt.example/jobcenter/statement-1")
TABLE = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, word TEXT) STRICT;"
Opened = Callable[[Path, str], Database]


@pytest.fixture(params=[Database, InlineDatabase])
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Give a database of one table: the real one, and the one of the tests' virtual time."""
    opened: Opened = request.param
    database = opened(tmp_path / "node.db", TABLE)
    yield database
    await database.close()


def insert(n: int, word: str | None = "word") -> Op:
    """Give a statement that puts a row in."""
    return Op("INSERT INTO t VALUES (?, ?)", (n, word))


async def numbers(database: Database) -> list[int]:
    """Give the numbers in the table."""
    return [row.number("n") for row in await database.read("SELECT n FROM t ORDER BY n")]


# -- the contract of a node's database ------------------------------------------------------------------------------


async def test_a_unit_is_written_whole_or_not_at_all(database: Database) -> None:
    """One statement that breaks a rule undoes its unit and touches no other."""
    good, bad, other = await asyncio.gather(
        database.write(insert(1), insert(2)),
        database.write(insert(3), insert(1)),
        database.write(insert(4)),
        return_exceptions=True,
    )
    assert (good, other) == (None, None)
    assert isinstance(bad, Unavailable)
    assert await numbers(database) == [1, 2, 4]


@pytest.mark.parametrize("value", ["\ud800", 2**63])
async def test_a_value_that_cannot_be_kept_harms_nobody_else(database: Database, value: str | int) -> None:
    """A text or number SQLite cannot take fails its own unit only."""
    bad, good = await asyncio.gather(
        database.write(Op("INSERT INTO t VALUES (9, ?)", (value,))), database.write(insert(1)), return_exceptions=True
    )
    assert isinstance(bad, Unavailable)
    assert good is None
    assert await numbers(database) == [1]


async def test_writes_keep_their_order(database: Database) -> None:
    """What was asked for first is carried out first."""
    await asyncio.gather(
        database.write(insert(1, "first")),
        *(database.write(Op("UPDATE t SET word = ?", (str(n),))) for n in range(300)),
    )
    (row,) = await database.read("SELECT word FROM t")
    assert row.text("word") == "299"


# -- the real one ---------------------------------------------------------------------------------------------------


async def test_what_was_written_survives_and_is_private(tmp_path: Path) -> None:
    """The file is its owner's alone, and opened again it holds what was written."""
    path = tmp_path / "node.db"
    first = Database(path, TABLE)
    await first.write(insert(1))
    await first.close()
    await first.close()
    assert path.stat().st_mode & 0o777 == 0o600
    again = Database(path, TABLE)
    assert await numbers(again) == [1]
    await again.close()


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    """Nobody waits for ever on a database that was closed."""
    database = Database(tmp_path / "node.db", TABLE)
    await database.close()
    with pytest.raises(Unavailable, match="closed"):
        await database.write(insert(1))
    with pytest.raises(Unavailable, match="cannot be read"):
        await database.read("SELECT 1")


async def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    """A folder, or a file of something else, is named and not touched."""
    (tmp_path / "file").write_bytes(b"something else entirely, long enough to be looked at as a header of a database")
    for place in (tmp_path / "file", tmp_path, tmp_path / "no" / "folder"):
        with pytest.raises(Unavailable, match=place.name):
            Database(place, TABLE)


async def test_a_disk_that_fails_fails_everybody_and_then_works_again(tmp_path: Path) -> None:
    """While another holds the file for writing nothing is written; afterwards it is."""
    database = Database(tmp_path / "node.db", TABLE)
    await database.write(Op("PRAGMA busy_timeout=1"))
    holder = sqlite3.connect(tmp_path / "node.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        await database.write(insert(1))
    holder.execute("ROLLBACK")
    holder.close()
    await database.write(insert(2))
    assert await numbers(database) == [2]
    await database.close()


def test_a_row_is_read_as_its_table_says() -> None:
    """A cell of another type than expected is a damaged file, and named by its column."""
    row = Row({"text": "a", "number": 1, "blob": b"b", "none": None})
    assert (row.text("text"), row.number("number"), row.blob("blob"), row.blob("none")) == ("a", 1, b"b", b"")
    assert (row.text_or_none("none"), row.number_or_none("none")) == (None, None)
    assert (row.text_or_none("text"), row.number_or_none("number")) == ("a", 1)
    for read, column in ((row.text, "number"), (row.number, "text"), (row.blob, "text")):
        with pytest.raises(Malformed, match=column):
            read(column)


def test_lists_are_kept_as_text() -> None:
    """Names go into a column and come back; what is no list is a damaged file."""
    assert from_list(to_list(["b", "a"])) == ("b", "a")
    with pytest.raises(Malformed):
        from_list('{"a":1}')


# -- tables ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[NodeStore]:
    """Give an empty node store."""
    store = NodeStore(tmp_path / "node.db", InlineDatabase)
    yield store
    await store.close()


def head_of(n: int, log: LogId = LOG, key: KeyName = KEY) -> st.AgencyHead:
    """Give a statement of a key."""
    return st.AgencyHead(log=log, at=0, key=key, n=n, last=n)


async def test_gaps_are_what_was_neither_kept_nor_voided(store: NodeStore) -> None:
    """Numbers between those kept and those voided, up to the highest of either; each shard counts for itself."""
    outgoing = store.outgoing
    assert (await outgoing.highest(LOG, KEY), await outgoing.gaps(LOG, KEY)) == (0, [])
    await store.write(*(outgoing.keep(head_of(n), b"m") for n in (3, 4, 8)), outgoing.keep(head_of(2, NEXT_LOG), b"m"))
    assert await outgoing.gaps(LOG, KEY) == [(1, 2), (5, 7)]
    await store.write(outgoing.voided(LOG, KEY, 1, 2), outgoing.voided(LOG, KEY, 5, 12))
    assert (await outgoing.highest(LOG, KEY), await outgoing.gaps(LOG, KEY)) == (12, [])
    assert (await outgoing.highest(NEXT_LOG, KEY), await outgoing.gaps(NEXT_LOG, KEY)) == (2, [(1, 1)])
    assert await outgoing.gaps(LOG, KeyName("musterstadt.example/jobcenter/dpo-1")) == []


async def test_a_number_is_kept_once(store: NodeStore) -> None:
    """Other bytes under a number that was used are refused by the file itself."""
    await store.write(store.outgoing.keep(head_of(1), b"first"))
    with pytest.raises(Unavailable):
        await store.write(store.outgoing.keep(head_of(1), b"second"))
    assert await store.outgoing.pending() == [b"first"]


async def test_what_an_earlier_version_kept_is_of_the_first_shard(store: NodeStore) -> None:
    """Before there were shards a key stood alone in the tables; it is given the origin of the first one, once."""
    old = Op("INSERT INTO outbox (key, n, message, state) VALUES (?, 5, ?, 'pending')", (KEY, b"m"))
    voided = Op("INSERT INTO voided VALUES (?, 1, 4)", (KEY,))
    await store.write(old, voided)
    for log in (LOG, NEXT_LOG):
        await store.write(*store.outgoing.adopt(log))
    assert (await store.outgoing.highest(LOG, KEY), await store.outgoing.gaps(LOG, KEY)) == (5, [])
    assert await store.outgoing.highest(NEXT_LOG, KEY) == 0


async def received(store: NodeStore, state: ReceivedState = ReceivedState.SENDING) -> ExchangeId:
    """Put a request to this agency in, with a sealed record on its way."""
    exchange = ExchangeId("e" * 32)
    await store.write(
        Op(
            "INSERT INTO received (exchange, at, requester, purpose, fields, basis, answer_by, grant_entry,"
            " grant_proof, state, why, sealed)"
            " VALUES (?, 1, 'jobcenter', 'Z16@1', '[]', 'b', 100, x'', x'', ?, '', x'01')",
            (exchange, state),
        )
    )
    return exchange


async def test_what_has_ended_stays_as_it_ended(store: NodeStore) -> None:
    """A disclosure is not made undone by a later answer of the log, and its bytes stay until acknowledged."""
    exchange = await received(store)
    receipt = Receipt(b"entry", b"proof")
    await store.write(store.received.ended(exchange, ReceivedState.DISCLOSED, receipt, 5, 10))
    await store.write(
        store.received.ended(exchange, ReceivedState.WITHHELD, Receipt(b"other", b""), 6, None),
        store.received.wait(exchange, "too late"),
        store.received.sending(exchange, None, None, b"other"),
    )
    row = await store.received.get(exchange)
    assert (row.state, row.outcome, row.sealed, row.ended_at) == (ReceivedState.DISCLOSED, receipt, b"\x01", 5)
    assert await store.received.next_due() == 10
    await store.write(*store.received.acknowledged([exchange], AgencyId("beratung")))
    assert (await store.received.get(exchange)).state is ReceivedState.DISCLOSED
    await store.write(*store.received.acknowledged([exchange], AgencyId("jobcenter")))
    row = await store.received.get(exchange)
    assert (row.state, row.sealed, await store.received.next_due()) == (ReceivedState.DONE, b"", None)
    await store.write(store.received.again(exchange, 20), store.received.hand_over_at(exchange, 20))
    assert await store.received.due(30) == []


async def test_handing_over_ends_with_the_sealed_bytes(store: NodeStore) -> None:
    """When it is given up, the record's bytes go; only what may still be handed over is hastened."""
    exchange = await received(store)
    await store.write(store.received.ended(exchange, ReceivedState.DISCLOSED, Receipt(b"e", b"p"), 5, 1000))
    await store.write(store.received.hasten(50))
    assert [row.exchange for row in await store.received.due(50)] == [exchange]
    await store.write(store.received.again(exchange, 2000))
    assert ((await store.received.get(exchange)).tries, await store.received.next_due()) == (1, 2000)
    await store.write(store.received.again(exchange, None))
    assert ((await store.received.get(exchange)).sealed, await store.received.next_due()) == (b"", None)


async def test_unknown_ids_are_told_as_such(store: NodeStore) -> None:
    """Asking for what never was is a misuse, not a fault."""
    with pytest.raises(Misuse):
        await store.asked.get(ExchangeId("0" * 32))
    with pytest.raises(Misuse):
        await store.received.get(ExchangeId("0" * 32))


HANDLE, OTHER = Hash("a" * 64), Hash("b" * 64)
JOBCENTER = AgencyId("jobcenter")


async def test_a_handle_stands_for_one_row_of_one_requester(store: NodeStore) -> None:
    """A handle offered again for another row, or by another agency, is not bound to the new basis."""
    await store.write(*store.bases.keep_handle(HANDLE, JOBCENTER, LocalRef("1"), "first"))
    await store.write(
        *store.bases.keep_handle(HANDLE, JOBCENTER, LocalRef("2"), "second"),
        *store.bases.keep_handle(HANDLE, AgencyId("beratung"), LocalRef("1"), "third"),
        *store.bases.keep_handle(HANDLE, JOBCENTER, LocalRef("1"), "fourth"),
    )
    expected = Handle(JOBCENTER, LocalRef("1"), frozenset({"first", "fourth"}))
    assert await store.bases.handles() == {HANDLE: expected}


async def test_a_handle_goes_with_its_last_basis(store: NodeStore) -> None:
    """A withdrawal ends what was bound under it, and nothing else."""
    await store.write(
        *store.bases.keep_handle(HANDLE, JOBCENTER, LocalRef("1"), "first"),
        *store.bases.keep_handle(HANDLE, JOBCENTER, LocalRef("1"), "second"),
        *store.bases.keep_handle(OTHER, JOBCENTER, LocalRef("2"), "first"),
    )
    await store.write(*store.bases.ended("first", Ending("withdrawn")))
    assert await store.bases.handles() == {HANDLE: Handle(JOBCENTER, LocalRef("1"), frozenset({"second"}))}


async def test_a_consent_row_must_hold_a_consent(store: NodeStore) -> None:
    """A row with another statement in it is a damaged file."""
    text = st.statement_text(Federation().agency_head("jobcenter"))
    await store.write(
        Op("INSERT INTO consent (id, side, statement, package, state) VALUES ('c', 'both', ?, '', 'given')", (text,))
    )
    with pytest.raises(Malformed):
        await store.bases.consents()
