"""The holder's own persons, ready to be asked for one: an index in memory that follows the source row by row."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from adapters.node.core.matching.blocks import Blocks
from adapters.node.core.matching.compare import Comparison, agreement, name_matches
from adapters.node.core.matching.dates import Birth, read_date, year_of
from adapters.node.core.matching.decide import MAX_FOUND, Found, Match, Scored, doubts_of, outcome_of, rivalry
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.names import Names
from adapters.node.core.matching.weights import DEFAULT, Weights
from adapters.sources.port import Candidate, LocalRef
from schemas.record import PersonBlock

PROGRESS_EVERY: Final = 1000
"""Rows between two reports of progress."""


class _Row(NamedTuple):
    """What is kept of a candidate; a person block itself would take four times the memory."""

    ref: LocalRef
    file_number: str
    person: tuple[object, ...]
    names: Names
    date: int
    flags: int


class PersonIndex:
    """Finds the one row that is a given person, or those a human must choose from.

    Rows are added, replaced and removed as the source changes; how common names are is learned on the way. One query
    looks at the rows that share a birth date, or a year and a name, with the person, never at all rows. Not safe for
    use from several threads.
    """

    def __init__(self, weights: Weights = DEFAULT) -> None:
        """Begin without rows."""
        self._weights = weights
        self._rows: dict[int, _Row] = {}
        self._numbers: dict[LocalRef, int] = {}
        self._next = 0
        self._blocks = Blocks()
        self._learned = Frequencies()
        self._texts: dict[object, object] = {}
