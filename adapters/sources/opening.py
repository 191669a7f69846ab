"""From a mapping to the source it describes."""

from pathlib import Path

from adapters.sources.csv_file import csv_source
from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.paper import PaperSource, is_paper, parse_paper
from adapters.sources.port import Source
from adapters.sources.rest import RestSource
from adapters.sources.sheet import sheet_source
from adapters.sources.sql import SqlSource
from schemas.ids import FieldName


def source_of(text: str, file: str, folder: Path, known: frozenset[FieldName]) -> Source:
    """Make the source of a mapping's text, whatever its kind; `known` are the fields the registry defines.

    Raises Malformed with every finding.
    """
    if is_paper(text):
        return PaperSource(parse_paper(text, file, known))
    return open_source(parse(text, file, known), folder)


def open_source(mapping: SourceMapping, folder: Path) -> Source:
    """Make the source of a mapping whose file lies in `folder`; nothing outside is touched before its first call."""
    path = folder / mapping.location
    secret = None if mapping.secret_file is None else folder / mapping.secret_file
    match mapping.kind:
        case "sql":
            if "://" in mapping.location:
                return SqlSource.of_server(mapping, secret)
            return SqlSource.of_file(mapping, path)
        case "sheet":
            return sheet_source(mapping, path)
        case "csv":
            return csv_source(mapping, path)
        case "rest":
            return RestSource(mapping, secret)
