"""Two versions of the law side by side, for the officer who has to say yes to the second one.

A row is compared with the row of its name; a new version of a purpose with the version before it. Patterns of fields
are spelled out first, so that a field that joins a category shows at every purpose it thereby joins.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from schemas import canonical
from schemas.ids import Purpose, purpose_id
from schemas.registry import PurposeRule, Registry
from schemas.registry_widening import Row, widens
from schemas.wire import Wire

HEADINGS: Final = {
    "agency_kinds": "kind of agency",
    "code_lists": "code list",
    "fields": "field",
    "prohibitions": "prohibition",
    "purposes": "purpose",
}
"""The tables of a bundle and what one row of each is called."""
_WORDS: Final = {
    "purpose": "version",
    "requester_kinds": "may ask",
    "holder_kinds": "may be asked",
    "basis": "rests on",
    "conditions": "must be declared",
    "secrecy_release": "release from secrecy",
    "neutral_collector": "collected elsewhere for",
    "same_kind": "among one kind",
    "release": "released by",
    "answer_within_s": "answer within seconds",
    "later_after_ms": "later after ms",
    "valid_from": "from the day",
    "valid_to": "to the day, included",
    "off": "switched off",
    "except_purposes": "but for purposes",
    "except_basis": "but on the basis",
}
_WIDTHS: Final = (24, 56)
_NOTHING: Final = "-"


class Change(NamedTuple):
    """What one key of one row said before and says after, without what both say; a new row said nothing before.

    `label` is the row's German name, where it has one. `instead_of` is the version of the purpose this one is compared
    with, where it is not the same. `wider` says that more is let through than before.
    """

    table: str
    name: str
    label: str
    instead_of: str
    key: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    wider: bool = False


def changes(before: Registry, after: Registry) -> Iterator[Change]:
    """Find what differs between two versions of the law, table by table and row by row in the order of their names."""
    for table in HEADINGS:
        old, new = _rows(table, before), _rows(table, after)
        for name in sorted(old.keys() | new.keys()):
            instead_of = _earlier(name, old) if table == "purposes" and name not in old else ""
            rows = old.get(instead_of or name, {}), new.get(name, {})
            label = (rows[1] or rows[0]).get("label", ("",))[0].partition(" / ")[0]
            for key in rows[1] or rows[0]:
                gone, come = _difference(rows[0].get(key, ()), rows[1].get(key, ()))
                if gone or come:
                    wider = widens((table, key), rows, gone, come)
                    yield Change(table, name, label, instead_of, key, gone, come, wider)


def side_by_side(before: Registry, after: Registry) -> Iterator[str]:
    """Write the differences in words, one row of the law after another, old on the left and new on the right.

    A plus stands before what lets more through.
    """
    said: dict[str, str] = {field.name: field.label.de for law in (before, after) for field in law.fields.values()}
    yield _columns("+ lets more through", f"before {before.hash[:12]}", f"after {after.hash[:12]}")
    row = ("", "")
    for change in changes(before, after):
        if row != (change.table, change.name):
            row = change.table, change.name
            since = f", after {change.instead_of}" if change.instead_of else ""
            yield ""
            yield f"{HEADINGS[change.table]} {change.name}{since}: {change.label}".removesuffix(": ")
        key = f"{'+' if change.wider else ' '} {_WORDS.get(change.key, change.key.replace('_', ' '))}"
        for left, right in zip_longest(change.before or (_NOTHING,), change.after or (_NOTHING,), fillvalue=""):
            yield _columns(key, *(f"{text} ({said[text]})" if text in said else text for text in (left, right)))
            key = ""


def _columns(key: str, left: str, right: str) -> str:
    return f"{key:<{_WIDTHS[0]}}  {left:<{_WIDTHS[1]}}  {right}".rstrip()


def _difference(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(item for item in old if item not in new), tuple(item for item in new if item not in old)


def _earlier(name: str, old: Mapping[str, Row]) -> str:
    """Give the newest version before this one of the same purpose, or nothing."""
    number = _version(name)
    versions = [other for other in old if purpose_id(Purpose(other)) == purpose_id(Purpose(name))]
    return max((other for other in versions if _version(other) < number), key=_version, default="")


def _version(name: str) -> int:
    return int(name.partition("@")[2])


def _rows(table: str, law: Registry) -> dict[str, Row]:
    match table:
        case "agency_kinds":
            return {kind.name: _row(kind) for kind in law.kinds.values()}
        case "code_lists":
            return {code_list.name: _row(code_list) for code_list in law.code_lists.values()}
        case "fields":
            return {field.name: _row(field) for field in law.fields.values()}
        case "prohibitions":
            return {one.rule: _row(one) for one in law.prohibitions}
        case _:
            return {rule.row.purpose: _purpose(rule) for rule in law.purposes.values()}


def _purpose(rule: PurposeRule) -> Row:
    return {**_row(rule.row), "fields": tuple(sorted(rule.fields))}


def _row(row: Wire) -> Row:
    return {key: _said(value) for key, value in row.model_dump(mode="json").items()}


def _said(value: canonical.Json | None) -> tuple[str, ...]:
    """Say a value in words: a list item by item, a label or a code with its label in one piece."""
    if value is None or value == "":
        return ()
    if isinstance(value, bool):
        return ("yes" if value else "no",)
    if isinstance(value, list):
        return tuple(word for item in value for word in _said(item))
    if isinstance(value, dict):
        return (" / ".join(word for item in value.values() for word in _said(item)),)
    return (str(value),)
