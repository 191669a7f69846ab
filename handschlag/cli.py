"""The one command: `handschlag <group> <command>`. Each group is a file of its own, loaded only when it is called."""

import importlib
import logging
import sys
from typing import Final

import click

from schemas.errors import HandschlagError

GROUPS: Final = {
    "broker": "handschlag.commands.broker",
    "demo": "handschlag.commands.demo",
    "explain": "handschlag.commands.explain",
    "federation": "handschlag.commands.federation",
    "keys": "handschlag.commands.keys",
    "ledger": "handschlag.commands.ledger",
    "member": "handschlag.commands.member",
    "node": "handschlag.commands.node",
    "registry": "handschlag.commands.registry",
    "source": "handschlag.commands.source",
    "texts": "handschlag.commands.texts",
    "token": "handschlag.commands.token",
    "town": "handschlag.commands.town",
    "witness": "handschlag.commands.witness",
}
"""Where each command or group lives; the module's attribute of the same name is the click command."""


class LazyGroup(click.Group):
    """Loads a command's module when it is asked for: `ledger verify` needs no NATS and no web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give all command names in order."""
        del ctx
        return sorted(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command, None for a name there is not."""
        del ctx
        if cmd_name not in GROUPS:
            return None
        command = getattr(importlib.import_module(GROUPS[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="handschlag")
def handschlag() -> None:
    """Hand a client's records from agency to agency: checked by law and consent, minimised, recorded, never stored."""
    # asyncio warns of every TLS connection that the other side closes first; nobody at a terminal can mend that.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def main() -> None:
    """Run the command; an error of ours is one clear line and exit code 1, never a stack trace."""
    try:
        handschlag(prog_name="handschlag", standalone_mode=True)
    except HandschlagError as error:
        click.echo(f"handschlag: {error}", err=True)
        sys.exit(1)
