"""What an auditor's filter says: read from an address, written into one, and made what the log is looked through for.

Pure.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final, NamedTuple, get_args
from urllib.parse import urlencode

from broker.core.log_lines import Wanted
from schemas.calendar import berlin_ms, end_of_day_ms, parse_day
from schemas.entries import ENTRIES
from schemas.errors import Malformed
from schemas.ids import RANDOM_PATTERN
from schemas.statements import Basis

KINDS: Final = tuple(ENTRIES)
BASES: Final[tuple[str, ...]] = get_args(Basis.model_fields["kind"].annotation)
MAX_CHARS: Final = 100
_INDEX: Final = re.compile(r"[0-9]{1,15}")
_EXCHANGE: Final = re.compile(RANDOM_PATTERN)
_LAST_DAY: Final = date(9998, 12, 31)


class Wish(NamedTuple):
    """A filter as it is typed; an empty text asks for nothing. Days are `YYYY-MM-DD` in Berlin, both included."""

    agency: str = ""
    purpose: str = ""
    basis: str = ""
    kind: str = ""
    exchange: str = ""
    from_day: str = ""
    to_day: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Wish":
        """Take it from an address's query; more than anybody types is cut off."""
        return cls(*(said.get(name, "").strip()[:MAX_CHARS] for name in cls._fields))

    def query(self, **more: int) -> str:
        """Write it as an address's query."""
        return urlencode({**{name: value for name, value in self._asdict().items() if value}, **more})

    @property
    def wanted(self) -> Wanted:
        """Give what it asks for; Malformed naming the field whose value there is not."""
        if self.basis not in {"", *BASES}:
            message = "basis: there is no such legal basis"
            raise Malformed(message)
        if self.kind not in {"", *KINDS}:
            message = "kind: there is no such entry"
            raise Malformed(message)
        if self.exchange and _EXCHANGE.fullmatch(self.exchange) is None:
            message = "exchange: an id has 32 hexadecimal digits"
            raise Malformed(message)
        return Wanted(
            agency=self.agency,
            purpose=self.purpose,
            basis=self.basis,
            kind=self.kind,
            exchange=self.exchange,
            from_ms=berlin_ms(_day(self.from_day, "from_day")) if self.from_day else 0,
            until_ms=end_of_day_ms(_day(self.to_day, "to_day")) if self.to_day else None,
        )


def index_in(said: Mapping[str, str], name: str) -> int | None:
    """Read an index from an address; None where there is none, or it is none."""
    text = said.get(name, "")
    return int(text) if _INDEX.fullmatch(text) is not None else None


def _day(text: str, place: str) -> date:
    """Read a day, none later than the calendar can reckon with."""
    return min(parse_day(text, place), _LAST_DAY)
