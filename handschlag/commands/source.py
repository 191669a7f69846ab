"""`handschlag source`: connect an agency's own system: propose a mapping, check it, publish what it can deliver."""

import asyncio
from pathlib import Path

import click

from adapters.node.access import Role
from adapters.node.main import load_settings
from adapters.sources.looking import look_at
from adapters.sources.propose import propose
from handschlag.node_client import call
from handschlag.registry_folder import read_bundle, shipped_bundle
from handschlag.source_check import check_source
from schemas import registry as law
from schemas.errors import Misuse
from schemas.ids import CodeName

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
REGISTRY = click.option(
    "--registry", type=click.Path(file_okay=False, path_type=Path), help="TOML files; default: those shipped."
)


@click.group()
def source() -> None:
    """Connect, check and publish an agency's own system; DIR is the node's folder, with node.toml in it."""


@source.command()
@click.argument("location", metavar="LOCATION")
@click.option("--table", help="The table, view or sheet, where there are several.")
@click.option("--secret-file", help="The file of a server's password: one line, readable by its owner only.")
@REGISTRY
def init(location: str, table: str | None, secret_file: str | None, registry: Path | None) -> None:
    """Propose a mapping for LOCATION, a file (.csv, .xlsx, SQLite) or a server's address, on standard output.

    Columns are known by their names and kinds. No cell is printed, but words of the law's own code lists.
    """
    click.echo(propose(look_at(location, Path(), table, secret_file), law.load(_bundle(registry))), nl=False)


@source.command()
@click.argument("place", metavar="DIR|MAPPING", type=click.Path(path_type=Path))
@click.option("--kind", help="The agency's kind, to see for which purposes it can be asked.")
@REGISTRY
def check(place: Path, kind: str | None, registry: Path | None) -> None:
    """Look through a source: what fits the law, what is lost, missing or wrong. Counts, and nothing about persons.

    The source is that of a node's folder DIR, or of a MAPPING file. Ends with 1 when something has to be mended.
    """
    named = None if kind is None else CodeName(kind)
    checked = asyncio.run(check_source(_mapping(place), law.load(_bundle(registry)), named))
    click.echo("\n".join(checked.lines))
    if not checked.passed:
        raise SystemExit(1)


def _mapping(place: Path) -> Path:
    """Give the mapping file, which for a node's folder its settings name."""
    if not place.is_dir():
        return place
    mapping = load_settings(place).source.mapping
    if mapping is None:
        message = f"{place}: node.toml names no mapping under [source]"
        raise Misuse(message)
    return place / mapping


def _bundle(folder: Path | None) -> bytes:
    return shipped_bundle() if folder is None else read_bundle(folder)


@source.command()
@FOLDER
def catalogue(folder: Path) -> None:
    """Publish, through the running node, which fields the source can deliver."""
    published = call(folder, Role.ACCESS_STEWARD, "PUT", "/v1/catalogue").json()
    click.echo(f"{published['agency']} can deliver {len(published['fields'])} fields")
