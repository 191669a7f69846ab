"""`handschlag source`: check the mapping of an agency's own system, and publish what it can deliver."""

import asyncio
from pathlib import Path

import click

from adapters.node.access import Role
from adapters.node.main import load_settings
from adapters.sources.opening import source_of
from handschlag.node_client import call
from handschlag.registry_folder import read_bundle, shipped_bundle
from schemas import registry as law
from schemas.errors import Misuse
from schemas.ids import FieldName

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def source() -> None:
    """Check and publish an agency's own system; DIR is the node's folder, with node.toml in it."""


@source.command()
@FOLDER
@click.option(
    "--registry", type=click.Path(file_okay=False, path_type=Path), help="TOML files; default: those shipped."
)
def check(folder: Path, registry: Path | None) -> None:
    """Read the mapping, open the source as the node does, and tell what does not fit; says nothing about persons."""
    place = load_settings(folder).source.mapping
    if place is None:
        message = f"{folder}: node.toml names no mapping under [source]"
        raise Misuse(message)
    bundle = shipped_bundle() if registry is None else read_bundle(registry)
    for field in asyncio.run(_checked(folder / place, frozenset(law.load(bundle).fields))):
        click.echo(field)


async def _checked(mapping: Path, known: frozenset[FieldName]) -> list[FieldName]:
    try:
        text = mapping.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{mapping}: cannot be read as a text file"
        raise Misuse(message) from error
    opened = source_of(text, str(mapping), mapping.parent, known)
    try:
        await opened.check()
        return sorted(opened.catalogue)
    finally:
        await opened.close()


@source.command()
@FOLDER
def catalogue(folder: Path) -> None:
    """Publish, through the running node, which fields the source can deliver."""
    published = call(folder, Role.ACCESS_STEWARD, "PUT", "/v1/catalogue").json()
    click.echo(f"{published['agency']} can deliver {len(published['fields'])} fields")
