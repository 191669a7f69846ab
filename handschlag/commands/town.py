"""`handschlag town`: make the synthetic town's agency systems."""

from pathlib import Path

import click

from handschlag.town import AGENCY, build
from handschlag.town.building import PERSONS
from handschlag.town.people import MIN_PERSONS


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same town.")
@click.option("--persons", type=click.IntRange(min=MIN_PERSONS), default=PERSONS, show_default=True)
def town(folder: Path, seed: int, persons: int) -> None:
    """Write the systems of five invented agencies into DIR: databases, a sheet, a CSV file, and a mapping for each."""
    build(folder, seed, persons)
    for agency, about in AGENCY.items():
        click.echo(f"{agency:<20} {about.name} ({folder / agency})")
