"""What a spreadsheet and a CSV file have in common as a source: one file, one heading per column, one row per person.

The file is read whole into memory, as far as the mapping names its columns, and read again when it has changed: each
call asks the file system for its stamp, nothing runs in between. While somebody is saving it, the last complete reading
goes on serving; a file that is gone serves nothing. A location whose last part holds `*`, as `kunden-*.csv`, stands for
the newest file of such a name in its folder.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from adapters.sources.cells import Unreadable, read_cell, read_date, read_flag, read_row, read_text, readings
from adapters.sources.headings import Line
from adapters.sources.mapping import SourceMapping, field_columns, person_columns, rules_of
from adapters.sources.persons import RowReader, demand_query, fits, may_be, names_of
from adapters.sources.port import MAX_CANDIDATES, PERSONS_AT_ONCE, Candidate, Listing, LocalRef, Search
from adapters.sources.survey import Survey
from adapters.sources.workers import Workers
from schemas.errors import HandschlagError, Malformed, Misuse, Unavailable
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock

TIMEOUT_S: Final = 30.0
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_FINDINGS: Final = 20

_Stamp = tuple[Path, int, int, int, int]
"""Path, device, inode, size and time of change of a file: another stamp, another content."""

Reader = Callable[[bytes, Sequence[str]], tuple[Line, ...]]
"""Makes the lines of a file out of its bytes, with the cells of the named columns in that order.

