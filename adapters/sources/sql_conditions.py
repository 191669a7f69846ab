"""Conditions that let a database narrow a search: every row that fits meets them, some others may meet them too.

What fits is decided afterwards in Python, by one rule for every kind of source; here nothing may be lost. How a
condition is written depends on what a column holds: databases other than SQLite do not compare a date with text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, Literal

import sqlalchemy as sa

from adapters.sources.mapping import Cell
from adapters.sources.port import LocalRef
from adapters.sources.text import normal_name

Holds = Literal["anything", "text", "days", "other"]
"""What a column holds: `anything` in SQLite, whose declared types bind nobody; `days` are dates and moments."""

_LAST_MONTH: Final = 12
_ESCAPE: Final = "!"


def is_key(column: sa.ColumnClause[object], *, typed: bool) -> sa.ColumnElement[bool]:
    """Compare a column with the bound key; SQLite, which is not `typed`, tells text and number apart."""
    # Without a type of its own a parameter takes that of the column, so that an index on it is used.
    text = column == sa.bindparam("text", type_=sa.types.NullType())
    return text if typed else sa.or_(text, column == sa.bindparam("number", type_=sa.types.NullType()))


def key_of(ref: LocalRef, *, typed: bool) -> dict[str, str | int]:
    """Give the values to bind for `is_key`."""
    if typed:
        return {"text": ref}
    return {"text": ref, "number": int(ref) if re.fullmatch("-?(0|[1-9][0-9]{0,17})", ref) else ref}


def like(column: sa.ColumnClause[object], typed: str, holds: Holds) -> sa.ColumnElement[bool]:
    """Give a condition that every text holding what was typed meets, whatever its case, accents and blanks.

    SQLite folds the case of ASCII letters only, so everything else becomes a wildcard, and so do "ss", for which the
    row may hold the one letter of German, and "i", of which Turkish has two.
    """
    pattern = "%" + re.sub(r"(ss|[^a-hj-z0-9])+", "%", normal_name(typed)) + "%"
    return _as_text(column, holds).ilike(pattern)


def born(column: sa.ColumnClause[object], day: str, rule: Cell, holds: Holds) -> sa.ColumnElement[bool]:
    """Give a condition that every row meets whose birth date agrees with `day` as far as both are known."""
    known = [dict(zip("Ymd", day.split("-"), strict=False))]
    if rule.first_of_january == "year":
        known.append({"Y": day[:4], "m": "01", "d": "01"})
    if holds == "days":
        return sa.or_(*(_within(column, one) for one in known))
    exact: set[str] = set()
    patterns: set[str] = set()
    for written in rule.formats:
        for one in known:
            texts = set(_written(written, one))
            (patterns if any("\0" in text for text in texts) else exact).update(texts)
    text = _as_text(column, holds)
    return sa.or_(text.in_(sorted(exact)), *(text.like(_escaped(one), escape=_ESCAPE) for one in sorted(patterns)))


def _as_text(column: sa.ColumnClause[object], holds: Holds) -> sa.ColumnElement[object]:
    return column if holds in {"anything", "text"} else sa.cast(column, sa.String(400))


def _within(column: sa.ColumnClause[object], known: Mapping[str, str]) -> sa.ColumnElement[bool]:
    """Compare with the first day and the one after the last, which serves dates and moments alike."""
    year, month, day = (int(known.get(part, "0")) for part in "Ymd")
    try:
        first = date(year, month or 1, day or 1)
    except ValueError:  # the 30th of February is nobody's birthday
        return sa.false()
    if day:
        after = date.fromordinal(first.toordinal() + 1)
    elif month:
        after = date(year + month // _LAST_MONTH, month % _LAST_MONTH + 1, 1)
    else:
        after = date(year + 1, 1, 1)
    return sa.and_(column >= first, column < after)


def _written(written: str, known: Mapping[str, str]) -> Iterator[str]:
    """Write a date in a format, with and without leading zeros; a zero byte stands for what is not known."""
    yield re.sub("%([dmY])", lambda match: known.get(match[1], "\0"), written)
    yield re.sub("%([dmY])", lambda match: known.get(match[1], "\0").lstrip("0"), written)


def _escaped(text: str) -> str:
    return re.sub(rf"([{_ESCAPE}%_])", rf"{_ESCAPE}\1", text).replace("\0", "%")
