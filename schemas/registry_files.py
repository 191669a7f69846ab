"""From the texts of the registry's TOML files to a bundle; what contradicts itself never becomes one.

Each finding names file, line, place and rule, the way compilers do. The texts are arguments: nothing is read here.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas import canonical
from schemas.errors import Malformed
from schemas.ids import CodeName, Purpose, purpose_id
from schemas.registry import (
    FILES,
    NEVER_TASKS,
    OCCASIONS,
    BasisKind,
    Bundle,
    FieldDef,
    Prohibition,
    PurposeRow,
    fits,
    never_a_field,
    never_a_purpose,
    never_lifted,
)

_Place = tuple[int | str, ...]
"""Stem, table, number of the table from 0, and key; the last ones may be missing."""
_Found = tuple[_Place, str]
_Lines = Mapping[_Place, int]

_LEADS: Final = frozenset({"any", "client"})
"""Who leads a field beside the kinds of agencies: whoever recorded it, and the person alone."""
_TABLE: Final = re.compile(r"\[\[([a-z_]+)\]\]")
_KEY: Final = re.compile(r"([a-z0-9_]+)\s*=")


class Finding(NamedTuple):
    """A contradiction in registry files: where it stands and which rule it breaks."""

    file: str
    line: int
    place: str
    rule: str

    def __str__(self) -> str:
        """Write the finding as one line."""
        return f"{self.file}:{self.line}: {self.place}: {self.rule}"


def bundle_of(files: Mapping[str, str]) -> bytes:
    """Make the canonical bundle from the texts of the five TOML files by stem.

    Raises Malformed with one line for each finding: what is no TOML, a key that is unknown or missing, a value that
    breaks a rule, and what contradicts something else in the files.
    """
    if files.keys() != set(FILES):
        message = f"registry: its files are {', '.join(FILES)}, not {', '.join(sorted(files))}"
        raise Malformed(message)
    raw = canonical.encode({stem: _toml(stem, files[stem]) for stem in FILES})
    try:
        found = list(_contradictions(Bundle.model_validate_json(raw)))
    except ValidationError as error:
        found = canonical.findings(error)
    if found:
        raise Malformed("\n".join(map(str, located(files, found))))
    return raw


def located(files: Mapping[str, str], found: Iterable[tuple[tuple[int | str, ...], str]]) -> list[Finding]:
    """Give each place (stem, table, its number from 0, key) with its rule the file and line it stands in."""
    lines = _lines(files)
    return [_finding(lines, place, rule) for place, rule in found]


def _toml(stem: str, text: str) -> canonical.Json:
    try:
        parsed: canonical.Json = tomllib.loads(text)
        canonical.encode(parsed)
    except (tomllib.TOMLDecodeError, Malformed) as error:
        message = f"registry/{stem}.toml: {error}"
        raise Malformed(message) from error
    return parsed


def _lines(files: Mapping[str, str]) -> _Lines:
    """Find the line of each table and key; each table is an array of tables, each key begins a line."""
    found: dict[_Place, int] = {}
    for stem, text in files.items():
        place: _Place = (stem,)
        count: Counter[str] = Counter()
        for number, line in enumerate(text.splitlines(), start=1):
            table, key = _TABLE.match(line), _KEY.match(line)
            if table is not None:
                place = (stem, table[1], count[table[1]])
                count[table[1]] += 1
                found[place] = number
            elif key is not None:
                found[(*place, key[1])] = number
    return found


def _finding(lines: _Lines, place: _Place, rule: str) -> Finding:
    """Give a finding the line of the deepest part of its place that has one, else the first of its file."""
    known = (lines[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in lines)
    return Finding(f"registry/{place[0]}.toml", next(known, 1), ".".join(map(str, place[1:])), rule)


def _contradictions(bundle: Bundle) -> Iterator[_Found]:
    """Find what the files say that cannot all be true, each with its place and the rule."""
    yield from _repeats(bundle)
    for number, code_list in enumerate(bundle.code_lists.code_list):
        if code_list.valid_to is not None and code_list.valid_to < code_list.valid_from:
            yield ("code_lists", "code_list", number, "valid_to"), "lies before valid_from"
    code_lists = {code_list.name for code_list in bundle.code_lists.code_list}
    kinds = {kind.name for kind in bundle.agency_kinds.agency_kind}
    for number, field in enumerate(bundle.fields.field):
        for key, rule in _field_findings(field, code_lists, kinds):
            yield ("fields", "field", number, key), rule
    purposes = {purpose_id(row.purpose) for row in bundle.purposes.purpose}
    for number, prohibition in enumerate(bundle.prohibitions.prohibition):
        for key, rule in _prohibition_findings(prohibition, kinds, purposes):
            yield ("prohibitions", "prohibition", number, key), rule
    for lifted, rule in never_lifted(bundle):
        yield ("prohibitions",) if lifted is None else ("prohibitions", "prohibition", lifted, "except_purposes"), rule
    for number, purpose in enumerate(bundle.purposes.purpose):
        for key, rule in _purpose_findings(purpose, bundle, kinds):
            yield ("purposes", "purpose", number, key), rule


def _repeats(bundle: Bundle) -> Iterator[_Found]:
    """Find names that are given twice: the later one would silently take the earlier one's place."""
    named: tuple[tuple[str, str, str, list[str]], ...] = (
        ("agency_kinds", "agency_kind", "name", [kind.name for kind in bundle.agency_kinds.agency_kind]),
        ("code_lists", "code_list", "name", [code_list.name for code_list in bundle.code_lists.code_list]),
        ("fields", "field", "name", [field.name for field in bundle.fields.field]),
        ("prohibitions", "prohibition", "rule", [one.rule for one in bundle.prohibitions.prohibition]),
        ("purposes", "purpose", "purpose", [row.purpose for row in bundle.purposes.purpose]),
    )
    for stem, table, key, names in named:
        for number, name in enumerate(names):
            if name in names[:number]:
                yield (stem, table, number, key), f"{name} is there already"
    for number, code_list in enumerate(bundle.code_lists.code_list):
        for code, count in Counter(value.code for value in code_list.values).items():
            if count > 1:
                yield ("code_lists", "code_list", number, "values"), f"{code} is there {count} times"


