"""A source held in memory, for flow tests: rows, the fields that were read, and a switch to take it down."""

from dataclasses import dataclass, field

from adapters.sources.persons import demand_query, fits, may_be
from adapters.sources.port import MAX_CANDIDATES, Candidate, Listing, LocalRef, Search
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
    closed: bool = False

    @property
    def by_hand(self) -> bool:
        """No human is needed to look."""
        return False

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields this source can deliver."""
        return self.fields

    def add(
        self, ref: str, person: PersonBlock, values: dict[str, str], *, blocked: bool = False, guardian: bool = False
    ) -> None:
        """Put a row in, whose key is its file number as well."""
        self.put(Candidate(LocalRef(ref), ref, person, transfer_block=blocked, guardian=guardian), values)

    def put(self, candidate: Candidate, values: dict[str, str]) -> None:
        """Put a row in."""
        self.rows[candidate.ref] = (candidate, {FieldName(name): value for name, value in values.items()})

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Compare every row."""
        self._check()
        return tuple(row for row, _ in self.rows.values() if may_be(person, row))[:MAX_CANDIDATES]

    async def persons(self, after: object | None) -> Listing:
        """Give all rows at once."""
        del after
        self._check()
        return Listing(tuple(row for row, _ in self.rows.values()), None)

    async def state(self) -> str:
        """Name the rows."""
        self._check()
        return str(hash(tuple(row for row, _ in self.rows.values())))

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Give one row by its key."""
        self._check()
        return self._row(ref)[0]

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Compare every row with what was typed."""
        demand_query(query)
        self._check()
        return tuple(row for row, _ in self.rows.values() if fits(query, row))[:MAX_CANDIDATES]

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Read the named fields of one row, and remember which were read."""
        self._check()
        if not fields <= self.fields:
            message = f"fields: the catalogue has no {', '.join(sorted(fields - self.fields))}"
            raise Misuse(message)
        values = self._row(ref)[1]
        self.read.append(fields)
        return tuple(
            FieldValues(field=name, values=(Value(value=values[name]),) if name in values else ())
            for name in sorted(fields)
        )

    async def check(self) -> None:
        """Say whether it is up."""
        self._check()

    async def close(self) -> None:
        """Answer no more."""
        self.closed = True

    def _row(self, ref: LocalRef) -> tuple[Candidate, dict[FieldName, str]]:
        if ref not in self.rows:
            message = "source: the row is no longer there"
            raise Unavailable(message)
        return self.rows[ref]

    def _check(self) -> None:
        if self.down or self.closed:
            message = f"source: {'closed' if self.closed else 'down'}"
            raise Unavailable(message)
