"""A source held in memory, for flow tests: rows, the fields that were read, and a switch to take it down."""

from dataclasses import dataclass, field

from adapters.sources.port import Candidate, LocalRef, Search
from schemas.errors import Misuse, Unavailable
from schemas.ids import FieldName
from schemas.record import FieldValues, PersonBlock, Value


@dataclass
class MemorySource:
    """Rows by key: the person, and the values of the fields it can deliver."""

    fields: frozenset[FieldName]
    rows: dict[LocalRef, tuple[Candidate, dict[FieldName, str]]] = field(default_factory=dict)
    read: list[frozenset[FieldName]] = field(default_factory=list)
    down: bool = False

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields this source can deliver."""
        return self.fields

    def add(
        self, ref: str, person: PersonBlock, values: dict[str, str], *, blocked: bool = False, guardian: bool = False
    ) -> None:
        """Put a row in."""
        candidate = Candidate(LocalRef(ref), ref, person, transfer_block=blocked, guardian=guardian)
        self.rows[LocalRef(ref)] = (candidate, {FieldName(name): value for name, value in values.items()})

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Give the rows of the same family name and birth date."""
        self._check()
        return tuple(
            row
            for row, _ in self.rows.values()
            if (row.person.family_name, row.person.birth_date) == (person.family_name, person.birth_date)
        )

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Give one row by its key."""
        self._check()
        return self.rows[ref][0]

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Give the rows whose family name is asked for."""
        self._check()
        return tuple(row for row, _ in self.rows.values() if row.person.family_name == query.family_name)

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Read the named fields of one row, and remember which were read."""
        self._check()
        if not fields <= self.fields:
            message = "fields: outside the catalogue"
            raise Misuse(message)
        self.read.append(fields)
        values = self.rows[ref][1]
        return tuple(
            FieldValues(field=name, values=(Value(value=values[name]),) if name in values else ()) for name in sorted(fields)
        )

    async def check(self) -> None:
        """Say whether it is up."""
        self._check()

    async def close(self) -> None:
        """Nothing to close."""

    def _check(self) -> None:
        if self.down:
            message = "source: down"
            raise Unavailable(message)
