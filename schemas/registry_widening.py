"""Which change of the law lets more through than before: what an officer looks for first in a new version.

Said of each difference by itself and on the safe side: what is marked may be stopped by something else, what is not
marked lets no further field flow to anybody (a property test holds the decision to that).
"""

from collections.abc import Callable, Mapping
from typing import Final

from schemas.registry import MODES

Row = Mapping[str, tuple[str, ...]]
"""What a row of the law says, by key: each value in words, a missing one as nothing."""
Values = tuple[str, ...]

_MORE: Final = frozenset(
    {
        *(("purposes", key) for key in ("fields", "requester_kinds", "holder_kinds", "basis", "norm")),
        *(("prohibitions", key) for key in ("except_purposes", "except_basis")),
    }
)
"""Lists that let more through when they grow."""
_FEWER: Final = frozenset(
    {
        *(("purposes", key) for key in ("conditions", "neutral_collector")),
        *(("prohibitions", key) for key in ("requester_kinds", "holder_kinds")),
    }
)
"""Lists that let more through when they shrink."""


def _order(*narrow_to_wide: str) -> Callable[[str], int]:
    return narrow_to_wide.index


def _day(day: str) -> int:
    """Give a day as a number that grows with it; no day at all is later than each that can be written."""
    return int(day.replace("-", "") or "99999999")


_REACH: Final[Mapping[tuple[str, str], Callable[[str], int]]] = {
    ("purposes", "off"): _order("yes", "no"),
    ("purposes", "same_kind"): _order("no", "yes"),
    ("purposes", "release"): _order("two_humans", "human", "automatic"),
    ("purposes", "secrecy_release"): _order("always", "if_holder_203", "never"),
    ("purposes", "mode"): lambda mode: int(mode in MODES),
    ("purposes", "answer_within_s"): int,
    ("purposes", "valid_from"): lambda day: -_day(day),
    ("purposes", "valid_to"): _day,
    ("fields", "sensitivity"): lambda sensitivity: -int(sensitivity),
    ("agency_kinds", "ceiling"): int,
    ("agency_kinds", "public"): _order("no", "yes"),
    ("agency_kinds", "section35"): _order("no", "yes"),
    ("agency_kinds", "secrecy_203"): _order("yes", "no"),
    ("agency_kinds", "secret_clientele"): _order("yes", "no"),
    ("agency_kinds", "sanction_power"): _order("yes", "no"),
}
"""How far a single value reaches, as a number that grows when more is let through."""


def widens(place: tuple[str, str], rows: tuple[Row, Row], gone: Values, come: Values) -> bool:
    """Tell whether a difference at a table's key lets more through; `rows` are the old and the new row, or empty.

    Of a whole row its name is marked: a purpose that is new and on, in one more version too, and a prohibition that is
    gone.
    """
    before, after = rows
    if not after:
        return place == ("prohibitions", "rule")
    if place == ("purposes", "purpose"):
        return after["off"] == ("no",)
    if not before:
        return False
    reach = _REACH.get(place)
    if reach is not None:
        return reach("".join(come)) > reach("".join(gone))
    return bool(come and place in _MORE) or bool(gone and place in _FEWER)
