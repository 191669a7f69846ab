"""A spreadsheet (XLSX) of an agency as a source."""

from functools import partial
from pathlib import Path

from adapters.sources.mapping import SourceMapping
from adapters.sources.table_file import TableFile
from adapters.sources.workbook import read_lines


def sheet_source(mapping: SourceMapping, path: Path, *, timeout_s: float) -> TableFile:
    """Prepare for one sheet of the workbook at `path`."""
    read = partial(read_lines, place=mapping.location, sheet=mapping.table, header_row=mapping.header_row)
    return TableFile(mapping, path, lambda raw, columns: read(raw, columns=columns), timeout_s=timeout_s)
