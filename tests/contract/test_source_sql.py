"""What a database as a source promises beyond the common contract: what is read, for how long, and in one state."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from adapters.sources.mapping import parse
from adapters.sources.port import LocalRef, Search
from adapters.sources.sql import MAX_DETAIL_ROWS, SqlSource
from schemas.errors import Malformed, Unavailable
from schemas.ids import FieldName
from schemas.record import PersonBlock
from tests.support.agency_tables import BEGAN, COLUMNS, KIND, PHONE, ROW, FileAgency, value_of, values_of, write_sql

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")
PERSON_COLUMNS = {
    "Nr",
    "Akte",
    "Name",
    "Vorname",
    "Geburt",
    "Geschlecht",
    "Land",
    "Geburtsname",
    "Sperre",
    "Betreuung",
    "Team",
}
CARRIER = FieldName("measures.carrier")
RESULT = FieldName("measures.result")
DETAILS = """
[details.kurs]
table = "Maßnahmen"
key = "Kunde"
order = "Lfd"
recorded_at = "Am"
"""
DETAIL_FIELDS = """
"measures.carrier" = { detail = "kurs", column = "Träger" }
"measures.result" = { detail = "kurs", column = "Ergebnis" }
"""
ENDLESS = """
CREATE VIEW "Kunden" AS
WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless)
SELECT EACH_COLUMN FROM endless
""".replace("EACH_COLUMN", ", ".join(f'n AS "{column}"' for column in COLUMNS))


@pytest.fixture
async def agency(tmp_path: Path) -> AsyncIterator[FileAgency]:
    """Give an agency with a database."""
    made = FileAgency("sql", tmp_path)
    yield made
    await made.close()


@contextmanager
def watched(columns: set[tuple[str, str]], statements: list[str]) -> Iterator[None]:
    """Write down what SQLite itself says is read and done on every connection that is opened meanwhile."""

    def note(action: int, table: str | None, column: str | None, *_: str | None) -> int:
        if (
            action == sqlite3.SQLITE_READ
            and table is not None
            and column is not None
            and not table.startswith("sqlite_")
        ):
            columns.add((table, column))
        return sqlite3.SQLITE_OK

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_authorizer(note)
        connection.set_trace_callback(statements.append)

    event.listen(Pool, "connect", connected)
    try:
        yield
    finally:
        event.remove(Pool, "connect", connected)


def with_details(agency: FileAgency, rows: list[tuple[int, int, str | None, str, str]]) -> SqlSource:
    """Add a detail table to the agency's database and open a source that maps it."""
    with closing(sqlite3.connect(agency.path)) as database, database:
        database.execute('CREATE TABLE "Maßnahmen" ("Kunde", "Lfd", "Träger", "Ergebnis", "Am", "Notiz")')
        database.executemany('INSERT INTO "Maßnahmen" VALUES (?, ?, ?, ?, ?, NULL)', rows)
    text = agency.text().replace("[fields]", f"{DETAILS}\n[fields]") + DETAIL_FIELDS
    mapping = parse(text, "mapping.toml", agency.open().catalogue | {CARRIER, RESULT})
    source = agency.open(mapping)
    assert isinstance(source, SqlSource)
    return source


async def test_only_granted_columns_are_selected(agency: FileAgency) -> None:
    """SQLite reports no read but of the key, the granted field and its provenance."""
    agency.write(ROW, columns=(*COLUMNS, "Notizen"))
    read: set[tuple[str, str]] = set()
    with watched(read, []):
        await agency.open().fetch(LocalRef("1"), frozenset({PHONE}))
    assert {column for _, column in read} == {"Nr", "Telefon", "Stand", "Bestritten"}


async def test_looking_for_a_person_reads_the_person_columns_only(agency: FileAgency) -> None:
    """Candidates are found without a look at any field that could be granted."""
    agency.write(ROW)
    read: set[tuple[str, str]] = set()
    with watched(read, []):
        source = agency.open()
        await source.candidates(OLENA)
        await source.lookup(LocalRef("1"))
    assert {column for _, column in read} == PERSON_COLUMNS


