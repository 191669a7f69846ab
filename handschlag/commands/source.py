"""`handschlag source`: connect an agency's own system: propose a mapping for it, and check one."""

import asyncio
from pathlib import Path

import click

from adapters.sources.looking import look_at
from adapters.sources.propose import propose
from handschlag.registry_folder import shipped_bundle
from handschlag.source_check import check_source
from schemas.ids import CodeName
from schemas.registry import load


@click.group()
def source() -> None:
    """Connect an agency's own system: a database, spreadsheet, CSV file, web service or paper."""


@source.command()
@click.argument("location", metavar="LOCATION")
@click.option("--table", help="The table, view or sheet, where there are several.")
@click.option("--secret-file", help="The file of a server's password: one line, readable by you only.")
def init(location: str, table: str | None, secret_file: str | None) -> None:
    """Propose a mapping for LOCATION, a file (.csv, .xlsx, SQLite) or a server's address, on standard output.

    Columns are known by their names and kinds. No cell is printed, but words of the law's own code lists.
    """
    click.echo(propose(look_at(location, Path(), table, secret_file), load(shipped_bundle())), nl=False)


@source.command()
@click.argument("mapping", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--kind", help="The agency's kind, to see for which purposes it can be asked.")
def check(mapping: Path, kind: str | None) -> None:
    """Look through the source of MAPPING: what fits the law, what is lost, missing or wrong. Counts, no values."""
    checked = asyncio.run(check_source(mapping, load(shipped_bundle()), None if kind is None else CodeName(kind)))
    click.echo("\n".join(checked.lines))
    if not checked.passed:
        raise SystemExit(1)
