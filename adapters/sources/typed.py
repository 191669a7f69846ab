"""What a human at an agency types into an answer: checked by the law's field types and code lists. Pure.

A paper file is read by a person, so the person is bound to the same rules as a machine: no field that was not granted,
no value of another type, no word outside the list, and who read it and how surely is kept.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

from pydantic import Field

from adapters.sources.cells import Unreadable, read_date, read_text
from schemas.errors import Malformed
from schemas.ids import CodeName, FieldName
from schemas.record import MAX_VALUES, FieldValues, IsoDate, Precision, ShortText, Value, Verified
from schemas.registry import FieldDef, Registry
from schemas.wire import Wire

_DATES: Final = ("%Y-%m-%d", "%Y-%m", "%Y", "%d.%m.%Y", "%m.%Y")
"""How people write a date, or the part of it that is known."""
_TRUTHS: Final = {"yes": True, "no": False}
_NUMBER: Final = re.compile(r"-?[0-9]{1,12}")


class Typed(Wire):
    """One value as it was typed: text, a whole number, `yes` or `no`, a date or its known part, or a code.

    `verified` is what the reader says of the paper: `document` for an original in the file, `client` for a statement.
    `written` is the date of the paper itself, `discussed` the day on which it was talked over with the person, `row`
    tells entries of a list apart.
    """

    text: ShortText
    verified: Verified = "none"
    written: IsoDate | None = None
    disputed: bool = False
    discussed: IsoDate | None = None
    row: Annotated[int, Field(ge=1, le=MAX_VALUES)] | None = None


class TypedFile(Wire):
    """All that was typed of one file, as it is kept while a second person has not confirmed it."""

    values: dict[FieldName, tuple[Typed, ...]]


def typed_date(name: str, typed: str) -> str | None:
    """Read a date as people write it; None for a blank one. Malformed names the field, and not what was typed."""
    try:
        read = read_date(name, typed, _DATES)
    except Unreadable as error:
        message = f"{name}: is no date such as 17.03.1991"
        raise Malformed(message) from error
    return None if read is None else str(read.value)


def typed_record(
    registry: Registry, granted: frozenset[FieldName], typed: Mapping[FieldName, Sequence[Typed]], role: CodeName
) -> tuple[FieldValues, ...]:
    """Make a record of what was typed: every granted field, sorted, without values where nothing was typed.

    `role` is the staff role of the reader and stands as `recorded_by` in every value. Raises Malformed with one line
    for each finding, naming field and rule and never what was typed; then nothing is answered.
    """
    findings = [f"{field}: was not granted" for field in sorted(typed.keys() - granted)]
    record: dict[FieldName, tuple[Value, ...]] = {}
    for field in sorted(granted):
        definition = registry.fields.get(field)
        if definition is None:
            findings.append(f"{field}: the registry has no such field")
            continue
        entries = typed.get(field, ())
        findings += _of_list(definition, entries)
        try:
            record[field] = tuple(_value(registry, definition, entry, role) for entry in entries)
        except Unreadable as unreadable:
            findings.append(f"{field}: {unreadable.rule}")
    if findings:
        raise Malformed("\n".join(findings))
    return tuple(FieldValues(field=field, values=values) for field, values in record.items())


def _of_list(definition: FieldDef, entries: Sequence[Typed]) -> Iterator[str]:
    if len(entries) > MAX_VALUES:
        yield f"{definition.name}: more than {MAX_VALUES} values"
    if len(entries) > 1 and not definition.many:
        yield f"{definition.name}: takes one value"


def _value(registry: Registry, definition: FieldDef, entry: Typed, role: CodeName) -> Value:
    value, precision = _read(registry, definition, entry.text)
    return Value(
        value=value,
        recorded_at=entry.written,
        recorded_by=role,
        verified=entry.verified,
        precision=precision,
        disputed=entry.disputed,
        discussed=entry.discussed,
        row=entry.row,
    )


def _read(registry: Registry, definition: FieldDef, typed: str) -> tuple[str | int | bool, Precision | None]:
    """Read what was typed as the field's type; Unreadable names the rule."""
    text = read_text(definition.name, typed)
    if text is None:
        raise Unreadable(definition.name, "is blank; leave it out where nothing is known")
    match definition.type:
        case "text":
            return text, None
        case "int":
            if _NUMBER.fullmatch(text) is None:
                raise Unreadable(definition.name, "is no whole number")
            return int(text), None
        case "bool":
            if text not in _TRUTHS:
                raise Unreadable(definition.name, "is neither yes nor no")
            return _TRUTHS[text], None
        case "date":
            return _date(definition.name, text)
        case "code":
            known = registry.code_lists.get(definition.code_list or CodeName(""))
            if known is None or text not in {one.code for one in known.values}:
                raise Unreadable(definition.name, f"is no code of the list {definition.code_list}")
            return text, None


def _date(name: FieldName, text: str) -> tuple[str, Precision | None]:
    read = read_date(name, text, _DATES)
    if read is None:
        raise Unreadable(name, "is blank")
    return str(read.value), read.precision
