"""A database of an agency as a source; in this version SQLite, opened read-only.

The database decides what leaves a row: each statement names the columns it needs, with their table, so that a missing
column is an error and never a constant. All statements of one fetch see the same state of the database.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple, TypeVar, cast
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from adapters.sources.cells import Reading, Row, Unreadable, read_row, readings
from adapters.sources.mapping import Cell, Detail, SourceMapping, field_columns, person_columns, rules_of
from adapters.sources.persons import RowReader, demand_query, fits, may_be, names_of
from adapters.sources.port import MAX_CANDIDATES, Candidate, LocalRef, Search
from adapters.sources.text import normal_name
from adapters.sources.workers import Workers
from schemas.errors import HandschlagError, Malformed, Misuse, Unavailable
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock, Value

T = TypeVar("T")

MAX_DETAIL_ROWS: Final = 200
_PLANS: Final = 256


class _Part(NamedTuple):
    """What is read of one table for one set of fields."""

    table: str
    statement: sa.Select[tuple[object, ...]]
    readings: tuple[Reading, ...]

    def limited_to(self, rows: int) -> "_Part":
        """Read no more rows than these."""
        return self._replace(statement=self.statement.limit(rows))


@dataclass(slots=True)
class _Job:
    """One piece of work, so that it can be interrupted from the event loop while it runs in its thread."""

    lock: Lock
    running: sqlite3.Connection | None = None

    def stop(self) -> None:
        """End the running statement; harmless when none runs."""
        with self.lock:
            if self.running is not None:
                self.running.interrupt()


class SqlSource:
    """A table or view, and detail tables beside it. Keeps the contract of `adapters.sources.port.Source`."""

    def __init__(
        self, mapping: SourceMapping, path: Path, *, workers: int = 2, timeout_s: float = 2.0, lock_wait_s: float = 0.5
    ) -> None:
        """Prepare for the database file at `path`; nothing is opened before the first call.

        `timeout_s` bounds each call, `lock_wait_s` the wait for the agency's own writers.
        """
        self._mapping = mapping
        self._path = path
        self._workers = Workers(mapping.location, workers, timeout_s)
        self._lock_wait_s = lock_wait_s
        self._file: tuple[int, int] | None = None
        # The same sets of fields are granted again and again; their statements are made once.
        self._plan = lru_cache(_PLANS)(lambda fields: tuple(self._parts(fields)))
        self._persons = person_columns(mapping)
        self._reader = RowReader(mapping, self._persons)
        self._main = _table(mapping.table, (*self._persons, *field_columns(mapping, None, self.catalogue)))
        self._engine = sa.create_engine(
            "sqlite://",
            creator=self._connect,
            poolclass=QueuePool,
            pool_size=workers,
            max_overflow=0,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
        )

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields of the mapping."""
        return frozenset(self._mapping.fields)

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Let the database narrow by birth date, then compare names."""
        if person.birth_date is None:
            return ()
        rule = self._mapping.person.birth_date
        where = _born(self._main.c[rule.column], person.birth_date, rule)
        names = names_of(person)
        return await self._run(
            lambda open_: self._find(
                (row for row in self._rows(open_, where) if self._reader.is_named(row, names)),
                lambda candidate: may_be(person, candidate),
            )
        )

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Let the database narrow by what was typed, then compare exactly."""
        demand_query(query)
        where = sa.and_(*self._narrowed(query))
        return await self._run(
            lambda open_: self._find(self._rows(open_, where), lambda candidate: fits(query, candidate))
        )

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Select the person columns for one key."""
        where = _is_key(self._main.c[self._mapping.key])
        return await self._run(lambda open_: self._one(open_, where, ref))

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

    async def close(self) -> None:
        """Close the connections and end the threads."""
        self._workers.close()
        self._engine.dispose()

    async def _run(self, work: Callable[[sa.Connection], T]) -> T:
        job = _Job(Lock())
        return await self._workers.run(lambda: self._work(work, job), job.stop)

    def _work(self, work: Callable[[sa.Connection], T], job: _Job) -> T:
        """Do work on a connection, in a thread; what the driver raises is said without the driver's own words.

        The driver repeats cells in its messages, therefore they are not passed on as the cause either.
        """
        try:
            self._follow_file()
            with self._engine.connect() as open_:
                job.running = _driver_of(open_)
                try:
                    return work(open_)
                finally:
                    with job.lock:
                        job.running = None
        except HandschlagError:
            raise
        except (sa.exc.DBAPIError, sqlite3.Error, OSError) as error:
            failure = self._told(error)
        raise failure from None

    def _told(self, error: Exception) -> HandschlagError:
        words = str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)
        if words.startswith("no such"):
            return Malformed(f"{self._mapping.location}: a table or column that {self._mapping.file} names is missing")
        if words.startswith("Could not decode"):
            return Malformed(f"{self._mapping.location}, table {self._mapping.table}: holds text that is not UTF-8")
        return Unavailable(f"{self._mapping.location}: the database cannot be read now ({type(error).__name__})")

    def _follow_file(self) -> None:
        """Drop the open connections when the file was replaced by another; they would go on reading the old one."""
        stat = self._path.stat()
        file = (stat.st_dev, stat.st_ino)
        if file != self._file:
            self._engine.dispose()
            self._file = file

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=self._lock_wait_s, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        return connection

    def _find(self, rows: Iterator[Row], wanted: Callable[[Candidate], bool]) -> tuple[Candidate, ...]:
        candidates = (self._reader.candidate(row) for row in rows)
        return tuple(islice((one for one in candidates if one is not None and wanted(one)), MAX_CANDIDATES))

    def _rows(self, open_: sa.Connection, where: sa.ColumnElement[bool]) -> Iterator[Row]:
        """Read the person columns row by row, so that a large table is never in memory."""
        yield from (tuple(row) for row in open_.execute(self._person_rows(where).execution_options(yield_per=500)))

    def _one(self, open_: sa.Connection, where: sa.ColumnElement[bool], ref: LocalRef) -> Candidate:
        rows = open_.execute(self._person_rows(where).limit(2), _key(ref)).fetchall()
        self._demand_one(rows)
        candidate = self._reader.candidate(tuple(rows[0]))
        if candidate is None:
            message = f"{self._mapping.location}, table {self._mapping.table}: the row has no usable name"
            raise Malformed(message)
        return candidate

    def _person_rows(self, where: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
        columns = [self._main.c[name] for name in self._persons]
        return sa.select(*columns).where(where).order_by(columns[0])

    def _demand_one(self, rows: Sequence[object]) -> None:
        place = f"{self._mapping.location}, table {self._mapping.table}"
        if not rows:
            message = f"{place}: the row is no longer there"
            raise Unavailable(message)
        if len(rows) > 1:
            message = f"{place}, column {self._mapping.key}: the key is not unique"
            raise Malformed(message)

    def _narrowed(self, query: Search) -> Iterator[sa.ColumnElement[bool]]:
        """Give conditions that every fitting row meets; some other rows may meet them too."""
        person, column = self._mapping.person, self._main.c
        if query.birth_date:
            yield _born(column[person.birth_date.column], query.birth_date, person.birth_date)
        if query.file_number:
            yield _like(column[self._mapping.file_number or self._mapping.key], query.file_number)
        if query.given_names:
            yield _like(column[person.given_names], query.given_names)
        if query.family_name:
            names = (column[name] for name in (person.family_name, *person.other_names))
            yield sa.or_(*(_like(name, query.family_name) for name in names))

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
        table = _table(detail.table, (*columns, *ordered))
        selected = sa.select(*(table.c[column] for column in columns)).where(_is_key(table.c[detail.key]))
        return _Part(
            table=detail.table,
            statement=selected.order_by(*(table.c[column] for column in ordered)),
            readings=readings(rules_of(self._mapping, name, fields), columns),
        )

    def _read(self, open_: sa.Connection, parts: tuple[_Part, ...], ref: LocalRef) -> tuple[FieldValues, ...]:
        if len(parts) > 1:
            open_.exec_driver_sql("BEGIN")
        key = _key(ref)
        main = open_.execute(parts[0].statement, key).fetchall()
        self._demand_one(main)
        found = self._values(parts[0], main)
        for part in parts[1:]:
            found |= self._values(part, open_.execute(part.statement, key).fetchall())
        return tuple(FieldValues(field=name, values=found[name]) for name in sorted(found))

    def _values(self, part: _Part, rows: Sequence[Row]) -> dict[FieldName, tuple[Value, ...]]:
        place = f"{self._mapping.location}, table {part.table}"
        if len(rows) > MAX_DETAIL_ROWS:
            message = f"{place}: more than {MAX_DETAIL_ROWS} rows for one person"
            raise Malformed(message)
        found: dict[FieldName, list[Value]] = {reading.field: [] for reading in part.readings}
        try:
            for row in rows:
                for name, value in read_row(part.readings, row):
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
        missing = [place for table, columns in wanted.items() for place in _missing(open_, table, columns)]
        if missing:
            raise Malformed("\n".join(f"{mapping.location}, {place} is missing" for place in missing))
        key = self._main.c[mapping.key]
        if open_.execute(sa.select(key).group_by(key).having(sa.func.count() > 1).limit(1)).first():
            message = f"{mapping.location}, table {mapping.table}, column {mapping.key}: the key is not unique"
            raise Malformed(message)


def _table(name: str, columns: Iterable[str]) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in dict.fromkeys(columns)))


def _is_key(column: sa.ColumnClause[object]) -> sa.ColumnElement[bool]:
    """Compare a column with a key that may stand there as text or as a number; SQLite tells the two apart."""
    return sa.or_(column == sa.bindparam("text"), column == sa.bindparam("number"))


def _key(ref: LocalRef) -> dict[str, str | int]:
    return {"text": ref, "number": int(ref) if re.fullmatch("-?(0|[1-9][0-9]{0,17})", ref) else ref}


def _driver_of(open_: sa.Connection) -> sqlite3.Connection:
    """Give the driver's own connection, the only one that another thread can interrupt."""
    return cast("sqlite3.Connection", open_.connection.dbapi_connection)


