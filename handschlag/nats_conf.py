"""The NATS server's configuration in a federation's folder: written anew whenever an account changes.

A running server learns of accounts by a push and keeps them in its resolver's folder; the file is for a server that
starts with an empty one, as after the loss of a disk.
"""

from pathlib import Path
from urllib.parse import urlsplit

from adapters.infra.files import write_atomic
from adapters.infra.nats_operator_files import OperatorStore
from adapters.infra.nats_server_conf import ServerPlace
from handschlag.federation_folder import FederationFolder

DEFAULT_PORT = 4222


def write_server_conf(folder: FederationFolder, operator: OperatorStore, url: str, root: Path) -> None:
    """Write the configuration of a server at `url`, with all accounts there are; `root` is where the folder will be."""
    address = urlsplit(url)
    certificates = root / "nats" / "tls"
    place = ServerPlace(
        server_name="nats-server",
        host=address.hostname or "",
        port=address.port or DEFAULT_PORT,
        certificate=str(certificates / "server.pem"),
        key=str(certificates / "server.key"),
        authority=str(certificates / "ca.pem"),
        resolver_folder=str(root / "nats" / "jwt"),
    )
    write_atomic(folder.server_conf, operator.server_conf(place, folder.now_s()).encode())


def nats_url(host: str, port: int) -> str:
    """Give the address of a NATS server."""
    return f"tls://[{host}]:{port}" if ":" in host else f"tls://{host}:{port}"
