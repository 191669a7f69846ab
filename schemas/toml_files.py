"""Settings and letters between people's machines as TOML: one way to read a file into its shape, one way to write it.

Pure: the text is an argument, reading and writing files is somebody else's. An unknown key is an error, as a mistyped
setting would otherwise be a setting silently left out.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from schemas.canonical import findings
from schemas.errors import Malformed

MAX_BYTES: Final = 256 * 1024

_TABLE: Final = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_.-]+)\s*\]?\]")
_PLAIN: Final = "\n\N{ZERO WIDTH NON-JOINER}"
"""Unseen letters that stand for themselves: a line's end, and what Persian spelling needs within words."""
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")

ModelT = TypeVar("ModelT", bound=BaseModel)


def parse(shape: type[ModelT], text: str, file: str) -> ModelT:
    """Read the text of a TOML file into its shape.

    Raises Malformed with one line for each finding: file, line where there is one, key and rule. No value is repeated.
    """
    if len(text.encode()) > MAX_BYTES:
        message = f"{file}: more than {MAX_BYTES} bytes"
        raise Malformed(message)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{file}: {error}"
        raise Malformed(message) from error
    try:
        return shape.model_validate_json(to_json(raw))
    except ValidationError as error:
        lines = _lines(text)
        told = (f"{file}{_line(lines, place)}: {'.'.join(map(str, place))}: {rule}" for place, rule in findings(error))
        raise Malformed("\n".join(told)) from error


def write(model: BaseModel, *, comment: str = "") -> str:
    """Write a shape as TOML that `parse` reads back: values first, then tables; None is left out."""
    head = "".join(f"# {line}\n" for line in comment.splitlines())
    return head + "\n".join(_table((), model.model_dump(mode="json", exclude_none=True))) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, object]) -> Iterator[str]:
    """Give the lines of a table: first what stands in one line, then its tables, then its lists of tables."""
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    lists = {key: value for key, value in table.items() if isinstance(value, list) and _is_tables(value)}
    for key, value in table.items():
        if key not in tables and key not in lists:
            yield f"{_key(key)} = {_value(value)}"
    for key, value in tables.items():
        yield from ("", f"[{'.'.join(map(_key, (*path, key)))}]", *_table((*path, key), value))
    for key, values in lists.items():
        for value in values:
            yield from ("", f"[[{'.'.join(map(_key, (*path, key)))}]]", *_table((*path, key), value))


def _is_tables(values: list[object]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if not isinstance(value, str):
        return str(value)
    escaped = "".join(_escaped(letter) for letter in value)
    return f'"""\n{escaped}"""' if "\n" in value else f'"{escaped}"'


def _escaped(letter: str) -> str:
    """Write a letter as it may stand in a quoted text of TOML."""
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter in _PLAIN or letter.isprintable() else f"\\U{ord(letter):08X}"


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """Find the line of each table and of each key that begins a line; of a list's tables the first."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        opened, key = _TABLE.match(line), _KEY.match(line)
        if opened is not None:
            table = tuple(opened[1].split("."))
            found.setdefault(table, number)
        elif key is not None:
            found.setdefault((*table, key[1]), number)
    return found


def _line(lines: Mapping[tuple[str, ...], int], place: tuple[int | str, ...]) -> str:
    """Name the line of the deepest part of a place that begins a line; nothing where there is none."""
    names = tuple(step for step in place if isinstance(step, str))
    for depth in range(len(names), 0, -1):
        if names[:depth] in lines:
            return f":{lines[names[:depth]]}"
    return ""
