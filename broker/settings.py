"""The settings of a broker, as they stand in `broker.toml`. Paths are relative to the folder of that file.

Nothing of this is secret: keys, the NATS login and certificates lie in files of their own, named here.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from consent_ledger.core.policy import Policy, parse_policy
from consent_ledger.core.signed import STEERING, Pins
from schemas import toml_files
from schemas.errors import Malformed
from schemas.ids import AgencyId, FederationName, Hash, LogId, NatsAccount
from schemas.note import COSIGNATURES, VerifierKey, parse_vkey
from schemas.statements import Vkey
from schemas.wire import Wire

SETTINGS_FILE: Final = "broker.toml"

ParsedT = TypeVar("ParsedT")

Place = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")]
"""A file or folder, relative to the folder of `broker.toml` unless it is absolute."""
Url = Annotated[str, StringConstraints(strict=True, pattern=r"^tls://[A-Za-z0-9.:\[\]-]+$", max_length=300)]


class LedgerSettings(Wire):
    """Where the log and what belongs to it lie.

    `key` signs the first shard's checkpoints, `log-<shard>.key` beside it a later one's; `registry` holds bundles under
    the names of their hashes; `genesis` holds the notes of the steering group that an empty log begins with. A start
    folds at most `snapshot_every` entries, and those that came while the last snapshot was taken.
    """

    folder: Place = "ledger"
    key: Place = "keys/log.key"
    registry: Place = "registry"
    genesis: Place = "genesis"
    snapshot_every: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000


class BusSettings(Wire):
    """Where the NATS server is, and the files of the broker's login and of TLS both ways."""

    url: Url
    jwt: Place = "nats/user.jwt"
    seed: Place = "nats/user.key"
    ca: Place = "nats/ca.pem"
    certificate: Place = "nats/client.pem"
    key: Place = "nats/client.key"


class HttpSettings(Wire):
    """Where the HTTP pages are served; `auditors` are the SHA-256 of the tokens that may fetch entries.

    `officers` are, by agency, the SHA-256 of the token by which its data protection officer fetches the entries it is
    party to.
    `tls` says that browsers reach the clients' pages over TLS, which the server in front of them ends.
    The pages speak plain HTTP: beyond this machine they belong behind a server that speaks TLS. Port 0 takes any.
    """

    host: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8450
    tls: bool = True
    auditors: Annotated[tuple[Hash, ...], Field(max_length=100)] = ()
    officers: Annotated[Mapping[AgencyId, Hash], Field(max_length=1000)] = {}


class OutsideSettings(Wire):
    """A witness of somebody else's: the prefix of its HTTP interface (C2SP tlog-witness) and the vkey it cosigns by."""

    url: Annotated[str, StringConstraints(strict=True, pattern=r"^https?://[^\s/][^\s]*$", max_length=500)]
    vkey: Annotated[str, StringConstraints(strict=True, min_length=10, max_length=2500)]

    @field_validator("vkey")
    @classmethod
    def _of_a_cosigner(cls, vkey: str) -> str:
        key = _parsed(parse_vkey, vkey)
        if key.type not in COSIGNATURES:
            message = f"is of signature type 0x{key.type:02x}, not a cosigner's"
            raise ValueError(message)
        return vkey


class WitnessSettings(Wire):
    """Who cosigns beside the agencies' nodes, and how many are enough.

    `policy` is the file of the witness policy (C2SP tlog-policy); without one no quorum is waited for at the start.
    """

    policy: Place | None = None
    outside: Annotated[tuple[OutsideSettings, ...], Field(max_length=20)] = ()


class BrokerSettings(Wire):
    """All settings of one broker; the first four are the federation's pins.

    `log` is the shard with which the federation began; which one is open by now the ledger itself tells.
    """

    federation: FederationName
    log: LogId
    steering: Annotated[tuple[Vkey, ...], Field(min_length=2, max_length=20)]
    steering_account: NatsAccount
    nats: BusSettings
    ledger: LedgerSettings = LedgerSettings()
    http: HttpSettings = HttpSettings()
    witnesses: WitnessSettings = WitnessSettings()

    @field_validator("log")
    @classmethod
    def _of_the_federation(cls, log: LogId, info: ValidationInfo) -> LogId:
        _require(log, f"{info.data.get('federation', '')}/log/")
        return log

    @field_validator("steering")
    @classmethod
    def _steering_keys(cls, steering: tuple[Vkey, ...], info: ValidationInfo) -> tuple[Vkey, ...]:
        keys = [_parsed(parse_vkey, vkey) for vkey in steering]
        for key in keys:
            _require(key.name, f"{info.data.get('federation', '')}/{STEERING}/")
        if len({key.public for key in keys}) != len(keys):
            message = "a key stands there twice"
            raise ValueError(message)
        return steering

    @property
    def pins(self) -> Pins:
        """The federation and its steering keys, by which steering statements are verified."""
        return Pins(self.federation, tuple(map(parse_vkey, self.steering)))


def log_key_place(settings: BrokerSettings, log: LogId) -> Place:
    """Give the file of a shard's key: the first one's as the settings say, a later one's beside it."""
    if log == settings.log:
        return settings.ledger.key
    folder, slash, _ = settings.ledger.key.rpartition("/")
    return f"{folder}{slash}log-{log.rpartition('/')[2]}.key"


def lock_place(folder: Path, settings: BrokerSettings) -> Path:
    """Give the file that only one process may hold: the broker, or who ends its shard while it does not run."""
    return folder / f"{settings.ledger.folder.rstrip('/')}.lock"


def parse_settings(text: str, file: str) -> BrokerSettings:
    """Read the text of a `broker.toml`; Malformed names file, line, key and rule of each finding."""
    return toml_files.parse(BrokerSettings, text, file)


def parse_witnesses(text: str, file: str, federation: FederationName, outside: Collection[VerifierKey] = ()) -> Policy:
    """Read the text of a witness policy; Malformed names file, line and rule.

    Its witnesses are agencies, or among the outside ones: of any other nobody would know how to ask it.
    """
    try:
        policy = parse_policy(text)
        for key in policy.witnesses.values():
            if key not in outside:
                _require(key.name, f"{federation}/")
    except (Malformed, ValueError) as error:
        message = f"{file}: {error}"
        raise Malformed(message) from error
    return policy


def _parsed(parse: Callable[[str], ParsedT], unverified: str) -> ParsedT:
    """Parse a text within a shape: pydantic wants its own kind of error there."""
    try:
        return parse(unverified)
    except Malformed as error:
        raise ValueError(str(error)) from error


def _require(name: str, beginning: str) -> None:
    if not name.startswith(beginning):
        message = f"must begin with {beginning}"
        raise ValueError(message)