async def test_details_are_lists_in_their_order_with_their_own_dates(agency: FileAgency) -> None:
    """Each row of a detail table of this person gives a value; blanks give none; other persons' rows are not read."""
    agency.write(ROW)
    rows = [
        (1, 2, "Nord", "b", "02.02.2026"),
        (2, 1, "Süd", "x", ""),
        (1, 1, "West", "a", "01.02.2026"),
        (1, 3, None, "c", ""),
    ]
    record = await with_details(agency, rows).fetch(LocalRef("1"), frozenset({CARRIER, RESULT, PHONE}))
    assert values_of(record) == {PHONE: ["0171 1234567"], CARRIER: ["West", "Nord"], RESULT: ["a", "b", "c"]}
    carriers = next(found for found in record if found.field == CARRIER)
    assert [value.recorded_at for value in carriers.values] == ["2026-02-01", "2026-02-02"]


async def test_values_of_one_detail_row_carry_its_number(agency: FileAgency) -> None:
    """Lists out of one detail table can be paired by the number of the row, blanks or not; others have no number."""
    agency.write(ROW)
    source = with_details(agency, [(1, 1, None, "a", ""), (1, 2, "Nord", "b", ""), (1, 3, "Süd", "", "")])
    carrier, result = await source.fetch(LocalRef("1"), frozenset({CARRIER, RESULT}))
    assert [(value.value, value.row) for value in carrier.values] == [("Nord", 2), ("Süd", 3)]
    assert [(value.value, value.row) for value in result.values] == [("a", 1), ("b", 2)]
    (phone,) = await source.fetch(LocalRef("1"), frozenset({PHONE}))
    assert phone.values[0].row is None


async def test_a_detail_table_is_read_only_for_its_fields(agency: FileAgency) -> None:
    """Nothing of a detail table is read while none of its fields is granted, and then only the granted ones."""
    agency.write(ROW)
    source = with_details(agency, [(1, 1, "West", "a", "")])
    read: set[tuple[str, str]] = set()
    with watched(read, []):
        await source.fetch(LocalRef("1"), frozenset({PHONE}))
        assert {table for table, _ in read} == {"Kunden"}
        await source.fetch(LocalRef("1"), frozenset({CARRIER}))
    assert {column for table, column in read if table == "Maßnahmen"} == {"Kunde", "Lfd", "Träger", "Am"}


async def test_all_tables_of_one_record_are_read_in_one_state(agency: FileAgency) -> None:
    """Statements of one fetch stand in one transaction, which is ended."""
    agency.write(ROW)
    source = with_details(agency, [(1, 1, "West", "a", "")])
    statements: list[str] = []
    with watched(set(), statements):
        await source.fetch(LocalRef("1"), frozenset({PHONE, CARRIER}))
    words = [statement.split()[0] for statement in statements]
    assert words[-4:] == ["BEGIN", "SELECT", "SELECT", "ROLLBACK"]


async def test_a_person_with_too_many_details_is_refused(agency: FileAgency) -> None:
    """A list that is longer than any person's can be is a wrong key, not a record."""
    agency.write(ROW)
    source = with_details(agency, [(1, number, "West", "a", "") for number in range(MAX_DETAIL_ROWS + 1)])
    with pytest.raises(Malformed, match=f"Maßnahmen: more than {MAX_DETAIL_ROWS} rows"):
        await source.fetch(LocalRef("1"), frozenset({CARRIER}))


async def test_the_check_looks_at_details_too(agency: FileAgency) -> None:
    """A missing column of a detail table is named with its table."""
    agency.write(ROW)
    source = with_details(agency, [])
    await source.check()
    with closing(sqlite3.connect(agency.path)) as database:
        database.execute('ALTER TABLE "Maßnahmen" DROP COLUMN "Träger"')
    with pytest.raises(Malformed, match="table Maßnahmen, column Träger is missing"):
        await source.check()


async def test_the_database_cannot_be_written(agency: FileAgency) -> None:
    """The source's own connections refuse every change."""
    agency.write(ROW)
    opened: list[sqlite3.Connection] = []

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", connected)
    try:
        await agency.open().candidates(OLENA)
    finally:
        event.remove(Pool, "connect", connected)
    assert opened[0].execute("PRAGMA query_only").fetchone() == (1,)
    assert opened[0].execute("PRAGMA trusted_schema").fetchone() == (0,)
    for change in ('DELETE FROM "Kunden"', "PRAGMA query_only=OFF", 'CREATE TABLE "x" ("y")', 'DELETE FROM "Kunden"'):
        if change.startswith("PRAGMA"):
            opened[0].execute(change)
            continue
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            opened[0].execute(change)


