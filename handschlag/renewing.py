"""Renewing the federation's own access to the bus before it runs out; keys and names stay as they are."""

from pathlib import Path

from adapters.infra import tls
from adapters.infra.files import write_atomic
from adapters.infra.key_files import load_nats_seed
from adapters.infra.nats_accounts import BROKER
from adapters.infra.nats_keys import public_key
from consent_ledger.core.signed import STEERING
from handschlag.bus_logins import broker_permissions
from handschlag.federation_folder import MEMBER_DAYS, FederationFolder, expiry_s, validity
from schemas.errors import Malformed, Misuse


def renew(folder: FederationFolder) -> list[Path]:
    """Make the certificates of server, steering group and broker and the broker's login anew; give the files written.

    All are made before the first is written, each is put in place in one step, and repeating it is harmless. Raises
    Misuse or Malformed, naming the file, when one is missing or not of this federation.
    """
    bus, jwt = folder.broker / "nats", folder.broker / "nats" / "user.jwt"
    places = (folder.certificates / "server.pem", folder.certificates / f"{STEERING}.pem", bus / "client.pem")
    certificates = {place: _certificate(folder, place) for place in places}
    login = _login(folder, bus / "user.key")
    for place, certificate in certificates.items():
        write_atomic(place, certificate, mode=0o600)
    write_atomic(jwt, login)
    return [*places, jwt]


def _certificate(folder: FederationFolder, place: Path) -> bytes:
    try:
        return tls.renew(folder.authority(), place.read_bytes(), validity(folder.now_s(), MEMBER_DAYS))
    except OSError as error:
        message = f"{place}: cannot be read ({error.strerror}); the broker's folder must lie below this one"
        raise Misuse(message) from error
    except (Malformed, Misuse) as error:
        message = f"{place}: {error}"
        raise type(error)(message) from error


def _login(folder: FederationFolder, seed: Path) -> bytes:
    operator, now_s = folder.operator(), folder.now_s()
    account, user = operator.accounts.broker, public_key(load_nats_seed(seed))
    jwt = operator.admit(account, user, BROKER, broker_permissions(), now_s=now_s, expires_s=expiry_s(now_s))
    return jwt.encode()
