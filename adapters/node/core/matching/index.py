"""The holder's own persons, ready to be asked for one: an index in memory that follows the source row by row."""

from collections.abc import Container
from typing import Literal, NamedTuple

from adapters.node.core.matching.blocks import Blocks
from adapters.node.core.matching.compare import Comparison, agreement, name_matches
from adapters.node.core.matching.dates import Birth, read_date, year_of
from adapters.node.core.matching.decide import (
    MAX_FOUND,
    Doubt,
    Found,
    Match,
    Scored,
    doubts_of,
    is_shown,
    outcome_of,
    rivalry,
)
from adapters.node.core.matching.frequencies import Frequencies
from adapters.node.core.matching.names import Names
from adapters.node.core.matching.weights import DEFAULT, Weights
from adapters.sources.port import Candidate, LocalRef
from schemas.ids import CodeName
from schemas.record import IsoDate, PersonBlock


class _Row(NamedTuple):
    """A candidate taken apart: as it is, with its person block, it would take four times the memory."""

    ref: LocalRef
    file_number: str
    family_name: str
    given_names: str
    birth_date: IsoDate | None
    birth_country: CodeName | None
    sex: Literal["m", "w", "d", "x"] | None
    other_names: tuple[str, ...]
    transfer_block: bool
    guardian: bool
    team: str

    def names(self) -> Names:
        """Give the names as words."""
        return Names.of(self.given_names, self.family_name, self.other_names)

    def candidate(self) -> Candidate:
        """Put the candidate together again."""
        person = PersonBlock(
            family_name=self.family_name,
            given_names=self.given_names,
            birth_date=self.birth_date,
            birth_country=self.birth_country,
            sex=self.sex,
            other_names=self.other_names,
        )
        return Candidate(self.ref, self.file_number, person, self.transfer_block, self.guardian, self.team)


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
        self._free: list[int] = []
        self._blocks = Blocks()
        self._learned = Frequencies()
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self._rows)

    def add(self, candidate: Candidate) -> None:
        """Add a row, or replace the one of the same key; a row that is held as it is costs next to nothing.

        Texts that many rows share are kept once.
        """
        row, known = _taken_apart(candidate, self._texts), self._numbers.get(candidate.ref)
        if known is not None and self._rows[known] == row:
            return
        self.remove(candidate.ref)
        number = self._free.pop() if self._free else len(self._rows)
        self._rows[number] = row
        self._numbers[row.ref] = number
        names, date = row.names(), read_date(row.birth_date)
        self._blocks.add(number, names.all_words(), date)
        self._learned.add(names, year_of(date))

    def keep(self, refs: Container[LocalRef]) -> None:
        """Take out every row whose key is none of these."""
        for ref in [ref for ref in self._numbers if ref not in refs]:
            self.remove(ref)

    def remove(self, ref: LocalRef) -> None:
        """Take the row of a key out; nothing happens where there is none."""
        number = self._numbers.pop(ref, None)
        if number is None:
            return
        row = self._rows.pop(number)
        names, date = row.names(), read_date(row.birth_date)
        self._blocks.remove(number, names.all_words(), date)
        self._learned.remove(names, year_of(date))
        self._free.append(number)

    def query(self, person: PersonBlock) -> Match:
        """Look for a person; the same rows and the same person give the same answer."""
        names = Names.of(person.given_names, person.family_name, person.other_names)
        birth = Birth.of(read_date(person.birth_date))
        numbers = self._blocks.find(names.all_words(), birth, self._learned.years())
        scored = [self._score(person, names, birth, number) for number in numbers]
        scored.sort(key=lambda one: (-one.score_bits, self._rows[one.row].ref))
        shown = [one for one in scored if is_shown(one, self._weights)][:MAX_FOUND]
        if not shown:
            return Match("none", ())
        best = shown[0]
        others = [one for one in scored if one is not best]
        found = [Found(self._rows[one.row].candidate(), one.score_bits, self._doubts(one)) for one in shown]
        found[0] = found[0]._replace(doubts=found[0].doubts | rivalry(best, others, self._weights))
        outcome = outcome_of(found[0].doubts)
        return Match(outcome, tuple(found[:1] if outcome == "certain" else found))

    def _score(self, person: PersonBlock, names: Names, birth: Birth, number: int) -> Scored:
        """Compare the person with one row, in the way of laying the names side by side that speaks most for it."""
        row = self._rows[number]
        theirs, date = row.names(), read_date(row.birth_date)
        years = (year_of(birth.date), year_of(date))
        best = max(
            name_matches(names, theirs),
            key=lambda match: self._weights.names(match, self._learned),
        )
        comparison = Comparison(
            best,
            birth.kind(date),
            agreement(person.sex, row.sex),
            agreement(person.birth_country, row.birth_country),
        )
        return Scored(number, comparison, years, self._weights.score(comparison, years, self._learned))

    def _doubts(self, one: Scored) -> frozenset[Doubt]:
        return doubts_of(one, self._learned, self._weights)


def _taken_apart(candidate: Candidate, texts: dict[str, str]) -> _Row:
    """Take a candidate apart, with texts that are already held instead of equal ones."""
    person = candidate.person
    return _Row(
        candidate.ref,
        candidate.file_number,
        texts.setdefault(person.family_name, person.family_name),
        texts.setdefault(person.given_names, person.given_names),
        person.birth_date and texts.setdefault(person.birth_date, person.birth_date),
        person.birth_country and CodeName(texts.setdefault(person.birth_country, person.birth_country)),
        person.sex,
        person.other_names,
        candidate.transfer_block,
        candidate.guardian,
        texts.setdefault(candidate.team, candidate.team),
    )
