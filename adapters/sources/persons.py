"""From a row to a candidate, and whether it may be the person asked for. Pure."""

from collections.abc import Sequence
from typing import Final, Literal

from pydantic import ValidationError

from adapters.sources.cells import Row, Unreadable, read_cell, read_flag, read_text
from adapters.sources.mapping import Cell, SourceMapping
from adapters.sources.port import Candidate, LocalRef, Search
from adapters.sources.text import normal_name
from schemas.errors import Misuse
from schemas.ids import CodeName
from schemas.record import PersonBlock

_SEXES: Final[dict[str, Literal["m", "w", "d", "x"]]] = {"m": "m", "w": "w", "d": "d", "x": "x"}


class RowReader:
    """Makes candidates out of rows whose columns stand in one known order."""

    def __init__(self, mapping: SourceMapping, columns: Sequence[str]) -> None:
        """Find the places of the person columns; the mapping has named them all."""
        self._mapping = mapping
        self._at = {column: at for at, column in enumerate(columns)}

    def key(self, row: Row) -> LocalRef | None:
        """Give what names the row, as it stands there, or None where that cell is blank or unreadable."""
        cell = row[self._at[self._mapping.key]]
        key = self._text(row, self._mapping.key)
        return None if key is None else LocalRef(cell if isinstance(cell, str) else key)

    def is_named(self, row: Row, names: frozenset[str]) -> bool:
        """Tell at little cost whether a row has one of these names, in the form in which names are compared."""
        person = self._mapping.person
        found = (self._text(row, column) for column in (person.family_name, *person.other_names))
        return any(name is not None and normal_name(name) in names for name in found)

    def candidate(self, row: Row) -> Candidate | None:
        """Give the candidate, or None where the row has no key or no usable name.

        A cell that cannot be read counts as not known; a protecting flag that cannot be read counts as set. Agreement
        needs a name and a birth date, so an unreadable cell never makes a wrong match.
        """
        person = self._mapping.person
        ref = self.key(row)
        family_name, given_names = self._text(row, person.family_name), self._text(row, person.given_names)
        if ref is None or family_name is None or given_names is None:
            return None
        number = self._text(row, self._mapping.file_number or self._mapping.key)
        sex, country = self._cell(row, person.sex), self._cell(row, person.birth_country)
        try:
            block = PersonBlock(
                family_name=family_name,
                given_names=given_names,
                birth_date=self._cell(row, person.birth_date),
                birth_country=None if country is None else CodeName(country),
                sex=None if sex is None else _SEXES[sex],
                other_names=tuple(name for name in (self._text(row, column) for column in person.other_names) if name),
            )
        except ValidationError:
            return None
        return Candidate(
            ref=ref,
            file_number=number or ref,
            person=block,
            transfer_block=self._flag(row, person.transfer_block),
            guardian=self._flag(row, person.guardian),
            team=(self._text(row, person.team) or "") if person.team else "",
        )

    def _text(self, row: Row, column: str) -> str | None:
        try:
            return read_text(column, row[self._at[column]])
        except Unreadable:
            return None

    def _cell(self, row: Row, rule: Cell | None) -> str | None:
        if rule is None:
            return None
        try:
            read = read_cell(rule, row[self._at[rule.column]])
        except Unreadable:
            return None
        return None if read is None else str(read.value)

    def _flag(self, row: Row, column: str | None) -> bool:
        if column is None:
            return False
        try:
            return read_flag(column, row[self._at[column]])
        except Unreadable:
            return True


def names_of(person: PersonBlock) -> frozenset[str]:
    """Give the names under which a person may be filed, in the form in which names are compared."""
    return frozenset(normal_name(name) for name in (person.family_name, *person.other_names))


def dates_agree(one: str | None, other: str | None) -> bool:
    """Tell whether two birth dates agree as far as both are known; an unknown one agrees with nothing."""
    return one is not None and other is not None and (one.startswith(other) or other.startswith(one))


def may_be(person: PersonBlock, candidate: Candidate) -> bool:
    """Tell whether a row may be the person: one name and the birth date agree."""
    known = candidate.person
    return dates_agree(person.birth_date, known.birth_date) and not names_of(person).isdisjoint(names_of(known))


def of_team(team: str | None, candidate: Candidate) -> bool:
    """Tell whether a member of a team may work with a row: it is the team's, or nobody's yet; None is of every team."""
    return not team or not candidate.team or normal_name(team) == normal_name(candidate.team)


def demand_query(query: Search) -> None:
    """Refuse a search for nothing with Misuse."""
    if not any((query.family_name, query.given_names, query.birth_date, query.file_number)):
        message = "search: give at least a name, a birth date or a file number"
        raise Misuse(message)


def fits(query: Search, candidate: Candidate) -> bool:
    """Tell whether a row fits all that a caseworker typed."""
    known = candidate.person
    return (
        of_team(query.team, candidate)
        and (not query.file_number or normal_name(query.file_number) == normal_name(candidate.file_number))
        and (not query.birth_date or dates_agree(query.birth_date, known.birth_date))
        and (not query.given_names or normal_name(known.given_names).startswith(normal_name(query.given_names)))
        and (not query.family_name or any(n.startswith(normal_name(query.family_name)) for n in names_of(known)))
    )
