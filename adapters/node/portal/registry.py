"""What changed in the law, for the officer: the registry in force beside the one before it, in words."""

from collections.abc import Iterator, Mapping
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import NamedTuple

from starlette.responses import Response

from adapters.node.access import Route
from adapters.node.portal.front import Page, Visit
from schemas import registry_diff
from schemas.registry import Registry
from schemas.registry_diff import Change


class Row(NamedTuple):
    """A row of the law that is not as it was: each key, whether it lets more through, old and new values."""

    table: str
    name: str
    label: str
    instead_of: str
    keys: tuple[tuple[str, bool, tuple[tuple[str, str], ...]], ...]


def pages() -> dict[Route, Page]:
    """Give the pages with their routes."""
    return {Route("GET", "/officer/registry"): registry}


async def registry(visit: Visit) -> Response:
    """Show what the law in force says otherwise than the one before; that one is fetched where it is not held yet."""
    federation = visit.desk.running.federation
    former, law = federation.view.former_law(), federation.view.registry()
    if former is None or law is None:
        return visit.show("registry.html", versions=None, rows=())
    await federation.hold_registry(former)
    before = federation.view.registries[former]
    return visit.show("registry.html", versions=(before.hash[:12], law.hash[:12]), rows=tuple(rows(visit, before, law)))


def rows(visit: Visit, before: Registry, after: Registry) -> Iterator[Row]:
    """Give the changes row by row, in the colleague's language."""
    words = _words(visit, before) | _words(visit, after)
    names = _names(visit, before) | _names(visit, after)
    for (table, name), found in groupby(registry_diff.changes(before, after), itemgetter(0, 1)):
        changes = list(found)
        keys = tuple((change.key, change.wider, tuple(_pairs(change, words))) for change in changes)
        yield Row(table, name, words.get(name, names.get(name, "")), changes[0].instead_of, keys)


def _pairs(change: Change, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for old, new in zip_longest(change.before, change.after, fillvalue=""):
        yield words.get(old, old), words.get(new, new)


def _words(visit: Visit, law: Registry) -> dict[str, str]:
    """Give the words for what a row can say: codes, kinds of agencies, fields."""
    texts, prefix = visit.front.pages.texts[visit.language], "registry.says."
    said = {key.removeprefix(prefix): texts(key) for key in texts.keys if key.startswith(prefix)}
    kinds = ((kind.name, kind.label) for kind in law.kinds.values())
    fields = ((field.name, field.label) for field in law.fields.values())
    return said | {name: getattr(label, visit.language) for name, label in (*kinds, *fields)}


def _names(visit: Visit, law: Registry) -> dict[str, str]:
    """Give the names of purposes and prohibitions, which no other row mentions."""
    rules = ((one.rule, one.label) for one in law.prohibitions)
    purposes = ((name, rule.row.label) for name, rule in law.purposes.items())
    return {name: getattr(label, visit.language) for name, label in (*rules, *purposes)}
