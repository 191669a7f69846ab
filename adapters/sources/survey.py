"""Counting what the rows of a source say under its mapping: how many, of what kind, and never which. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from adapters.sources.cells import Row, Unreadable, read_row, readings
from adapters.sources.mapping import SourceMapping, field_columns, person_columns, rules_of
from adapters.sources.persons import RowReader

_WHOLE_DAY: Final = 10


@dataclass
class Tally:
    """What was counted of one field: values, blanks, dates known in part, and cells by the rule they break."""

    values: int = 0
    blank: int = 0
    partial: int = 0
    broken: Counter[str] = field(default_factory=Counter)


class Survey:
    """Counts of one look through all rows; `rows` of the main table, `found` of them that have key and names.

    `born` counts the birth dates by what is known: `day`, `part`, `nothing`. `details` counts rows of detail tables.
    """

    def __init__(self, mapping: SourceMapping) -> None:
        """Begin with nothing counted."""
        everything = frozenset(mapping.fields)
        self.rows = self.found = self.blocked = 0
        self.born: Counter[str] = Counter()
        self.details: Counter[str] = Counter(dict.fromkeys(mapping.details, 0))
        self.fields = {name: Tally() for name in mapping.fields}
        self._mapping = mapping
        self.columns = tuple(dict.fromkeys((*person_columns(mapping), *field_columns(mapping, None, everything))))
        self.detail_columns = {
            name: tuple(dict.fromkeys((detail.key, *field_columns(mapping, name, everything))))
            for name, detail in mapping.details.items()
        }
        self._reader = RowReader(mapping, self.columns)
        tables: list[tuple[str | None, tuple[str, ...]]] = [(None, self.columns), *self.detail_columns.items()]
        self._readings = {
            detail: [(name, readings([(name, rule)], columns)) for name, rule in rules_of(mapping, detail, everything)]
            for detail, columns in tables
        }

    def add(self, row: Row) -> None:
        """Count one row of the main table, whose cells are those of `columns`."""
        self.rows += 1
        candidate = self._reader.candidate(row)
        if candidate is not None:
            self.found += 1
            day = candidate.person.birth_date
            self.born["nothing" if day is None else "day" if len(day) == _WHOLE_DAY else "part"] += 1
            self.blocked += candidate.transfer_block
        self._count(None, row)

    def add_detail(self, detail: str, row: Row) -> None:
        """Count one row of a detail table, whose cells are those of its `detail_columns`."""
        self.details[detail] += 1
        self._count(detail, row)

    def _count(self, detail: str | None, row: Row) -> None:
        for name, wanted in self._readings[detail]:
            tally = self.fields[name]
            try:
                ((_, value),) = read_row(wanted, row)
            except Unreadable as unreadable:
                tally.broken[f"column {unreadable.column} {unreadable.rule}"] += 1
                continue
            if value is None:
                tally.blank += 1
            else:
                tally.values += 1
                tally.partial += value.precision not in {None, "day"}
