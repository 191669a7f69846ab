"""The folder of a node, at the agency.

node.toml          the settings (`adapters.node.settings`); all other places are named there
keys/              the agency's private keys with their public halves; token.jwk signs role tokens for the HTTP API
nats/, tls/        the node's login on the bus, complete once the admission is installed
application.toml   what the steering group needs to admit the agency; nothing of it is secret
node.db            the node's memory, personal data included
"""

import base64
import binascii
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from adapters.infra import tls
from adapters.infra.files import write_atomic
from adapters.infra.key_files import create_nats_seed, create_seal_key, create_signer, load_nats_seed
from adapters.infra.nats_keys import public_key
from adapters.infra.private_files import create_private
from adapters.infra.whole_folder import whole_folder
from adapters.node.main import load_settings
from adapters.node.settings import (
    SETTINGS_FILE,
    BusSettings,
    FederationSettings,
    HttpSettings,
    KeySettings,
    NodeSettings,
    SourceSettings,
)
from adapters.node.tokens import new_key
from handschlag.admission import (
    ADMISSION_FILE,
    Admission,
    Application,
    FederationPins,
    OfferedKey,
    read_paper,
    write_paper,
)
from handschlag.bus_logins import new_user_seed
from schemas import toml_files
from schemas.errors import Malformed, Misuse
from schemas.ids import AgencyId, CodeName, KeyName
from schemas.seal import SealSuite
from schemas.statements import KeyRole
from schemas.wire import Wire

TOKEN_KEY: Final = "keys/token.jwk"  # noqa: S105 - where the private key lies, whose public half node.toml names

_APPLICATION: Final = "application.toml"
_MLDSA44: Final = "keys/witness-mldsa44.key"
_COMMENT: Final = "The settings of a node; every other setting has its default. Paths are relative to this folder."


class Plan(Wire):
    """What a new node is made of; with `mldsa44` it has a second witness key, of ML-DSA-44."""

    agency: AgencyId
    kind: CodeName
    mapping: str | None = None
    mldsa44: bool = False
    http_port: int = Field(default=HttpSettings().port, ge=0, le=65535)


def init(folder: Path, plan: Plan, pins: FederationPins) -> Path:
    """Make a node's folder, whole or not at all; give the application for the steering group.

    Raises Misuse when there is something already.
    """
    settings = NodeSettings(
        agency=plan.agency,
        kind=plan.kind,
        federation=FederationSettings(name=pins.name, steering=pins.steering),
        nats=BusSettings(url=pins.nats),
        keys=KeySettings(witness_mldsa44=_MLDSA44 if plan.mldsa44 else None),
        source=SourceSettings(mapping=plan.mapping),
        http=HttpSettings(port=plan.http_port),
    )
    with whole_folder(folder.absolute()) as draft:
        for name in ("keys", "nats", "tls"):
            (draft / name).mkdir(mode=0o700)
        write_atomic(draft / SETTINGS_FILE, toml_files.write(settings, comment=_COMMENT).encode())
        write_paper(_application(draft, settings), draft / _APPLICATION)
    return folder / _APPLICATION


def admit(folder: Path, admission: Path) -> Admission:
    """Install what the steering group answered; repeated to renew login and certificate.

    Raises Misuse when it is for another agency or key, or names another federation than the settings pin.
    """
    settings = load_settings(folder)
    paper = read_paper(Admission, admission / ADMISSION_FILE if admission.is_dir() else admission)
    pinned = (settings.federation.name, settings.federation.steering)
    if paper.agency != settings.agency or (paper.federation.name, paper.federation.steering) != pinned:
        message = f"{admission}: is for another agency, or of another federation than {folder / SETTINGS_FILE} pins"
        raise Misuse(message)
    bus = settings.nats
    if _user_of(paper.user_jwt) != public_key(load_nats_seed(folder / bus.seed)):
        message = f"{admission}: its login is for another key than {folder / bus.seed}"
        raise Misuse(message)
    write_atomic(folder / bus.jwt, f"{paper.user_jwt}\n".encode(), mode=0o600)
    write_atomic(folder / bus.ca, paper.ca.encode())
    write_atomic(folder / bus.certificate, paper.certificate.encode())
    try:
        tls.client_context(folder / bus.ca, folder / bus.certificate, folder / bus.key)
    except ssl.SSLError as error:
        message = f"{admission}: its certificate does not belong to {folder / bus.key}"
        raise Misuse(message) from error
    return paper


def _application(draft: Path, settings: NodeSettings) -> Application:
    """Make all keys and give the paper with their public halves."""
    seed = new_user_seed()
    create_nats_seed(draft / settings.nats.seed, settings.agency, seed)
    request = tls.make_request(settings.agency)
    create_private(draft / settings.nats.key, request.key)
    private, public = new_key()
    create_private(draft / TOKEN_KEY, private)
    write_atomic(draft / settings.http.token_key, public)
    return Application(
        agency=settings.agency,
        kind=settings.kind,
        keys=tuple(_keys(draft, settings)),
        nats_user=public_key(seed),
        tls_csr=request.certificate.decode(),
    )


def _keys(draft: Path, settings: NodeSettings) -> Iterator[OfferedKey]:
    keys, prefix = settings.keys, f"{settings.federation.name}/{settings.agency}"
    places: dict[KeyRole, str | None] = {"statement": keys.statement, "witness": keys.witness, "dpo": keys.dpo}
    for role, place in places.items():
        name = KeyName(f"{prefix}/{role}-1")
        made = create_signer(draft / str(place), name, "cosignature" if role == "witness" else "ed25519")
        yield OfferedKey(role=role, name=name, suite="ed25519", public=made.public)
    if keys.witness_mldsa44 is not None:
        name = KeyName(f"{prefix}/witness-2")
        made = create_signer(draft / keys.witness_mldsa44, name, "mldsa44-cosignature")
        yield OfferedKey(role="witness", name=name, suite="mldsa44", public=made.public)
    name, suite = KeyName(f"{prefix}/seal-1"), _SUITE
    yield OfferedKey(
        role="seal", name=name, suite=suite, public=create_seal_key(draft / keys.seal[0], name, suite).public
    )


_SUITE: Final[SealSuite] = "mlkem768-x25519"


class _Claims(Wire):
    sub: str


def _user_of(jwt: str) -> str:
    """Read whose login a NATS JWT is; only the server can prove it."""
    body = jwt.split(".")[1] if jwt.count(".") == 2 else ""  # noqa: PLR2004 - header, claims, signature
    try:
        claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return _Claims.model_validate_json(claims, extra="ignore").sub
    except (binascii.Error, ValidationError) as error:
        message = "user_jwt: is no JWT of a NATS user"
        raise Malformed(message) from error
