"""When the access to the bus runs out: the earlier end of login and certificate."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.infra import nats_accounts, tls
from adapters.infra.bus_access import access_ends_s, days_left
from adapters.infra.nats_keys import Kind, new_seed, public_key
from schemas.errors import Malformed

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
BEGIN_S = int(BEGIN.timestamp())
DAY_S = 86_400


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Give a certificate that holds for 90 days."""
    tls.make_authority("Musterstadt", tls.Validity(BEGIN, 90)).write(tmp_path, "client")
    return tmp_path / "client.pem"


def login(folder: Path, days: int) -> Path:
    """Make a login that holds for so many days."""
    account, user = (new_seed(kind, bytes(32)) for kind in (Kind.ACCOUNT, Kind.USER))
    permissions = nats_accounts.broker_permissions(["adapter.a.permit"], ["broker.req.>"])
    expires_s = BEGIN_S + days * DAY_S
    path = folder / "user.jwt"
    path.write_text(
        nats_accounts.user_jwt(account, public_key(user), "broker", permissions, now_s=BEGIN_S, expires_s=expires_s)
    )
    return path


@pytest.mark.parametrize(("days", "ends"), [(30, 30), (90, 90), (200, 90)])
def test_the_earlier_end_counts(certificate: Path, days: int, ends: int) -> None:
    """Login or certificate: whichever ends first closes the door."""
    found = access_ends_s(login(certificate.parent, days), certificate)
    assert found == BEGIN_S + ends * DAY_S
    assert days_left(found, BEGIN_S * 1000) == ends
    assert days_left(found, BEGIN_S * 1000 + 1000) == ends - 1


@pytest.mark.parametrize("text", ["", "no dots", "a.b.c", "e30.W10.x", "e30.!!.x"])
def test_a_file_that_is_no_login_is_named(certificate: Path, text: str) -> None:
    """Text without claims, claims that are no object: Malformed, with the path."""
    path = certificate.parent / "user.jwt"
    path.write_text(text)
    with pytest.raises(Malformed, match=r"user\.jwt: is no login"):
        access_ends_s(path, certificate)


def test_a_login_without_an_end_ends_with_the_certificate(certificate: Path) -> None:
    """Without `exp` the certificate alone counts; what is no certificate is named."""
    path = certificate.parent / "user.jwt"
    path.write_text("e30.e30.x")
    assert access_ends_s(path, certificate) == BEGIN_S + 90 * DAY_S
    certificate.write_bytes(b"none")
    with pytest.raises(Malformed, match=r"client\.pem: is no certificate"):
        access_ends_s(path, certificate)
