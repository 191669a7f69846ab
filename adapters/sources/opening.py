"""From a mapping to the source it describes."""

from pathlib import Path

from adapters.sources import rest, sql, table_file
from adapters.sources.csv_file import csv_source
from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.paper import PaperSource, is_paper, parse_paper
from adapters.sources.port import Source
from adapters.sources.rest import RestSource
from adapters.sources.sheet import sheet_source
from adapters.sources.sql import SqlSource
from adapters.sources.table_file import TableFile
from schemas.ids import FieldName


def source_of(text: str, file: str, folder: Path, known: frozenset[FieldName]) -> Source:
    """Make the source of a mapping's text, whatever its kind; `known` are the fields the registry defines.

    Raises Malformed with every finding.
    """
    if is_paper(text):
        return PaperSource(parse_paper(text, file, known))
    return open_source(parse(text, file, known), folder)


def open_source(
    mapping: SourceMapping, folder: Path, *, timeout_s: float | None = None
) -> SqlSource | TableFile | RestSource:
    """Make the source of a mapping whose file lies in `folder`; nothing outside is touched before its first call.

    `timeout_s` bounds each call, where the bounds of a node are too short for a look through all rows.
    """
    path = folder / mapping.location
    secret = None if mapping.secret_file is None else folder / mapping.secret_file
    match mapping.kind:
        case "sql":
            if "://" in mapping.location:
                return SqlSource.of_server(mapping, secret, timeout_s=timeout_s or sql.SERVER_TIMEOUT_S)
            return SqlSource.of_file(mapping, path, timeout_s=timeout_s or sql.FILE_TIMEOUT_S)
        case "sheet":
            return sheet_source(mapping, path, timeout_s=timeout_s or table_file.TIMEOUT_S)
        case "csv":
            return csv_source(mapping, path, timeout_s=timeout_s or table_file.TIMEOUT_S)
        case "rest":
            return RestSource(mapping, secret, timeout_s=timeout_s or rest.TIMEOUT_S)
