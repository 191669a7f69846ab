"""The contract of sources on a real PostgreSQL, and what such a server adds: logins, rights, types, a time limit."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import LiteralString

import pytest
import sqlalchemy as sa
from psycopg import sql

from adapters.sources.mapping import parse
from adapters.sources.port import LocalRef, Search
from adapters.sources.sql import SqlSource
from adapters.sources.sql_databases import Server
from schemas.errors import Malformed, Unavailable
from schemas.ids import FieldName
from schemas.record import PersonBlock
from tests.contract.test_sources import NamedTableContract, TableContract
from tests.support.agency_tables import COLUMNS, KNOWN, PHONE, ROW, TABLE, Agency, value_of
from tests.support.postgres import Place, PostgresAgency, as_owner, postgres

OLENA = PersonBlock(family_name="Havchenko", given_names="Olena", birth_date="1987-05-03")
CARRIER = FieldName("measures.carrier")
RESULT = FieldName("measures.result")


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Give a running server to all tests of this file."""
    with postgres() as place:
        yield place


@pytest.fixture
async def agency(place: Place, tmp_path: Path) -> AsyncIterator[PostgresAgency]:
    """Give an agency with a table of its own."""
    made = PostgresAgency(place, tmp_path)
    yield made
    await made.close()


class TestPostgres(TableContract, NamedTableContract):
    """PostgreSQL keeps the contract."""

    @pytest.fixture
    async def agency(self, place: Place, tmp_path: Path) -> AsyncIterator[Agency]:
        """Give an agency with a table of its own."""
        made = PostgresAgency(place, tmp_path)
        yield made
        await made.close()


async def test_a_wrong_password_is_named(agency: PostgresAgency) -> None:
    """The message leads to the mapping and the file of the password, and holds neither password."""
    agency.write(ROW)
    agency.secret.write_text("wrong guess")
    with pytest.raises(
        Malformed, match=r"refuses user or password; mend the address in mapping.toml or the file"
    ) as no:
        await agency.open().check()
    assert "guess" not in str(no.value)


async def test_every_row_written_is_another_state(agency: PostgresAgency) -> None:
    """Whoever writes a row of the table, however little it changes, changes its state; reading does not."""
    agency.write(ROW)
    source = agency.open()
    seen = [await source.state(), await source.state()]
    assert seen[0] == seen[1]
    table = sql.Identifier(TABLE)
    for change in ("UPDATE {} SET \"Vorname\" = 'Olha'", "INSERT INTO {} SELECT * FROM {}", "DELETE FROM {}"):
        as_owner(agency.place, sql.SQL(change.replace("{}", "{0}")).format(table))
        seen.append(await source.state())
    assert None not in seen
    assert len(set(seen)) == 4


async def test_a_view_does_not_tell_its_state(agency: PostgresAgency) -> None:
    """Nobody knows at little cost when what a view shows has changed; its rows are listed all the same."""
    agency.write(ROW, table="Alle")
    view, table = sql.Identifier("Sicht"), sql.Identifier("Alle")
    as_owner(
        agency.place,
        sql.SQL("CREATE VIEW {} AS SELECT * FROM {}").format(view, table),
        sql.SQL("GRANT SELECT ON {} TO reader").format(view),
    )
    text = agency.text().replace(f'table = "{TABLE}"', 'table = "Sicht"')
    source = agency.open(parse(text, "mapping.toml", KNOWN))
    assert await source.state() is None
    listing = await source.persons(None)
    assert listing is not None
    assert [row.ref for row in listing.candidates] == ["1"]
    as_owner(agency.place, sql.SQL("DROP VIEW {}").format(view))


async def test_a_changed_password_needs_no_restart(agency: PostgresAgency) -> None:
    """The file is read for each new connection."""
    agency.write(ROW)
    right = agency.secret.read_text()
    agency.secret.write_text("wrong guess")
    source = agency.open()
    with pytest.raises(Malformed):
        await source.check()
    agency.secret.write_text(right)
    await source.check()


async def test_a_password_that_others_may_read_is_refused(agency: PostgresAgency) -> None:
    """A secret with loose rights is not used."""
    agency.write(ROW)
    agency.secret.chmod(0o644)
    with pytest.raises(Malformed, match="chmod 600"):
        await agency.open().check()


