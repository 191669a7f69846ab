"""`handschlag broker`: run the middle, or check its folder without running it."""

import sys
from pathlib import Path

import click

from broker import main as process
from handschlag.copying import copy_folder

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def broker() -> None:
    """Run the broker of a federation; DIR is its folder, with broker.toml in it."""


@broker.command()
@FOLDER
def run(folder: Path) -> None:
    """Run the broker until it is told to stop (SIGTERM, or Ctrl-C)."""
    process.run(folder, (sys.executable, "-m", "handschlag"))


@broker.command()
@FOLDER
def snapshot(folder: Path) -> None:
    """Write the ledger's state beside its shard for the next start; a running broker has it done by itself."""
    click.echo(f"{process.snapshot(folder)} written")


@broker.command("copy")
@FOLDER
@click.argument("target", type=click.Path(path_type=Path))
def copy_(folder: Path, target: Path) -> None:
    """Copy DIR with its ledger and keys to TARGET while the broker runs: a backup, to be kept as safe as DIR itself.

    The record of all that was up to this moment, for an auditor. A broker goes on from it only if nothing was logged
    since: witnesses refuse a ledger that is older than what they have seen.
    """
    click.echo(f"{copy_folder(folder, target)} files copied to {target}")


@broker.command()
@FOLDER
def check(folder: Path) -> None:
    """Check settings, keys, registry and genesis notes, and say what the ledger holds."""
    loaded, size = process.check(folder)
    setup = loaded.setup
    click.echo(f"log        {loaded.log}, {size} entries")
    click.echo(f"log key    {setup.signer.key.vkey}")
    click.echo(f"registry   {', '.join(sorted(setup.bundles.ready)) or 'no bundle'}")
    click.echo(f"genesis    {len(setup.genesis)} notes")
    click.echo(f"witnesses  {'no policy' if setup.policy is None else f'{len(setup.policy.witnesses)} in the policy'}")
    click.echo("The broker's folder is in order.")
