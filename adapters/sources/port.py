"""The contract of a source: an agency's own database or spreadsheet, read and never written.

Promises every kind of source keeps, and `tests/contract/test_sources.py` checks:

* Only what is asked is read: `fetch` selects the granted fields' columns, the columns of their provenance and the key,
  nothing else; `candidates`, `lookup` and `search` read the person columns only.
* Never a wrong or empty record: what cannot be read raises, and the exception says whose fault it is.
  `Unavailable`: the system, file or row is not there now; the same call may succeed later. `Malformed`: table, sheet,
  column or cell breaks a rule of the mapping; somebody at the agency has to mend it. `Misuse`: our own code asked for
  what the catalogue does not hold. Messages name file, table or sheet, row where there is one, column and rule, and
  never what stands in a cell.
* Nothing blocks the event loop: the work is done in the source's own worker threads. Every call is bounded in time and
  in size.
* Nothing is remembered across a change: a replaced database or a newly saved spreadsheet is seen by the next call.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple, NewType, Protocol

from schemas.ids import FieldName
from schemas.record import FieldValues, IsoDate, Name, PersonBlock
from schemas.wire import Wire

LocalRef = NewType("LocalRef", str)
"""The key of a person's row in the agency's own system; it never leaves the agency."""

PERSONS_AT_ONCE: Final = 2000
"""Rows in one part of a listing."""
MAX_CANDIDATES: Final = 50
"""More rows than these are not told apart by a machine or a person; the list is cut there."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be the person, as the agency has it.

    `transfer_block`: nothing about this person may be handed out (§ 4 AZRG, § 51 BMG). `guardian`: somebody else acts
    for the person. Both are true as well where the cell cannot be read: a doubt protects. `team` is whose client the
    person is, as the mapping's column says; empty where there is no such column or nothing stands in it.
    """

    ref: LocalRef
    file_number: str
    person: PersonBlock
    transfer_block: bool
    guardian: bool
    team: str = ""


class Listing(NamedTuple):
    """A part of all rows; `after` is what the next call begins behind, None after the last part."""

    candidates: tuple[Candidate, ...]
    after: object | None


class Search(Wire):
    """What a caseworker knows of a client of their own agency; all that is given must fit.

    Names fit where the row's name begins with them, `birth_date` may be a day, month or year. `team` limits the search
    to one team's clients and those of nobody; it is not something to search for by itself.
    """

    family_name: Name | None = None
    given_names: Name | None = None
    birth_date: IsoDate | None = None
    file_number: Name | None = None
    team: Name | None = None


class Source(Protocol):
    """One system of one agency."""

    @property
    def by_hand(self) -> bool:
        """Whether only a human can look, as in a paper file: every request then waits for one (see `paper.py`).

        Such a source finds nobody, and `fetch` gives what a human prepared for a release.
        """

    @property
    def catalogue(self) -> frozenset[FieldName]:
        """The fields this source can deliver, as its mapping says; no data is read for it."""

    async def candidates(self, person: PersonBlock) -> tuple[Candidate, ...]:
        """Give the rows that may be this person, always in the same order, at most `MAX_CANDIDATES`.

        A row may be the person when one of its names (family name, other names) is one of the person's after
        normalisation (NFC, case folded, blanks collapsed), and the birth dates agree as far as both are known. Without
        a birth date on both sides nothing agrees. Whether a candidate is certain is not decided here.
        """

    async def persons(self, after: object | None) -> Listing | None:
        """Give the next rows of all, those without a usable name left out; None where a source cannot list everybody.

        Beginning with `after` None and going on with what each part gives, every row that was there all the while is
        given once. A part is bounded in size.
        """

    async def state(self) -> str | None:
        """Name the state the rows are in, at little cost; another name after a change. None where nobody can tell."""

    async def search(self, query: Search) -> tuple[Candidate, ...]:
        """Give the rows that fit what a caseworker typed, always in the same order, at most `MAX_CANDIDATES`.

        Raises Misuse when nothing was given to search for.
        """

    async def lookup(self, ref: LocalRef) -> Candidate:
        """Give one row by its key, as it is now: for later contacts, whose person is known by a handle.

        Raises Unavailable when the row is no longer there, Malformed when the key is not unique or the row has no
        usable name.
        """

    async def fetch(self, ref: LocalRef, fields: frozenset[FieldName]) -> tuple[FieldValues, ...]:
        """Read the named fields of one row, sorted by field name, each value with its provenance.

        A field the source knows but has nothing for comes with no values. Raises Misuse for a field outside the
        catalogue, Unavailable when the row is no longer there, Malformed when the key is not unique.
        """

    async def check(self) -> None:
        """Prove that the source can be read as the mapping says, before anybody depends on it.

        Raises Unavailable or Malformed with what to mend. It says nothing about persons.
        """

    async def close(self) -> None:
        """End the worker threads and connections; every later call raises Unavailable."""
