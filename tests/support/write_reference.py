"""Writes docs/reference.md anew from the code: `python -m tests.support.write_reference`."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from adapters.node import access
from adapters.node.settings import NodeSettings
from broker.settings import BrokerSettings
from handschlag.cli import GROUPS
from schemas import topics
from schemas.entries import ENTRIES
from schemas.errors import Code
from schemas.messages import MESSAGES
from schemas.statements import STATEMENTS
from schemas.wire import Wire

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
_HEAD: Final = """\
# Reference

Written from the code by `python -m tests.support.write_reference`; a test holds it in step.
"""


def reference() -> str:
    """Give the whole page."""
    parts = [_HEAD, *_commands(), *_settings(), *_http(), *_wire(), *_codes()]
    return "\n".join(parts).rstrip() + "\n"


def _first(text: str | None) -> str:
    """Give the first sentence of a docstring or help text, on one line."""
    paragraph = inspect.cleandoc(text or "").split("\n\n")[0]
    return " ".join(paragraph.split())


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    for name, module in sorted(GROUPS.items()):
        command = getattr(importlib.import_module(module), name)
        yield from _command(f"handschlag {name}", command)


def _command(path: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{path} {name}", inner)
        return
    context = click.Context(command, info_name=path)
    yield f"### `{' '.join(command.get_usage(context).removeprefix('Usage: ').split())}`\n"
    yield f"{_first(command.help)}\n"
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        rows = (("`" + ", ".join(one.opts) + "`", one.help or "") for one in options)
        yield from _table(("option", "meaning"), rows)


def _settings() -> Iterator[str]:
    for title, shape in (("broker.toml", BrokerSettings), ("node.toml", NodeSettings)):
        yield f"## Settings: `{title}`\n"
        yield f"{_first(shape.__doc__)}\n"
        yield from _table(("key", "default"), _keys(shape, ""))


def _keys(shape: type[Wire], prefix: str) -> Iterator[tuple[str, ...]]:
    for name, field in shape.model_fields.items():
        inner = field.annotation
        if inspect.isclass(inner) and issubclass(inner, Wire):
            yield from _keys(inner, f"{prefix}{name}.")
        else:
            yield f"`{prefix}{name}`", "required" if field.is_required() else f"`{field.default!r}`"


def _http() -> Iterator[str]:
    yield "## The node's HTTP API\n"
    yield "Described in full by the node's own `/openapi.json`. Who may do what:\n"
    open_routes = ((f"`{one.method} {one.path}`", "open") for one in sorted(access.OPEN))
    routes = ((f"`{one.method} {one.path}`", ", ".join(sorted(roles))) for one, roles in access.ALLOWED.items())
    yield from _table(("route", "roles"), iter([*open_routes, *routes]))


def _wire() -> Iterator[str]:
    yield "## Topics\n"
    asked = ((f"`{topics.ask(verb)}`", "node to broker") for verb in topics.ASK_VERBS)
    called = ((f"`adapter.<agency>.{call}`", "broker to node") for call in topics.NODE_CALLS)
    yield from _table(("topic", "from"), iter([*asked, *called]))
    yield "## Messages\n"
    yield from _table(("type", "what it is"), ((f"`{one.TYPE}`", _first(one.__doc__)) for one in MESSAGES))
    yield "## Statements\n"
    yield "Signed notes with the domain line `handschlag/<type>/v1`; JSON Schemas lie in `schemas/json`.\n"
    said = ((f"`{name}`", _first(one.__doc__)) for name, one in STATEMENTS.items())
    yield from _table(("type", "what it says"), said)
    yield "## Ledger entries\n"
    yield "Leaves with the domain line `handschlag/entry/<type>/v1`.\n"
    recorded = ((f"`{name}`", _first(one.__doc__)) for name, one in ENTRIES.items())
    yield from _table(("type", "what it records"), recorded)


def _codes() -> Iterator[str]:
    yield "## Codes\n"
    yield "Stable for ever: refusals stand in ledgers. What each means says `schemas/errors.py`.\n"
    yield ", ".join(f"`{code.value}`" for code in Code)


if __name__ == "__main__":
    FILE.write_text(reference(), "utf-8")
