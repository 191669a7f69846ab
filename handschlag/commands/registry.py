"""`handschlag registry`: check the law as data, bundle it, and put it into force."""

import asyncio
from pathlib import Path

import click
from pydantic_core import to_json

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from broker.bundles import bundle_path
from handschlag.federation_folder import FederationFolder
from handschlag.registry_folder import check_texts, read_bundle, read_law
from handschlag.steering_session import set_registry
from schemas import registry as law
from schemas import registry_diff
from schemas.commitment import sha256

LAW = click.Path(path_type=Path)
FOLDER = click.argument("folder", metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def registry() -> None:
    """Check and bundle the registry: purposes, fields, code lists, kinds of agencies, prohibitions."""


@registry.command()
@FOLDER
def check(folder: Path) -> None:
    """Check the TOML files in FOLDER, and that clients can be told of all they hold; one line for each finding."""
    found = law.load(read_bundle(folder))
    check_texts(folder)
    click.echo(f"hash      {found.hash}")
    click.echo(f"purposes  {len(found.purposes)}: {', '.join(sorted(found.purposes))}")
    click.echo(f"fields    {len(found.fields)}")
    click.echo(f"lists     {len(found.code_lists)}")
    click.echo(f"kinds     {len(found.kinds)}")
    click.echo(f"never     {len(found.prohibitions)} prohibitions")


@registry.command()
@FOLDER
@click.option("--out", required=True, type=click.Path(file_okay=False, exists=True, path_type=Path), help="A folder.")
def bundle(folder: Path, out: Path) -> None:
    """Write the bundle of FOLDER's files, named by its hash, such as into the broker's folder of bundles."""
    raw = read_bundle(folder)
    law.load(raw)
    path = bundle_path(out, sha256(raw))
    write_atomic(path, raw)
    click.echo(str(path))


@registry.command()
@click.argument("old", metavar="OLD", type=LAW)
@click.argument("new", metavar="NEW", type=LAW)
@click.option("--json", "as_json", is_flag=True, help="For programs: a list of what changed.")
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """Show what differs between OLD and NEW, each a folder of TOML files or a bundle, side by side and in words.

    Fields are told at every purpose they join or leave; a purpose's new version is compared with the one before it. A
    plus marks what lets more through.
    """
    before, after = law.load(read_law(old)), law.load(read_law(new))
    if as_json:
        found = [change._asdict() for change in registry_diff.changes(before, after)]
        click.echo(to_json(found, indent=2).decode())
    else:
        click.echo("\n".join(registry_diff.side_by_side(before, after)))


@registry.command("set")
@click.argument("federation", metavar="FEDDIR", type=click.Path(file_okay=False, path_type=Path))
@FOLDER
def put_into_force(federation: Path, folder: Path) -> None:
    """Put FOLDER's registry into force in the federation of FEDDIR, while everything runs."""
    name = asyncio.run(set_registry(FederationFolder(federation, SystemClock()), read_bundle(folder)))
    click.echo(f"in force: {name}")