async def test_a_missing_right_is_named(agency: PostgresAgency) -> None:
    """Without SELECT the message says what to grant."""
    agency.write(ROW)
    as_owner(agency.place, 'REVOKE SELECT ON "Kunden" FROM reader')
    with pytest.raises(Malformed, match="grant it SELECT"):
        await agency.open().candidates(OLENA)


async def test_a_view_that_vanished_is_named(agency: PostgresAgency) -> None:
    """A running source tells that its view is gone, and the check names it."""
    agency.write(ROW, table="Alle")
    as_owner(agency.place, 'CREATE VIEW "Kunden" AS SELECT * FROM "Alle"', 'GRANT SELECT ON "Kunden" TO reader')
    source = agency.open()
    assert await value_of(source, PHONE) == "0171 1234567"
    as_owner(agency.place, 'DROP VIEW "Kunden"')
    with pytest.raises(Malformed, match="a view it needs has vanished"):
        await value_of(source, PHONE)
    with pytest.raises(Malformed, match="table Kunden is missing"):
        await source.check()


async def test_a_server_that_is_not_there_is_unavailable(agency: PostgresAgency, tmp_path: Path) -> None:
    """Nothing listens: try again later."""
    text = agency.text().replace(agency.place.host, str(tmp_path))
    with pytest.raises(Unavailable, match="cannot be read now"):
        await agency.open(parse(text, "mapping.toml", KNOWN)).check()


async def test_the_server_refuses_to_write(agency: PostgresAgency) -> None:
    """Every transaction of the source is read-only, whatever the login may do."""
    agency.write(ROW)
    as_owner(agency.place, 'GRANT ALL ON "Kunden" TO reader')
    database = Server(agency.mapping.location, agency.secret, "mapping.toml", connections=1, timeout_s=2)
    with database.engine.connect() as open_, pytest.raises(sa.exc.InternalError, match="read-only transaction"):
        open_.exec_driver_sql('DELETE FROM "Kunden"')
    database.engine.dispose()


async def test_a_statement_without_end_is_ended_by_the_server(agency: PostgresAgency) -> None:
    """After the time limit the call is unavailable, and the one thread is free for the next call."""
    endless: LiteralString = """
        WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless) SELECT max(n)::text FROM endless
    """
    columns = sql.SQL(", ").join(sql.SQL("({}) AS {}").format(sql.SQL(endless), sql.Identifier(c)) for c in COLUMNS)
    agency.write(ROW, table="Alle")
    as_owner(
        agency.place,
        sql.SQL('CREATE VIEW "Kunden" AS SELECT {}').format(columns),
        'GRANT SELECT ON "Kunden" TO reader',
    )
    source = SqlSource.of_server(agency.mapping, agency.secret, workers=1, timeout_s=0.2)
    with pytest.raises(Unavailable):
        await source.lookup(LocalRef("1"))
    as_owner(agency.place, 'DROP VIEW "Kunden"')
    agency.write(ROW)
    assert (await source.lookup(LocalRef("1"))).person.family_name == "Havchenko"
    await source.close()


