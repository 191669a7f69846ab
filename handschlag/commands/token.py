"""`handschlag token`: tokens for HTTP.

Role tokens for the node, for as long as the agency has no sign-on of its own; reading tokens for the broker's log.
"""

import secrets
from pathlib import Path

import click

from adapters.node.access import Role
from adapters.node.tokens import MAX_LIFE_S
from handschlag.node_client import token as sign
from schemas.commitment import sha256

_ROLES = click.Choice([role.value for role in Role])


@click.group()
def token() -> None:
    """Make tokens for HTTP; DIR is the node's folder, with keys/token.jwk in it."""


@token.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--staff", required=True, help="The agency's own id of the member of staff.")
@click.option("--role", required=True, type=_ROLES, help="What that person is.")
@click.option(
    "--minutes", type=click.IntRange(1, MAX_LIFE_S // 60), default=60, show_default=True, help="How long it holds."
)
def issue(folder: Path, staff: str, role: str, minutes: int) -> None:
    """Sign a token and print it; whoever has it may do what the role may, until it runs out."""
    click.echo(sign(folder, staff, Role(role), minutes * 60))


@token.command()
def reader() -> None:
    """Make a token for an auditor, or for an agency's officer, to read the broker's log with.

    The token is theirs alone. Its SHA-256 goes into broker.toml: an auditor's into the list http.auditors, an officer's
    into http.officers under the agency.
    """
    made = secrets.token_urlsafe(32)
    click.echo(f"token   {made}")
    click.echo(f"sha256  {sha256(made.encode())}")
