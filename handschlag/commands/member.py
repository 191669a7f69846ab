"""`handschlag member`: admit agencies and let them go, while everything runs."""

import asyncio
from pathlib import Path

import click

from adapters.infra.clock import SystemClock
from handschlag import membership
from handschlag.admission import ADMISSION_FILE, Application, read_paper, write_paper
from handschlag.federation_folder import FederationFolder
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName

FOLDER = click.argument("folder", metavar="FEDDIR", type=click.Path(file_okay=False, path_type=Path))


@click.group()
def member() -> None:
    """Admit agencies and let them go; FEDDIR is the federation's folder, with federation.toml in it."""


@member.command()
@FOLDER
@click.argument("application", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the agency.")
@click.option("--commitment", help="How a non-public body committed itself to the purpose (§ 78(1) SGB X).")
def add(folder: Path, application: Path, out: Path, commitment: str | None) -> None:
    """Admit the agency of an APPLICATION; given again, finish what was cut off, or renew its login."""
    if (out / ADMISSION_FILE).exists():
        message = f"{out / ADMISSION_FILE}: there is an admission already, and it is not overwritten"
        raise Misuse(message)
    place, code = FederationFolder(folder, SystemClock()), None if commitment is None else CodeName(commitment)
    admission = asyncio.run(membership.admit(place, read_paper(Application, application), code))
    out.mkdir(parents=True, exist_ok=True)
    write_paper(admission, out / ADMISSION_FILE)
    click.echo(f"{admission.agency} is a member; give it {out / ADMISSION_FILE}")


@member.command()
@FOLDER
@click.argument("agency")
def revoke(folder: Path, agency: str) -> None:
    """Cut AGENCY off the bus and end its keys and membership; nobody else is disconnected."""
    asyncio.run(membership.revoke(FederationFolder(folder, SystemClock()), AgencyId(agency)))
    click.echo(f"{agency} is no member any more")


@member.command("list")
@FOLDER
def list_members(folder: Path) -> None:
    """List the members as the ledger has them."""
    for line in asyncio.run(membership.members(FederationFolder(folder, SystemClock()))):
        bus = "on the bus" if line.on_the_bus else "no account on the bus"
        click.echo(f"{line.agency:<32}  {line.kind:<24}  {line.keys} keys  {bus}")