def _missing(open_: sa.Connection, table: str, columns: Iterable[str]) -> Iterator[str]:
    """Name what is not there; SQLite does not tell ASCII capitals from small letters in names."""
    try:
        there = {column["name"].lower() for column in sa.inspect(open_).get_columns(table)}
    except sa.exc.NoSuchTableError:
        yield f"table {table}"
        return
    yield from (f"table {table}, column {name}" for name in sorted(columns) if name.lower() not in there)


def _like(column: sa.ColumnClause[object], typed: str) -> sa.ColumnElement[bool]:
    """Give a condition that every text holding what was typed meets, whatever its case, accents and blanks.

    SQLite folds the case of ASCII letters only, so everything else becomes a wildcard, and so does the pair "ss" for
    which the row may hold the one letter of German.
    """
    return column.like("%" + re.sub(r"(ss|[^a-z0-9])+", "%", normal_name(typed)) + "%")


def _born(column: sa.ColumnClause[object], born: str, rule: Cell) -> sa.ColumnElement[bool]:
    """Give a condition that every row meets whose birth date agrees with `born` as far as both are known."""
    dates = [dict(zip("Ymd", born.split("-"), strict=False))]
    if rule.first_of_january == "year":
        dates.append({"Y": born[:4], "m": "01", "d": "01"})
    exact: set[str] = set()
    patterns: set[str] = set()
    for written in rule.formats:
        for known in dates:
            texts = set(_written(written, known))
            (patterns if any("\0" in text for text in texts) else exact).update(texts)
    likes = (column.like(_escaped(text), escape="\\") for text in sorted(patterns))
    return sa.or_(column.in_(sorted(exact)), *likes)


def _written(written: str, known: Mapping[str, str]) -> Iterator[str]:
    """Write a date in a format, with and without leading zeros; a zero byte stands for what is not known."""
    yield re.sub("%([dmY])", lambda match: known.get(match[1], "\0"), written)
    yield re.sub("%([dmY])", lambda match: known.get(match[1], "\0").lstrip("0"), written)


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text).replace("\0", "%")
