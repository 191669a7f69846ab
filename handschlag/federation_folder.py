"""The folder of a federation, at the steering group and the operator.

federation.toml       the pins, for everybody
steering/*.key        the two keys of the steering group; best kept by two persons, on two machines
nats/                 the operator of the bus: `OperatorStore`, server.conf, tls/ (authority, server, steering group)
broker/               all that the broker's machine needs: broker.toml, keys, NATS login, registry, genesis notes
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from adapters.infra import tls
from adapters.infra.key_files import load_signer
from adapters.infra.nats_operator_files import OperatorStore
from broker.settings import LedgerSettings
from consent_ledger.ports import Clock
from handschlag.admission import FederationPins, read_paper
from schemas.errors import Misuse
from schemas.note import Signer

SIGNERS: Final = ("dpo-1", "steward-1")
"""The data protection officer's role and the access steward's: both sign whatever the steering group says."""
MEMBER_DAYS: Final = 730
"""How long logins and certificates hold; `member add` with the same application makes new ones."""
_S_PER_DAY: Final = 86_400
_CLOCKS_APART: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class FederationFolder:
    """Where everything lies below one folder, and the clock that its tools go by."""

    root: Path
    clock: Clock

    @property
    def pins_file(self) -> Path:
        """What everybody is told beforehand."""
        return self.root / "federation.toml"

    @property
    def nats(self) -> Path:
        """The operator's folder."""
        return self.root / "nats"

    @property
    def certificates(self) -> Path:
        """The certificate authority's folder."""
        return self.nats / "tls"

    @property
    def server_conf(self) -> Path:
        """The NATS server's configuration."""
        return self.nats / "server.conf"

    @property
    def broker(self) -> Path:
        """The broker's folder, which can be moved to another machine as it is."""
        return self.root / "broker"

    @property
    def registry(self) -> Path:
        """The broker's registry bundles."""
        return self.broker / LedgerSettings().registry

    def now_s(self) -> int:
        """Give the time in Unix seconds."""
        return self.clock.now_ms() // 1000

    def pins(self) -> FederationPins:
        """Read the pins; Misuse when this is no federation's folder."""
        return read_paper(FederationPins, self.pins_file)

    def signers(self) -> list[Signer]:
        """Load the steering group's keys."""
        return [load_signer(self.root / "steering" / f"{name}.key") for name in SIGNERS]

    def operator(self) -> OperatorStore:
        """Load the operator of the bus."""
        return OperatorStore.load(self.nats)

    def authority(self) -> tls.Identity:
        """Load the certificate authority."""
        return tls.Identity(_read(self.certificates / "ca.pem"), _read(self.certificates / "ca.key"))


def validity(now_s: int, days: int) -> tls.Validity:
    """Give how long a certificate made now holds; from a little earlier on, for clocks that are behind."""
    return tls.Validity(datetime.fromtimestamp(now_s, UTC) - _CLOCKS_APART, days)


def expiry_s(now_s: int) -> int:
    """Give when a login made now ends, in Unix seconds."""
    return now_s + MEMBER_DAYS * _S_PER_DAY


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Misuse(message) from error