async def test_a_missing_column_is_never_a_constant(agency: FileAgency) -> None:
    """SQLite takes an unknown quoted name for a text; a mapped column that is missing is an error all the same."""
    agency.write(ROW)
    text = agency.text().replace('column = "Telefon"', 'column = "Größe"')
    source = agency.open(parse(text, "mapping.toml", agency.open().catalogue))
    with pytest.raises(Malformed, match=r"kunden.db: a table or column that mapping.toml names is missing"):
        await source.fetch(LocalRef("1"), frozenset({PHONE}))


async def test_text_that_is_not_utf8_is_refused_without_being_repeated(agency: FileAgency) -> None:
    """The driver repeats such a text in its message; the source's message, cause and context do not."""
    agency.write(ROW)
    with closing(sqlite3.connect(agency.path)) as database, database:
        database.execute('UPDATE "Kunden" SET "Telefon" = CAST(x\'4869646465fc\' AS TEXT)')
    with pytest.raises(Malformed, match="not UTF-8") as refused:
        await value_of(agency.open(), PHONE)
    assert "Hidde" not in repr((refused.value, refused.value.__cause__, refused.value.__context__))


@pytest.mark.parametrize("key", ["K 1", " K1 ", "007", "1.0", "k'1", "ß"])
async def test_a_key_is_used_as_it_stands(agency: FileAgency, key: str) -> None:
    """Text keys with blanks, zeros and quotes lead back to their own row."""
    agency.write({**ROW, "Nr": key}, {**ROW, "Nr": 7, "Name": "Ostapko"}, {**ROW, "Nr": 1, "Name": "Lysko"})
    source = agency.open()
    (found,) = await source.candidates(OLENA)
    assert found.ref == key
    assert (await source.lookup(found.ref)).person.family_name == "Havchenko"
    assert await value_of(source, PHONE, found.ref) == "0171 1234567"