def _field_findings(field: FieldDef, code_lists: set[CodeName], kinds: set[CodeName]) -> Iterator[tuple[str, str]]:
    if (field.type == "code") != (field.code_list is not None):
        yield "code_list", "a field of type code names its list, no other does"
    if field.code_list is not None and field.code_list not in code_lists:
        yield "code_list", f"unknown code list {field.code_list}"
    if field.lead not in kinds | _LEADS:
        yield "lead", f"unknown agency kind {field.lead}"
    if (never := never_a_field(field)) is not None:
        yield ("dsa" if field.dsa and "group" in never else "name"), never


def _prohibition_findings(
    prohibition: Prohibition, kinds: set[CodeName], purposes: set[str]
) -> Iterator[tuple[str, str]]:
    for purpose in set(prohibition.except_purposes) - purposes:
        yield "except_purposes", f"unknown purpose {purpose}"
    yield from _unknown_kinds("requester_kinds", prohibition.requester_kinds, kinds)
    yield from _unknown_kinds("holder_kinds", prohibition.holder_kinds, kinds)
    if bool(prohibition.except_purposes) != bool(prohibition.except_basis):
        yield "except_purposes", "an exception names purposes and bases, or there is none"


def _purpose_findings(row: PurposeRow, bundle: Bundle, kinds: set[CodeName]) -> Iterator[tuple[str, str]]:
    yield from _unknown_kinds("requester_kinds", row.requester_kinds, kinds)
    yield from _unknown_kinds("holder_kinds", row.holder_kinds, kinds)
    for kind in set(row.neutral_collector) - set(row.requester_kinds):
        yield "neutral_collector", f"{kind} is no requester of this purpose"
    yield from _doubles("norm", row.norm)
    yield from _doubles("basis", row.basis)
    yield from _doubles("conditions", row.conditions)
    yield from _pattern_findings(row, bundle)
    if row.valid_to is not None and row.valid_to < row.valid_from:
        yield "valid_to", "lies before valid_from"
    if (never := never_a_purpose(row)) is not None:
        yield ("azr_task" if row.azr_task in NEVER_TASKS else "conditions"), never
    if (row.mode == "no_exchange") != (not row.basis):
        yield "basis", "an exchange rests on a basis, and what is none has none"
    if row.mode != "no_exchange" and not row.fields:
        yield "fields", "an exchange is about fields"
    yield from _occasion_findings(row, bundle)
    if ("statute" in row.basis) != (row.inform is not None):
        yield "inform", "a purpose with a statute says when the person is informed, no other does"
    if (row.inform == "exempt") != (row.exempt_norm is not None):
        yield "exempt_norm", "who need not be informed is exempt by a norm, and nobody else is"
    yield from _reach_findings(row, bundle)
    if {"consent", "statute"} <= set(row.basis):
        yield "basis", "a purpose with a statute must not ask for consent (asking would mislead)"


