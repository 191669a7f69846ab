"""`handschlag keys`: make keys by hand, where `node init` and `federation init` do not."""

import re
from pathlib import Path

import click

from adapters.infra.key_files import PublishedKey, create_seal_key, create_signer, public_path, read_published
from schemas.errors import Malformed, Misuse
from schemas.ids import KEY_NAME_PATTERN, LOG_PATTERN

ROLES = ("statement", "witness", "seal", "dpo", "steering", "log")


@click.group()
def keys() -> None:
    """Make keys and show their public halves."""


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


def _create(role: str, name: str, out: Path) -> PublishedKey:
    if role == "seal":
        return create_seal_key(out, name)
    return create_signer(out, name, "cosignature" if role == "witness" else "ed25519")


def _show(key: PublishedKey) -> None:
    click.echo(f"name    {key.name}")
    click.echo(f"suite   {key.suite}")
    click.echo(f"public  {key.public}")
    click.echo(f"id      {key.id}")