Raises Unavailable for bytes that are not whole, Malformed for what somebody has to mend.
"""


class _Contents(NamedTuple):
    """A complete reading of the file."""

    stamp: _Stamp
    lines: tuple[Line, ...]
    by_key: Mapping[str, tuple[Line, ...]]
    candidates: tuple[Candidate, ...]
    by_name: Mapping[str, tuple[Candidate, ...]]


class TableFile:
    """A file that is one table. Keeps the contract of `adapters.sources.port.Source`."""

    by_hand: Final = False

    def __init__(self, mapping: SourceMapping, path: Path, read: Reader, *, timeout_s: float) -> None:
        """Prepare for the file at `path`, whose bytes `read` makes into lines; nothing is opened before the first call.

        `timeout_s` bounds each call; the first one, and each after a change, reads the whole file.
        """
        self._mapping = mapping
        self._path = path
        self._read = read
        self._place = f"{mapping.location}, sheet {mapping.table}" if mapping.table else mapping.location
        self._workers = Workers(mapping.location, 1, timeout_s)  # one thread, so what follows needs no lock
        self._columns = tuple(
            dict.fromkeys((*person_columns(mapping), *field_columns(mapping, None, frozenset(mapping.fields))))
        )
        self._reader = RowReader(mapping, self._columns)
        self._contents: _Contents | None = None
        self._failed: tuple[_Stamp, type[HandschlagError], str] | None = None

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields of the mapping."""
        return frozenset(self._mapping.fields)

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Look the person's names up, then compare birth dates."""
        return await self._workers.run(lambda: self._candidates(person), _let_run)

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Compare every row with what was typed."""
        demand_query(query)
        return await self._workers.run(
            lambda: tuple(one for one in self._current().candidates if fits(query, one))[:MAX_CANDIDATES], _let_run
        )

    async def persons(self, after: object | None) -> Listing:
        """Give the rows as they stand in the file, in parts."""
        first = after if isinstance(after, int) else 0
        return await self._workers.run(lambda: self._listed(first), _let_run)

    async def state(self) -> str:
        """Name the reading that is in force, which while a file is being saved is the one before."""
        return await self._workers.run(lambda: ".".join(map(str, self._current().stamp)), _let_run)

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Read the person columns of one row."""
        return await self._workers.run(lambda: self._lookup(ref), _let_run)

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Read the cells of the granted fields out of one row."""
        if not fields <= self.catalogue:
            message = f"{self._mapping.file}: it maps no {', '.join(sorted(fields - self.catalogue))}"
            raise Misuse(message)
        return await self._workers.run(lambda: self._fetch(ref, fields), _let_run)

    async def check(self) -> None:
        """Read the file as it lies there now, and every cell that the mapping names."""
        await self._workers.run(self._check, _let_run)

    async def survey(self) -> Survey:
        """Count what all rows say; for the people who connect the source."""
        return await self._workers.run(self._survey, _let_run)

    async def close(self) -> None:
        """End the thread and forget what was read."""
        self._workers.close()
        self._contents = None

    def _current(self) -> _Contents:
        """Give the reading that is in force: the file's own, or the last one while the file is being saved."""
        try:
            return self._of_file()
        except Unavailable:
            if self._contents is None or not self._contents.stamp[0].is_file():
                raise
            return self._contents

    def _of_file(self) -> _Contents:
        """Give the reading of the file as it is now; a file that failed is not read again until it changes."""
        stamp = self._stamp()
        if self._contents is not None and self._contents.stamp == stamp:
            return self._contents
        if self._failed is not None and self._failed[0] == stamp:
            raise self._failed[1](self._failed[2])
        raw = self._bytes(stamp[0])
        try:
            lines = self._read(raw, self._columns)
        except HandschlagError as error:
            self._failed = (stamp, type(error), str(error))
            raise
        if self._stamp() != stamp:
            message = f"{self._mapping.location}: the file is being written"
            raise Unavailable(message)
        self._contents = self._contents_of(stamp, lines)
        return self._contents

    def _stamp(self) -> _Stamp:
        """Ask which file is in force and what state it is in."""
        try:
            if "*" not in self._path.name:
                return _stamp_of(self._path)
            stamps = [_stamp_of(path) for path in self._path.parent.glob(self._path.name) if path.name[0] not in ".~"]
        except OSError as error:
            message = f"{self._mapping.location}: the file cannot be found ({type(error).__name__})"
            raise Unavailable(message) from None
        if not stamps:
            message = f"{self._mapping.location}: no file of this name is there"
            raise Unavailable(message)
        return max(stamps, key=lambda stamp: (stamp[-1], stamp[0].name))

    def _bytes(self, path: Path) -> bytes:
        """Read the file, unless another program has locked it or it is too large."""
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                raw = file.read(MAX_FILE_BYTES + 1)
        except BlockingIOError:
            message = f"{self._mapping.location}: another program has locked the file; close it there"
            raise Unavailable(message) from None
        except OSError as error:
            message = f"{self._mapping.location}: the file cannot be read ({type(error).__name__})"
            raise Unavailable(message) from None
        if len(raw) > MAX_FILE_BYTES:
            message = f"{self._mapping.location}: more than {MAX_FILE_BYTES} bytes"
            raise Malformed(message)
        return raw

    def _contents_of(self, stamp: _Stamp, lines: tuple[Line, ...]) -> _Contents:
        by_key: dict[str, tuple[Line, ...]] = {}
        by_name: dict[str, tuple[Candidate, ...]] = {}
        candidates = []
        for line in lines:
            candidate = self._reader.candidate(line.cells)
            key = self._reader.key(line.cells)
            if key is not None:
                by_key[key] = (*by_key.get(key, ()), line)
            if candidate is not None:
                candidates.append(candidate)
                for name in names_of(candidate.person):
                    by_name[name] = (*by_name.get(name, ()), candidate)
        return _Contents(stamp, lines, by_key, tuple(candidates), by_name)

    def _candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        by_name = self._current().by_name
        named = dict.fromkeys(one for name in sorted(names_of(person)) for one in by_name.get(name, ()))
        return tuple(one for one in named if may_be(person, one))[:MAX_CANDIDATES]

    def _listed(self, first: int) -> Listing:
        candidates, end = self._current().candidates, first + PERSONS_AT_ONCE
        return Listing(candidates[first:end], end if end < len(candidates) else None)

    def _line(self, ref: LocalRef) -> Line:
        lines = self._current().by_key.get(ref, ())
        if not lines:
            message = f"{self._place}: the row is no longer there"
            raise Unavailable(message)
        if len(lines) > 1:
            raise Malformed(self._double(lines))
        return lines[0]

    def _lookup(self, ref: LocalRef) -> Candidate:
        line = self._line(ref)
        candidate = self._reader.candidate(line.cells)
        if candidate is None:
            message = f"{self._place}, row {line.number}: the row has no usable name"
            raise Malformed(message)
        return candidate

    def _fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        line = self._line(ref)
        wanted = readings(rules_of(self._mapping, None, fields), self._columns)
        try:
            found = sorted(read_row(wanted, line.cells))
        except Unreadable as unreadable:
            message = f"{self._place}, row {line.number}, {unreadable}"
            raise Malformed(message) from None
        return tuple(FieldValues(field=name, values=() if value is None else (value,)) for name, value in found)

    def _double(self, lines: tuple[Line, ...]) -> str:
        rows = " and ".join(str(line.number) for line in lines[:MAX_FINDINGS])
        return f"{self._place}, rows {rows}, column {self._mapping.key}: the key is not unique"

    def _check(self) -> None:
        contents = self._of_file()
        findings = [self._double(lines) for lines in contents.by_key.values() if len(lines) > 1]
        for line in contents.lines:
            if len(findings) >= MAX_FINDINGS:
                break
            findings += [f"{self._place}, row {line.number}, {finding}" for finding in self._findings(line)]
        if findings:
            raise Malformed("\n".join(findings[:MAX_FINDINGS]))

    def _survey(self) -> Survey:
        survey = Survey(self._mapping)
        for line in self._of_file().lines:
            survey.add(line.cells)
        return survey

    def _findings(self, line: Line) -> Iterator[str]:
        """Say which cells of a row break the mapping, each column once."""
        cells = dict(zip(self._columns, line.cells, strict=True))
        findings: dict[str, str] = {}
        for column, read in self._rules():
            try:
                read(cells[column])
            except Unreadable as unreadable:
                findings.setdefault(column, str(unreadable))
        yield from findings.values()
        if not findings and self._reader.candidate(line.cells) is None:
            yield "the key, the family name or the given names are blank or too long, so nobody finds this row"

    def _rules(self) -> Iterator[tuple[str, Callable[[object], object]]]:
        """Give every column with the way it is read."""
        person = self._mapping.person
        for column in (self._mapping.key, person.family_name, person.given_names, *person.other_names):
            yield column, partial(read_text, column)
        for rule in (person.birth_date, person.sex, person.birth_country, *self._mapping.fields.values()):
            if rule is not None:
                yield rule.column, partial(read_cell, rule)
        disputed = (rule.disputed for rule in self._mapping.fields.values())
        for flag in (person.transfer_block, person.guardian, *disputed):
            if flag is not None:
                yield flag, partial(read_flag, flag)
        for rule in self._mapping.fields.values():
            for dated in (rule.recorded_at, rule.discussed):
                if dated is not None:
                    yield dated, partial(read_date, dated, formats=rule.recorded_formats)


def _stamp_of(path: Path) -> _Stamp:
    stat = path.stat()
    return path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def _let_run() -> None:
    """Let a reading end by itself; it cannot be interrupted, and nobody waits for it."""
