"""The settings of a node, as they stand in `node.toml`. Paths are relative to the folder of that file.

Nothing of this is secret: keys, the NATS login and certificates lie in files of their own, named here.
"""

from typing import Annotated, Final

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from adapters.node.identity import Roles
from consent_ledger.core.signed import STEERING, Pins
from schemas import toml_files
from schemas.errors import Malformed
from schemas.ids import AgencyId, CodeName, FederationName
from schemas.note import VerifierKey, parse_vkey
from schemas.statements import Vkey
from schemas.wire import Wire

SETTINGS_FILE: Final = "node.toml"

Place = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")]
"""A file, relative to the folder of `node.toml` unless it is absolute."""
HttpUrl = Annotated[
    str, StringConstraints(strict=True, pattern=r"^https?://[A-Za-z0-9.:/_\[\]-]*[^/]$", max_length=300)
]
Contact = Annotated[str, StringConstraints(strict=True, max_length=300, pattern=r"^[^\x00-\x1f]*$")]
"""Name, address and how to reach somebody, in one line; empty where it is not said."""
Url = Annotated[str, StringConstraints(strict=True, pattern=r"^tls://[A-Za-z0-9.:\[\]-]+$", max_length=300)]


class FederationSettings(Wire):
    """What this node takes from nobody: the federation's name, the vkeys of its steering group, and whom it trusts.

    `witnesses` is the file of the agency's witness policy (C2SP tlog-policy): what the log proves to this node must
    come under a checkpoint that its quorum cosigned. Without one the log's own signature is enough.
    """

    name: FederationName
    steering: Annotated[tuple[Vkey, ...], Field(min_length=2, max_length=20)]
    witnesses: Place | None = None

    @field_validator("steering")
    @classmethod
    def _steering_keys(cls, steering: tuple[Vkey, ...], info: ValidationInfo) -> tuple[Vkey, ...]:
        keys = [_parsed(vkey) for vkey in steering]
        beginning = f"{info.data.get('name', '')}/{STEERING}/"
        if not all(key.name.startswith(beginning) for key in keys):
            message = f"each must begin with {beginning}"
            raise ValueError(message)
        if len({key.public for key in keys}) != len(keys):
            message = "a key stands there twice"
            raise ValueError(message)
        return steering


class BusSettings(Wire):
    """Where the NATS server is, and the files of the node's login and of TLS both ways."""

    url: Url
    jwt: Place = "nats/user.jwt"
    seed: Place = "nats/user.key"
    ca: Place = "tls/ca.pem"
    certificate: Place = "tls/client.pem"
    key: Place = "tls/client.key"


class KeySettings(Wire):
    """The agency's private keys; of `seal` the first one is offered to holders, all of them open what comes.

    `statement_former` are keys that signed before: what they left open is settled with them until they are revoked.
    Without `dpo` the officer signs elsewhere; without `witness` the node does not cosign. With `witness_mldsa44` it
    also cosigns by ML-DSA-44, which stays of worth when a quantum computer breaks Ed25519.
    """

    statement: Place = "keys/statement.key"
    statement_former: Annotated[tuple[Place, ...], Field(max_length=5)] = ()
    witness: Place | None = "keys/witness.key"
    witness_mldsa44: Place | None = None
    dpo: Place | None = "keys/dpo.key"
    seal: Annotated[tuple[Place, ...], Field(min_length=1, max_length=10)] = ("keys/seal.key",)


class StoreSettings(Wire):
    """The file with the node's own memory, personal data included."""

    path: Place = "node.db"


class SourceSettings(Wire):
    """The mapping of the agency's own system; without one the node holds nothing."""

    mapping: Place | None = None


class HttpSettings(Wire):
    """Where the HTTP API is served, and the public half of the key that signs its callers' tokens (JWK).

    It speaks plain HTTP: beyond this machine it belongs behind a server that speaks TLS. Port 0 takes any.
    """

    host: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8460
    token_key: Place = "keys/token.pub.jwk"  # noqa: S105 - where a public key lies


class LoginSettings(Wire):
    """The agency's sign-on (OpenID Connect), and the address under which browsers reach the pages.

    `secret` is the file of this client's secret. `role` and `team` name the claims of the ID token that say what a
    person is here; a team limits whom a caseworker finds.
    """

    issuer: HttpUrl
    client: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=200)]
    secret: Place = "keys/login.secret"  # noqa: S105 - where it lies
    address: HttpUrl
    role: CodeName = CodeName("role")
    team: CodeName | None = None


class TextSettings(Wire):
    """Which texts clients may be shown: approved ones only, unless `drafts` is true.

    Then drafts are shown, too, marked as such, and consents are taken on them, as in a demo with invented people.
    """

    drafts: bool = False


class PapersSettings(Wire):
    """What papers say of the agency: what nobody can learn from the log (Art. 13, 14 and 30 GDPR).

    `client_pages` is the address of the broker's pages for clients, without a path; receipts have a QR code with it.
    """

    responsible: Contact = ""
    officer: Contact = ""
    authority: Contact = ""
    broker: Contact = ""
    keep_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    client_pages: HttpUrl | None = None


class RoleSettings(Wire):
    """Which sides of an exchange this agency takes."""

    requester: bool = True
    holder: bool = True
    collector: bool = True


class NodeSettings(Wire):
    """All settings of one node."""

    agency: AgencyId
    kind: CodeName
    federation: FederationSettings
    nats: BusSettings
    keys: KeySettings = KeySettings()
    store: StoreSettings = StoreSettings()
    source: SourceSettings = SourceSettings()
    http: HttpSettings = HttpSettings()
    login: LoginSettings | None = None
    texts: TextSettings = TextSettings()
    papers: PapersSettings = PapersSettings()
    roles: RoleSettings = RoleSettings()

    @property
    def pins(self) -> Pins:
        """The federation and its steering keys, by which everything else is learned."""
        return Pins(self.federation.name, tuple(map(parse_vkey, self.federation.steering)))

    @property
    def taken_roles(self) -> Roles:
        """The sides of an exchange this agency takes, as flows ask for them."""
        return Roles(**dict(self.roles))


def parse_settings(text: str, file: str) -> NodeSettings:
    """Read the text of a `node.toml`; Malformed names file, line, key and rule of each finding."""
    return toml_files.parse(NodeSettings, text, file)


def _parsed(vkey: str) -> VerifierKey:
    """Parse a vkey within a shape: pydantic wants its own kind of error there."""
    try:
        return parse_vkey(vkey)
    except Malformed as error:
        raise ValueError(str(error)) from error
