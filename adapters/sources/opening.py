"""From a mapping to the source it describes."""

from pathlib import Path

from adapters.sources.mapping import SourceMapping
from adapters.sources.port import Source
from adapters.sources.sheet import SheetSource
from adapters.sources.sql import SqlSource


def open_source(mapping: SourceMapping, folder: Path) -> Source:
    """Make the source of a mapping whose file lies in `folder`; nothing outside is touched before its first call."""
    path = folder / mapping.location
    match mapping.kind:
        case "sql":
            return SqlSource(mapping, path)
        case "sheet":
            return SheetSource(mapping, path)
