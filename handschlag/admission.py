"""The papers that travel between an agency and the steering group when it joins: all public, all TOML.

    federation.toml             what everybody is told beforehand: `FederationPins`
    application.toml            what `node init` writes for the steering group: `Application`
    <folder>/admission.toml     what `member add` writes for the agency, in a folder of its own: `Admission`

The vkeys of the steering group in `federation.toml` are the root of trust of a node: compare them by telephone.
"""

from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field, StringConstraints

from adapters.infra.files import write_atomic
from schemas import toml_files
from schemas.errors import Misuse
from schemas.ids import AgencyId, CodeName, FederationName, KeyName, LogId, NatsAccount
from schemas.statements import KeyRole, Suite, Vkey
from schemas.wire import Wire

ADMISSION_FILE: Final = "admission.toml"

Pem = Annotated[str, StringConstraints(strict=True, pattern=r"^-----BEGIN [A-Z ]+-----\n", max_length=20_000)]
NatsUser = Annotated[str, StringConstraints(strict=True, pattern=r"^U[A-Z2-7]{55}$")]
NatsUrl = Annotated[str, StringConstraints(strict=True, pattern=r"^tls://[A-Za-z0-9.:\[\]-]+$", max_length=300)]

PaperT = TypeVar("PaperT", bound=Wire)


class FederationPins(Wire):
    """What is known beforehand of a federation and taken from nobody.

    `steering` are the vkeys of two or more steering keys; `log` is the origin of the shard the federation began with;
    `steering_account` the NATS account of the steering group's administration.
    """

    name: FederationName
    log: LogId
    steering: Annotated[tuple[Vkey, ...], Field(min_length=2, max_length=20)]
    nats: NatsUrl
    steering_account: NatsAccount


class OfferedKey(Wire):
    """A public key as its `key.added` statement will name it: a vkey, or base64 of the raw key for role `seal`."""

    role: KeyRole
    name: KeyName
    suite: Suite
    public: Annotated[str, StringConstraints(strict=True, min_length=10, max_length=2000)]


class Application(Wire):
    """An agency asks to be admitted: its public keys, its NATS user's key, its certificate request (PKCS #10)."""

    agency: AgencyId
    kind: CodeName
    keys: Annotated[tuple[OfferedKey, ...], Field(min_length=3, max_length=10)]
    nats_user: NatsUser
    tls_csr: Pem


class Admission(Wire):
    """An agency is admitted: its NATS login, its client certificate with the authority's, and where the bus is."""

    agency: AgencyId
    user_jwt: Annotated[str, StringConstraints(strict=True, min_length=10, max_length=20_000)]
    certificate: Pem
    ca: Pem
    nats_url: NatsUrl
    federation: FederationPins


def read_paper(shape: type[PaperT], path: Path) -> PaperT:
    """Read one of the papers; Misuse when there is no such file, Malformed naming line, key and rule."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: cannot be read as a text file"
        raise Misuse(message) from error
    return toml_files.parse(shape, text, str(path))


def write_paper(paper: Wire, path: Path, comment: str = "") -> None:
    """Write one of the papers, whole or not at all."""
    write_atomic(path, toml_files.write(paper, comment=comment).encode())
