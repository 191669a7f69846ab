"""`handschlag federation`: found a federation, and keep its own access to the bus alive."""

import re
from pathlib import Path

import click

from adapters.infra.clock import SystemClock
from handschlag.federation_folder import FederationFolder
from handschlag.founding import Plan, found
from handschlag.registry_folder import read_bundle, shipped_bundle
from handschlag.renewing import renew as renew_access
from schemas.errors import Malformed
from schemas.ids import FEDERATION_PATTERN, FederationName


@click.group()
def federation() -> None:
    """Found the federation of a town or county, and renew its own access to the bus."""


@federation.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Such as musterstadt.example; it never changes.")
@click.option("--nats-host", default="127.0.0.1", show_default=True, help="Where nodes reach the NATS server.")
@click.option("--nats-port", type=click.IntRange(1, 65535), default=4222, show_default=True)
@click.option(
    "--http-port", type=click.IntRange(0, 65535), default=8450, show_default=True, help="Of the broker's pages."
)
@click.option(
    "--registry", type=click.Path(file_okay=False, path_type=Path), help="TOML files; default: those shipped."
)
def init(folder: Path, name: str, nats_host: str, nats_port: int, http_port: int, registry: Path | None) -> None:
    """Make DIR with the steering group's keys, the bus's operator, and the broker's folder; all of it, or nothing."""
    if re.fullmatch(FEDERATION_PATTERN, name) is None:
        message = "--name: lower-case letters, digits, dots and inner hyphens, at most 64"
        raise Malformed(message)
    bundle = shipped_bundle() if registry is None else read_bundle(registry)
    place = FederationFolder(folder, SystemClock())
    pins = found(place, Plan(FederationName(name), nats_host, nats_port, bundle, http_port))
    click.echo(f"federation  {pins.name}")
    click.echo(f"log         {pins.log}")
    for vkey in pins.steering:
        click.echo(f"steering    {vkey}")
    click.echo(f"next        nats-server -c {place.server_conf}")
    click.echo(f"            handschlag broker run {place.broker}")


@federation.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def renew(folder: Path) -> None:
    """Renew what the federation in DIR itself needs for the bus, for two years; keys stay as they are.

    That is the certificates of the NATS server, of the broker and of these commands, and the broker's login. Members'
    access is renewed by `member add` with the same application. Afterwards the server reads its certificate again
    (`systemctl reload handschlag-nats`), and the broker is started again.
    """
    for renewed in renew_access(FederationFolder(folder, SystemClock())):
        click.echo(f"renewed     {renewed}")
    click.echo("next        systemctl reload handschlag-nats; systemctl restart handschlag-broker")
