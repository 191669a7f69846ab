"""`handschlag keys`: make keys by hand, put a member's next key into force, and end one."""

import asyncio
import re
from pathlib import Path

import click

from adapters.infra.clock import SystemClock
from adapters.infra.key_files import PublishedKey, create_seal_key, create_signer, public_path, read_published
from handschlag import key_changes
from handschlag.federation_folder import FederationFolder
from schemas.errors import Malformed, Misuse
from schemas.ids import KEY_NAME_PATTERN, LOG_PATTERN, KeyName

FOLDER = click.argument("folder", metavar="FEDDIR", type=click.Path(file_okay=False, path_type=Path))
ROLES = ("statement", "witness", "seal", "dpo", "steering", "log")


@click.group()
def keys() -> None:
    """Make keys, show their public halves, change a member's keys in the ledger."""


@keys.command()
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--name", required=True, help="<federation>/<agency>/<role>-<n>; of a log <federation>/log/<shard>.")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The private key's file.")
@click.option("--mldsa44", is_flag=True, help="Of a witness: an ML-DSA-44 key, for `witness_mldsa44` in node.toml.")
def new(role: str, name: str, out: Path, *, mldsa44: bool) -> None:
    """Make a key: a private file of its owner alone, and beside it the public half."""
    if re.fullmatch(LOG_PATTERN if role == "log" else KEY_NAME_PATTERN, name) is None:
        message = "--name: must be <federation>/<agency>/<role>-<n>, for a log <federation>/log/<shard>"
        raise Malformed(message)
    if mldsa44 and role != "witness":
        message = "--mldsa44: only witnesses have such keys"
        raise Misuse(message)
    _show(create_signer(out, name, "mldsa44-cosignature") if mldsa44 else _create(role, name, out))


@keys.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def show(file: Path) -> None:
    """Show the public half of the key in FILE, or of the public FILE itself."""
    _show(read_published(file if file.suffix == ".pub" else public_path(file)))


@keys.command()
@FOLDER
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def rotate(folder: Path, file: Path) -> None:
    """Put a member's next key into force beside the old one; FILE is the `.pub` the agency made (`keys new`).

    The agency then names the new private key in node.toml (the old one of role statement under `statement_former`, of
    role seal behind the new one) and starts its node again. Last, `keys revoke` ends the old key. The log's own key
    changes with its shard: by `ledger close` while that key is there and trusted, else by `ledger rekey`.
    """
    published = read_published(file if file.suffix == ".pub" else public_path(file))
    asyncio.run(key_changes.add(FederationFolder(folder, SystemClock()), published))
    click.echo(f"{published.name} is in force")


@keys.command()
@FOLDER
@click.argument("name")
@click.option("--even-the-last", is_flag=True, help="Also when the agency has no other: it is cut off then.")
def revoke(folder: Path, name: str, *, even_the_last: bool) -> None:
    """End the key NAME (<federation>/<agency>/<role>-<n>) from now on; what it signed before stays valid."""
    place = FederationFolder(folder, SystemClock())
    asyncio.run(key_changes.revoke(place, KeyName(name), even_the_last=even_the_last))
    click.echo(f"{name} is revoked")


def _create(role: str, name: str, out: Path) -> PublishedKey:
    if role == "seal":
        return create_seal_key(out, name)
    return create_signer(out, name, "cosignature" if role == "witness" else "ed25519")


def _show(key: PublishedKey) -> None:
    click.echo(f"name    {key.name}")
    click.echo(f"suite   {key.suite}")
    click.echo(f"public  {key.public}")
    click.echo(f"id      {key.id}")