async def test_a_locked_database_is_unavailable(agency: FileAgency) -> None:
    """While the agency's own program holds the file, the call says so and can be repeated."""
    agency.write(ROW)
    source = SqlSource.of_file(agency.mapping, agency.path, lock_wait_s=0.001)
    with closing(sqlite3.connect(agency.path, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unavailable, match="cannot be read now"):
            await source.candidates(OLENA)
        database.execute("ROLLBACK")
    assert len(await source.candidates(OLENA)) == 1
    await source.close()


async def test_a_view_that_vanished_is_named(agency: FileAgency) -> None:
    """A running source tells that its view is gone, and the check names it."""
    agency.write(ROW, table="Alle")
    with closing(sqlite3.connect(agency.path)) as database:
        database.execute('CREATE VIEW "Kunden" AS SELECT * FROM "Alle"')
        source = agency.open()
        assert await value_of(source, PHONE) == "0171 1234567"
        database.execute('DROP VIEW "Kunden"')
    with pytest.raises(Malformed, match="missing, or a view it needs has vanished"):
        await value_of(source, PHONE)
    with pytest.raises(Malformed, match=r"kunden\.db, table Kunden is missing"):
        await source.check()


async def test_a_cell_of_ten_megabytes_is_refused(agency: FileAgency) -> None:
    """A document in the wrong column is no value; the other fields are read."""
    agency.write({**ROW, "Kursart": "x" * 10_000_000})
    source = agency.open()
    with pytest.raises(Malformed, match=r"kunden\.db, table Kunden, column Kursart: holds more than 400 characters"):
        await value_of(source, KIND)
    assert await value_of(source, PHONE) == "0171 1234567"


async def test_capitals_of_turkish_are_found(agency: FileAgency) -> None:
    """SQLite does not fold the case of letters beyond ASCII; what is typed finds them all the same."""
    agency.write({**ROW, "Name": "İPEK"})
    assert len(await agency.open().search(Search(family_name="İpek"))) == 1


async def test_a_row_of_another_spelling_of_the_key_is_not_taken(agency: FileAgency) -> None:
    """Where a database holds two keys for equal, only the row whose key reads as asked is the person's."""
    with closing(sqlite3.connect(agency.path)) as database, database:
        kinds = ", ".join(f'"{name}"{" TEXT COLLATE NOCASE" if name == "Nr" else ""}' for name in COLUMNS)
        database.execute(f'CREATE TABLE "Kunden" ({kinds})')
        database.execute('INSERT INTO "Kunden" ("Nr", "Name", "Vorname") VALUES (?, ?, ?)', ("k1", "Lysko", "Ivan"))
    source = agency.open()
    for call in (source.lookup(LocalRef("K1")), source.fetch(LocalRef("K1"), frozenset({PHONE}))):
        with pytest.raises(Unavailable, match="no longer there"):
            await call
    assert (await source.lookup(LocalRef("k1"))).person.family_name == "Lysko"


async def test_a_statement_without_end_is_interrupted(agency: FileAgency) -> None:
    """After the time limit the call is unavailable and its thread is free for the next one."""
    with closing(sqlite3.connect(agency.path)) as database:
        database.execute(ENDLESS)
    source = SqlSource.of_file(agency.mapping, agency.path, workers=1, timeout_s=0.03)
    with pytest.raises(Unavailable, match=r"no answer within 0\.03 s"):
        await source.candidates(OLENA)
    agency.write(ROW)
    assert len(await source.candidates(OLENA)) == 1
    await source.close()


async def test_nobody_waiting_ends_the_statement(agency: FileAgency) -> None:
    """A call that is given up does not go on in its thread."""
    with closing(sqlite3.connect(agency.path)) as database:
        database.execute(ENDLESS)
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(lambda text: loop.call_soon_threadsafe(started.set) if "SELECT" in text else None)

    source = SqlSource.of_file(agency.mapping, agency.path, workers=1, timeout_s=60)
    event.listen(Pool, "connect", connected)
    try:
        call = asyncio.create_task(source.candidates(OLENA))
        await started.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    finally:
        event.remove(Pool, "connect", connected)
    agency.write(ROW)
    assert len(await source.candidates(OLENA)) == 1
    await source.close()


async def test_many_calls_at_once_are_all_answered(agency: FileAgency) -> None:
    """More calls than threads wait for their turn and get their own rows."""
    agency.write(*({**ROW, "Nr": number, "Telefon": f"T {number}"} for number in range(40)))
    source = agency.open()
    answers = await asyncio.gather(*(value_of(source, PHONE, str(number)) for number in range(40)))
    assert answers == [f"T {number}" for number in range(40)]


async def test_a_typed_table_works_as_an_untyped_one(agency: FileAgency) -> None:
    """Declared column types change how SQLite compares, not what is found."""
    write_sql(agency.path, "Roh", COLUMNS, [[ROW.get(column) for column in COLUMNS]])
    with closing(sqlite3.connect(agency.path)) as database, database:
        kinds = ", ".join(f'"{name}" {"INTEGER PRIMARY KEY" if name == "Nr" else "TEXT"}' for name in COLUMNS)
        database.execute(f'CREATE TABLE "Kunden" ({kinds})')
        database.execute('INSERT INTO "Kunden" SELECT * FROM "Roh"')
    source = agency.open()
    (found,) = await source.candidates(OLENA)
    assert values_of(await source.fetch(found.ref, frozenset({PHONE, BEGAN}))) == {
        PHONE: ["0171 1234567"],
        BEGAN: ["2026-01-12"],
    }


async def test_each_of_two_quick_changes_is_another_state(agency: FileAgency) -> None:
    """What other programs write into the file shows, however soon after the last change; reading shows nothing."""
    agency.write(ROW)
    source = agency.open()
    seen = [await source.state()]
    with closing(sqlite3.connect(agency.path)) as open_:
        for name in ("Olha", "Oksa", "Olha"):
            with open_:
                open_.execute('UPDATE "Kunden" SET "Vorname" = ?', (name,))
            seen.append(await source.state())
    assert len(set(seen)) == 4
    assert await source.state() == seen[-1]