async def test_a_restarted_pool_finds_its_dead_connections(agency: PostgresAgency) -> None:
    """A connection that the server has ended is replaced without anybody noticing."""
    agency.write(ROW)
    source = agency.open()
    await source.check()
    as_owner(agency.place, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    assert await value_of(source, PHONE) == "0171 1234567"


@pytest.mark.parametrize(("type_", "ref"), [("uuid", "6f9619ff-8b86-d011-b42d-00c04fc964ff"), ("numeric(10,0)", "7")])
async def test_a_key_may_have_any_type(agency: PostgresAgency, type_: LiteralString, ref: str) -> None:
    """Keys of other types than text lead back to their row; a key that the type cannot hold has no row."""
    agency.write({**ROW, "Nr": ref})
    as_owner(agency.place, sql.SQL('ALTER TABLE "Kunden" ALTER "Nr" TYPE {0} USING "Nr"::{0}').format(sql.SQL(type_)))
    source = agency.open()
    (found,) = await source.candidates(OLENA)
    assert found.ref == ref
    assert (await source.lookup(found.ref)).file_number == "K-1/26"
    assert await value_of(source, PHONE, ref) == "0171 1234567"
    with pytest.raises(Unavailable, match="no longer there"):
        await source.lookup(LocalRef("K 1"))


@pytest.mark.parametrize("type_", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize(
    ("cell", "asked", "found"),
    [
        ("1987-05-03 10:00", "1987-05-03", True),
        ("1987-05-03 10:00", "1987-05", True),
        ("1987-12-31", "1987-12", True),
        ("1987-12-31", "1987", True),
        ("1987-01-01", "1987-05-03", True),
        ("1987-05-04", "1987-05-03", False),
        ("1988-01-01", "1987-12-31", False),
    ],
)
async def test_typed_birth_dates_are_narrowed_by_the_server(
    agency: PostgresAgency, type_: LiteralString, cell: str, asked: str, *, found: bool
) -> None:
    """Dates and moments are compared as such, by day, month and year."""
    agency.write({**ROW, "Geburt": cell})
    as_owner(
        agency.place,
        sql.SQL('ALTER TABLE "Kunden" ALTER "Geburt" TYPE {0} USING "Geburt"::{0}').format(sql.SQL(type_)),
    )
    source = agency.open()
    assert bool(await source.candidates(OLENA.model_copy(update={"birth_date": asked}))) is found
    assert await source.candidates(OLENA.model_copy(update={"birth_date": "1987-02-30"})) in (
        (),
        await _january(source),
    )


async def _january(source: object) -> tuple[object, ...]:
    assert isinstance(source, SqlSource)
    return await source.candidates(OLENA.model_copy(update={"birth_date": "1987-01-01"}))


async def test_a_search_reads_numbers_and_dates_too(agency: PostgresAgency) -> None:
    """File numbers that are numbers, and typed dates, are found as staff type them."""
    agency.write({**ROW, "Akte": 4711})
    source = agency.open()
    for query in (Search(file_number="4711"), Search(birth_date="1987"), Search(family_name="HAVCH")):
        assert len(await source.search(query)) == 1


async def test_a_table_may_stand_in_a_schema(agency: PostgresAgency) -> None:
    """`schema.table` is read, and a detail table beside it; its rows are numbered."""
    agency.write(ROW)
    as_owner(
        agency.place,
        "DROP SCHEMA IF EXISTS amt CASCADE",
        "CREATE SCHEMA amt",
        'ALTER TABLE "Kunden" SET SCHEMA amt',
        'CREATE TABLE amt.kurs ("Kunde" bigint, "Lfd" int, "Traeger" text, "Ergebnis" text)',
        "INSERT INTO amt.kurs VALUES (1, 2, 'Nord', 'b'), (1, 1, 'West', NULL), (2, 1, 'x', 'x')",
        "GRANT USAGE ON SCHEMA amt TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA amt TO reader",
    )
    details = '[details.kurs]\ntable = "amt.kurs"\nkey = "Kunde"\norder = "Lfd"\n[fields]\n'
    fields = '"measures.carrier" = { detail = "kurs", column = "Traeger" }\n'
    fields += '"measures.result" = { detail = "kurs", column = "Ergebnis" }\n'
    text = agency.text().replace('table = "Kunden"', 'table = "amt.Kunden"').replace("[fields]\n", details + fields)
    source = agency.open(parse(text, "mapping.toml", KNOWN | {CARRIER, RESULT}))
    await source.check()
    carrier, result = await source.fetch(LocalRef("1"), frozenset({CARRIER, RESULT}))
    assert [(value.value, value.row) for value in carrier.values] == [("West", 1), ("Nord", 2)]
    assert [(value.value, value.row) for value in result.values] == [("b", 2)]


async def test_many_calls_at_once_share_the_pool(agency: PostgresAgency) -> None:
    """More calls than connections wait for their turn and get their own rows."""
    agency.write(*({**ROW, "Nr": number, "Telefon": f"T {number}"} for number in range(40)))
    source = agency.open()
    answers = await asyncio.gather(*(value_of(source, PHONE, str(number)) for number in range(40)))
    assert answers == [f"T {number}" for number in range(40)]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nothing://x/y", "is no address of a database"),
        ("mssql+pyodbc://reader@db.example/kunden", "the driver pyodbc is not installed"),
    ],
)
async def test_an_address_that_cannot_be_used_is_refused(agency: PostgresAgency, address: str, said: str) -> None:
    """A wrong scheme and a missing driver are said before anything is opened."""
    mapping = agency.mapping.model_copy(update={"location": address})
    with pytest.raises(Malformed, match=said):
        agency.open(mapping)
