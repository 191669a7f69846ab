"""What the matcher is measured against: the plain mean of three Jaro-Winkler similarities over all rows."""

from collections.abc import Iterable, Sequence

from rapidfuzz.distance import JaroWinkler

from adapters.sources.port import Candidate
from schemas.record import PersonBlock
from tests.benchmarks.matching.figures import Answer


class JaroWinklerIndex:
    """Compares family name, given names and birth date, each as it is written, with every row.

    A date or name that is missing on one side is 0. Scores are from 0 to 1, in steps too small to tie often.
    """

    def __init__(self, rows: Iterable[Candidate]) -> None:
        """Keep the rows column by column; equal cells are compared once."""
        self._refs: list[str] = []
        columns: tuple[list[str], list[str], list[str]] = ([], [], [])
        for row in rows:
            self._refs.append(row.ref)
            for column, cell in zip(columns, _cells(row.person), strict=True):
                column.append(cell)
        self._columns = columns

    def ask(self, person: int, asked: PersonBlock, *, present: bool) -> Answer:
        """Give the most similar row; the first of equal ones."""
        similar = [_similarities(cell, column) for cell, column in zip(_cells(asked), self._columns, strict=True)]
        best, place = max((sum(cells), -place) for place, cells in enumerate(zip(*similar, strict=True)))
        right = present and self._refs[-place] == str(person)
        return Answer(person, present, best / len(similar), right, free=True, shown=1, listed=right)


def _cells(person: PersonBlock) -> tuple[str, str, str]:
    return person.family_name.casefold(), person.given_names.casefold(), person.birth_date or ""


def _similarities(cell: str, column: Sequence[str]) -> list[float]:
    known = {other: JaroWinkler.similarity(cell, other) for other in dict.fromkeys(column)}
    return [known[other] for other in column]


def best_threshold(answers: Sequence[Answer], precision: float) -> float:
    """Give the least similarity seen at which the answers were precise enough."""
    right = 0
    least = float("inf")
    for given, one in enumerate(sorted(answers, key=lambda one: -one.score), start=1):
        right += one.right
        if right >= precision * given:
            least = one.score
    return least
