"""A database of an agency as a source, read and never written.

The database decides what leaves a row: each statement names the columns it needs, with their table, so that a missing
column is an error and never a constant. All statements of one fetch see the same state of the database.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, Self, TypeVar

import sqlalchemy as sa

from adapters.sources.cells import Reading, Row, Unreadable, read_row, readings
from adapters.sources.mapping import Detail, SourceMapping, field_columns, person_columns, rules_of
from adapters.sources.persons import RowReader, demand_query, fits, may_be, names_of
from adapters.sources.port import MAX_CANDIDATES, PERSONS_AT_ONCE, Candidate, Listing, LocalRef, Search
from adapters.sources.sql_conditions import Holds, born, is_key, key_of, like
from adapters.sources.sql_databases import Database, Server, SqliteFile, place_of
from adapters.sources.survey import Survey
from adapters.sources.workers import Workers
from schemas.errors import HandschlagError, Malformed, Misuse, Unavailable
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock, Value

T = TypeVar("T")

FILE_TIMEOUT_S: Final = 2.0
SERVER_TIMEOUT_S: Final = 5.0
MAX_DETAIL_ROWS: Final = 200
_PLANS: Final = 256


class _Part(NamedTuple):
    """What is read of one table for one set of fields."""

    table: str
    statement: sa.Select[tuple[object, ...]]
    readings: tuple[Reading, ...]
    numbered: bool

    def limited_to(self, rows: int) -> Self:
        """Read no more rows than these."""
        return self._replace(statement=self.statement.limit(rows))


@dataclass(slots=True)
class _Job:
    """One piece of work, so that it can be interrupted from the event loop while it runs in its thread."""

    lock: Lock
    end: Callable[[], None] | None = None

    def stop(self) -> None:
        """End the running statement; harmless when none runs."""
        with self.lock:
            if self.end is not None:
                self.end()


class SqlSource:
    """A table or view, and detail tables beside it. Keeps the contract of `adapters.sources.port.Source`."""

    by_hand: Final = False

    def __init__(self, mapping: SourceMapping, database: Database, *, workers: int, timeout_s: float) -> None:
        """Prepare for a database; nothing is opened before the first call. `timeout_s` bounds each call."""
        self._mapping = mapping
        self._database = database
        self._workers = Workers(database.name, workers, timeout_s)
        self._holds: Mapping[str, Holds] | None = None
        # The same sets of fields are granted again and again; their statements are made once.
        self._plan = lru_cache(_PLANS)(lambda fields: tuple(self._parts(fields)))
        self._persons = person_columns(mapping)
        self._reader = RowReader(mapping, self._persons)
        self._main = self._table(mapping.table, (*self._persons, *field_columns(mapping, None, self.catalogue)))
        self._row = self._person_rows(is_key(self._main.c[mapping.key], typed=database.typed)).limit(2)

    @classmethod
    def of_file(
        cls,
        mapping: SourceMapping,
        path: Path,
        *,
        workers: int = 2,
        timeout_s: float = FILE_TIMEOUT_S,
        lock_wait_s: float = 0.5,
    ) -> Self:
        """Prepare for the SQLite file at `path`; `lock_wait_s` bounds the wait for the agency's own writers."""
        database = SqliteFile(mapping.location, path, mapping.file, connections=workers, lock_wait_s=lock_wait_s)
        return cls(mapping, database, workers=workers, timeout_s=timeout_s)

    @classmethod
    def of_server(
        cls, mapping: SourceMapping, secret: Path | None, *, workers: int = 2, timeout_s: float = SERVER_TIMEOUT_S
    ) -> Self:
        """Prepare for the server whose address is the mapping's location; `secret` is the file of its password."""
        database = Server(mapping.location, secret, mapping.file, connections=workers, timeout_s=timeout_s)
        return cls(mapping, database, workers=workers, timeout_s=timeout_s)

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields of the mapping."""
        return frozenset(self._mapping.fields)

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Let the database narrow by birth date, then compare names."""
        if person.birth_date is None:
            return ()
        names, day = names_of(person), person.birth_date
        return await self._run(
            lambda open_: self._find(
                (row for row in self._rows(open_, self._born(open_, day)) if self._reader.is_named(row, names)),
                lambda candidate: may_be(person, candidate),
            )
        )

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Let the database narrow by what was typed, then compare exactly."""
        demand_query(query)
        return await self._run(
            lambda open_: self._find(
                self._rows(open_, sa.and_(*self._narrowed(open_, query))), lambda candidate: fits(query, candidate)
            )
        )

    async def persons(self, after: object | None) -> Listing:
        """Let the database give the rows behind a key, in the order of the keys."""
        return await self._run(lambda open_: self._listed(open_, after))

    async def state(self) -> str | None:
        """Ask the database whether anything was written, as far as it tells that without giving us rows."""
        return await self._run(lambda open_: self._database.state(open_, self._mapping.table))

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Select the person columns for one key."""
        return await self._run(lambda open_: self._one(open_, ref))

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Select the columns of the granted fields for one key, one statement per table."""
        if not fields <= self.catalogue:
            message = f"{self._mapping.file}: it maps no {', '.join(sorted(fields - self.catalogue))}"
            raise Misuse(message)
        parts = self._plan(fields)
        return await self._run(lambda open_: self._read(open_, parts, ref))

    async def check(self) -> None:
        """Find every table and column of the mapping, and that the key names one row each."""
        await self._run(self._check)

    async def survey(self) -> Survey:
        """Count what all rows say, in one look of its own time limit; for the people who connect the source."""
        return await self._run(self._survey)

    async def close(self) -> None:
        """Close the connections and end the threads."""
        self._workers.close()
        self._database.close()

    async def _run(self, work: Callable[[sa.Connection], T]) -> T:
        job = _Job(Lock())
        return await self._workers.run(lambda: self._work(work, job), job.stop)

    def _work(self, work: Callable[[sa.Connection], T], job: _Job) -> T:
        """Do work on a connection, in a thread; what the driver raises is said without the driver's own words.

        The driver repeats cells in its messages, therefore they are not passed on as the cause either.
        """
        try:
            self._database.follow()
            with self._database.engine.connect() as open_:
                job.end = self._database.stopper(open_)
                try:
                    return work(open_)
                finally:
                    with job.lock:
                        job.end = None
        except HandschlagError:
            raise
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            self._holds = None  # the table may have been made anew with other types
            failure = self._database.told(error)
        raise failure from None

    def _find(self, rows: Iterator[Row], wanted: Callable[[Candidate], bool]) -> tuple[Candidate, ...]:
        candidates = (self._reader.candidate(row) for row in rows)
        return tuple(islice((one for one in candidates if one is not None and wanted(one)), MAX_CANDIDATES))

    def _rows(self, open_: sa.Connection, where: sa.ColumnElement[bool]) -> Iterator[Row]:
        """Read the person columns row by row, so that a large table is never in memory."""
        with open_.execute(self._person_rows(where).execution_options(yield_per=500)) as found:
            yield from (tuple(row) for row in found)

    def _listed(self, open_: sa.Connection, after: object | None) -> Listing:
        key = self._main.c[self._mapping.key]
        behind = key.is_not(None) if after is None else key > after
        rows = open_.execute(self._person_rows(behind).limit(PERSONS_AT_ONCE)).fetchall()
        candidates = (self._reader.candidate(tuple(row)) for row in rows)
        last = rows[-1][0] if len(rows) == PERSONS_AT_ONCE else None
        return Listing(tuple(one for one in candidates if one is not None), last)

    def _one(self, open_: sa.Connection, ref: LocalRef) -> Candidate:
        found = open_.execute(self._row, key_of(ref, typed=self._database.typed)).fetchall()
        candidate = self._reader.candidate(tuple(self._only(found, ref)))
        if candidate is None:
            message = f"{self._database.name}, table {self._mapping.table}: the row has no usable name"
            raise Malformed(message)
        return candidate

    def _person_rows(self, where: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
        columns = [self._main.c[name] for name in self._persons]
        return sa.select(*columns).where(where).order_by(columns[0])

    def _only(self, rows: Sequence[Row], ref: LocalRef) -> Row:
        """Give the one row of a key, which stands in its first column.

        Some servers hold `k1` and `K1`, or text and 0, for equal; a row whose key reads otherwise is not the one.
        """
        place = f"{self._database.name}, table {self._mapping.table}"
        if len(rows) > 1:
            message = f"{place}, column {self._mapping.key}: the key is not unique"
            raise Malformed(message)
        if not rows or self._reader.key(rows[0]) != ref:
            message = f"{place}: the row is no longer there"
            raise Unavailable(message)
        return rows[0]

    def _held(self, open_: sa.Connection, column: str) -> Holds:
        """Say what a column of the main table holds; the types are asked for once."""
        if self._holds is None:
            self._holds = self._database.holds(open_, self._mapping.table)
        return self._holds.get(column, "other" if self._database.typed else "anything")

    def _born(self, open_: sa.Connection, day: str) -> sa.ColumnElement[bool]:
        rule = self._mapping.person.birth_date
        return born(self._main.c[rule.column], day, rule, self._held(open_, rule.column))

    def _narrowed(self, open_: sa.Connection, query: Search) -> Iterator[sa.ColumnElement[bool]]:
        """Give conditions that every fitting row meets; some other rows may meet them too."""
        person = self._mapping.person

        def holds_text(column: str, typed: str) -> sa.ColumnElement[bool]:
            return like(self._main.c[column], typed, self._held(open_, column))

        if query.birth_date:
            yield self._born(open_, query.birth_date)
        if query.file_number:
            yield holds_text(self._mapping.file_number or self._mapping.key, query.file_number)
        if query.given_names:
            yield holds_text(person.given_names, query.given_names)
        if query.family_name:
            names = (person.family_name, *person.other_names)
            yield sa.or_(*(holds_text(name, query.family_name) for name in names))

    def _parts(self, fields: frozenset[FieldName]) -> Iterator[_Part]:
        """Make the statement of the main table, which also proves that the row is there, and one per detail needed."""
        mapping = self._mapping
        yield self._part(None, Detail(table=mapping.table, key=mapping.key), fields).limited_to(2)
        for name, detail in mapping.details.items():
            if field_columns(mapping, name, fields):
                yield self._part(name, detail, fields).limited_to(MAX_DETAIL_ROWS + 1)

    def _part(self, name: str | None, detail: Detail, fields: frozenset[FieldName]) -> _Part:
        columns = tuple(dict.fromkeys((detail.key, *field_columns(self._mapping, name, fields))))
        ordered = () if detail.order is None else (detail.order,)
        table = self._table(detail.table, (*columns, *ordered))
        wanted = is_key(table.c[detail.key], typed=self._database.typed)
        selected = sa.select(*(table.c[column] for column in columns)).where(wanted)
        return _Part(
            table=detail.table,
            statement=selected.order_by(*(table.c[column] for column in ordered)),
            readings=readings(rules_of(self._mapping, name, fields), columns),
            numbered=name is not None,
        )

    def _read(self, open_: sa.Connection, parts: tuple[_Part, ...], ref: LocalRef) -> tuple[FieldValues, ...]:
        if len(parts) > 1:
            self._database.begin(open_)
        key = key_of(ref, typed=self._database.typed)
        main = self._only(open_.execute(parts[0].statement, key).fetchall(), ref)
        found = self._values(parts[0], (main,))
        for part in parts[1:]:
            found |= self._values(part, open_.execute(part.statement, key).fetchall())
        return tuple(FieldValues(field=name, values=found[name]) for name in sorted(found))

    def _values(self, part: _Part, rows: Sequence[Row]) -> dict[FieldName, tuple[Value, ...]]:
        place = f"{self._database.name}, table {part.table}"
        if len(rows) > MAX_DETAIL_ROWS:
            message = f"{place}: more than {MAX_DETAIL_ROWS} rows for one person"
            raise Malformed(message)
        found: dict[FieldName, list[Value]] = {reading.field: [] for reading in part.readings}
        try:
            for number, row in enumerate(rows, start=1):
                for name, value in read_row(part.readings, row, number if part.numbered else None):
                    if value is not None:
                        found[name].append(value)
        except Unreadable as unreadable:
            message = f"{place}, {unreadable}"
            raise Malformed(message) from None
        return {name: tuple(values) for name, values in found.items()}

    def _check(self, open_: sa.Connection) -> None:
        mapping = self._mapping
        wanted = {mapping.table: {*self._persons, *field_columns(mapping, None, self.catalogue)}}
        for name, detail in mapping.details.items():
            columns = (detail.key, detail.order or detail.key, *field_columns(mapping, name, self.catalogue))
            wanted.setdefault(detail.table, set()).update(columns)
        missing = [
            place for table, columns in wanted.items() for place in self._database.missing(open_, table, columns)
        ]
        if missing:
            raise Malformed("\n".join(f"{self._database.name}, {place} is missing" for place in missing))
        key = self._main.c[mapping.key]
        if open_.execute(sa.select(key).group_by(key).having(sa.func.count() > 1).limit(1)).first():
            message = f"{self._database.name}, table {mapping.table}, column {mapping.key}: the key is not unique"
            raise Malformed(message)

    def _survey(self, open_: sa.Connection) -> Survey:
        survey = Survey(self._mapping)
        for row in self._all(open_, self._mapping.table, survey.columns):
            survey.add(row)
        for name, columns in survey.detail_columns.items():
            for row in self._all(open_, self._mapping.details[name].table, columns):
                survey.add_detail(name, row)
        return survey

    def _all(self, open_: sa.Connection, name: str, columns: Sequence[str]) -> Iterator[Row]:
        table = self._table(name, columns)
        everything = sa.select(*(table.c[column] for column in columns)).execution_options(yield_per=500)
        with open_.execute(everything) as found:
            yield from (tuple(row) for row in found)

    def _table(self, name: str, columns: Iterable[str]) -> sa.TableClause:
        bare, schema = place_of(name) if self._database.typed else (name, None)
        return sa.table(bare, *(sa.column(column) for column in dict.fromkeys(columns)), schema=schema)