def _pattern_findings(row: PurposeRow, bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Find fields that nothing defines, and those named twice, once by themselves and once by their category."""
    yield from _doubles("fields", row.fields)
    for pattern in row.fields:
        category = f"{pattern.partition('.')[0]}.*"
        if pattern != category and category in row.fields:
            yield "fields", f"{category} names {pattern} already"
        if not any(fits(field.name, pattern) for field in bundle.fields.field):
            yield "fields", f"unknown field {pattern}"


def _occasion_findings(row: PurposeRow, bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Find a purpose of several requests without an occasion all know, and an occasion where only one is asked."""
    if (row.mode == "package") != (row.occasion is not None):
        yield "occasion", "a purpose of mode package names its occasion, no other does"
    lists = (one.values for one in bundle.code_lists.code_list if one.name == OCCASIONS)
    known = {value.code for values in lists for value in values}
    if row.occasion is not None and row.occasion not in known:
        yield "occasion", f"unknown code {row.occasion} of the list {OCCASIONS}"


def _reach_findings(row: PurposeRow, bundle: Bundle) -> Iterator[tuple[str, str]]:
    """Find a purpose that can never be used: above a requester's ceiling, or prohibited between all its kinds."""
    named = [field for field in bundle.fields.field if any(fits(field.name, pattern) for pattern in row.fields)]
    for kind in bundle.agency_kinds.agency_kind:
        if (
            row.basis
            and kind.name in row.requester_kinds
            and named
            and min(field.sensitivity for field in named) > kind.ceiling
        ):
            yield "fields", f"all are above the ceiling of {kind.name}"
    pairs = [
        (asks, holds) for asks in row.requester_kinds for holds in row.holder_kinds if asks != holds or row.same_kind
    ]
    open_ways = [
        True
        for asks, holds in pairs
        for basis in row.basis
        if not any(_stops(one, asks, holds, row.purpose, basis) for one in bundle.prohibitions.prohibition)
    ]
    if row.basis and not open_ways:
        yield "requester_kinds", "between these kinds the purpose is prohibited, or there is no pair"


def _stops(one: Prohibition, asks: CodeName, holds: CodeName, purpose: Purpose, basis: BasisKind) -> bool:
    between = asks in one.requester_kinds and holds in one.holder_kinds
    return between and not (purpose_id(purpose) in one.except_purposes and basis in one.except_basis)


def _unknown_kinds(key: str, named: tuple[CodeName, ...], kinds: set[CodeName]) -> Iterator[tuple[str, str]]:
    for kind in named:
        if kind not in kinds:
            yield key, f"unknown agency kind {kind}"
    yield from _doubles(key, named)


def _doubles(key: str, named: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Find what a list names twice: whoever takes one out would think it gone."""
    for name, count in Counter(named).items():
        if count > 1:
            yield key, f"{name} is there {count} times"
