"""`handschlag witness`: cosign the checkpoints of other people's logs, as an outsider to their federation."""

from pathlib import Path

import click

from handschlag import witness_process


@click.group()
def witness() -> None:
    """Cosign checkpoints of logs you watch (C2SP tlog-witness), so that they cannot show two histories."""


@witness.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--key",
    "keys",
    required=True,
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Private key of a witness (`keys new --role witness`); may be given several times.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8470, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes any.")
def run(folder: Path, keys: tuple[Path, ...], host: str, port: int) -> None:
    """Serve add-checkpoint until told to stop; DIR/logs.txt has the vkeys of the logs, one a line.

    It speaks plain HTTP: beyond this machine it belongs behind a server that speaks TLS. A broker asks it when its
    broker.toml has a table [[witnesses.outside]] with `url` and `vkey`.
    """
    witness_process.run(folder, keys, (host, port), click.echo)
