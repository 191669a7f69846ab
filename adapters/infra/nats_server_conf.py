"""The NATS server's configuration, rendered from `nats_server.conf.template` beside this file."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from schemas.errors import Misuse
from schemas.ids import NatsAccount

RANDOM_PORT = -1
"""Lets the server take any free port; it says which in its log."""


@dataclass(frozen=True)
class ServerPlace:
    """Where one server listens and where its files are, as that server sees them; paths are absolute.

    `monitor_port` opens the server's own HTTP pages on 127.0.0.1, never elsewhere: they have no login.
    """

    server_name: str
    host: str
    port: int
    certificate: str
    key: str
    authority: str
    resolver_folder: str
    monitor_port: int | None = None


def render(
    place: ServerPlace, operator_jwt: str, system_account: NatsAccount, accounts: Mapping[NatsAccount, str]
) -> str:
    """Give the text of the configuration; `accounts` maps each account's public key to its JWT.

    Raises Misuse for a place that could end a quoted string and so bring in settings of its own.
    """
    for name in ("server_name", "host", "certificate", "key", "authority", "resolver_folder"):
        value: str = getattr(place, name)
        if not value.isprintable() or any(sign in value for sign in '"\\'):
            message = f"server place: {name} must have no quotes, backslashes or control characters"
            raise Misuse(message)
    template = Template(files("adapters.infra").joinpath("nats_server.conf.template").read_text(encoding="utf-8"))
    return template.substitute(
        server_name=place.server_name,
        host=place.host,
        port=place.port,
        monitoring="" if place.monitor_port is None else f'http: "127.0.0.1:{place.monitor_port}"\n',
        certificate=place.certificate,
        key=place.key,
        authority=place.authority,
        resolver_folder=place.resolver_folder,
        operator_jwt=operator_jwt,
        system_account=system_account,
        accounts="\n".join(f"  {account}: {jwt}" for account, jwt in accounts.items()),
    )
