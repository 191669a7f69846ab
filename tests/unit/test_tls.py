"""Certificates of the federation: what they say, and that a context takes nothing less than TLS 1.3."""

import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.infra import tls
from schemas.errors import Malformed, Misuse

VALIDITY = tls.Validity(datetime(2026, 11, 1, tzinfo=UTC), 90)
ALTERNATIVE_NAMES = x509.ObjectIdentifier("2.5.29.17")
AUTHORITY = tls.make_authority("Musterstadt authority", VALIDITY)


def read(identity: tls.Identity) -> x509.Certificate:
    """Give the certificate of an identity."""
    return x509.load_pem_x509_certificate(identity.certificate)


def test_an_authority_signs_certificates_and_nothing_else() -> None:
    """The authority's certificate is one, may sign only ends, and cannot be used for a connection."""
    extensions = read(AUTHORITY).extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert basic.critical
    assert (basic.value.ca, basic.value.path_length) == (True, 0)
    assert (usage.key_cert_sign, usage.digital_signature) == (True, False)


@pytest.mark.parametrize(
    ("role", "usage"),
    [(tls.Role.SERVER, ExtendedKeyUsageOID.SERVER_AUTH), (tls.Role.CLIENT, ExtendedKeyUsageOID.CLIENT_AUTH)],
)
def test_an_issued_certificate_stands_at_one_end(role: tls.Role, usage: x509.ObjectIdentifier) -> None:
    """It was signed by the authority, is none itself, and serves for one end of a connection only."""
    certificate = read(tls.issue(AUTHORITY, "bus", role, ["bus.example", "127.0.0.1"], VALIDITY))
    certificate.verify_directly_issued_by(read(AUTHORITY))
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
    names = certificate.extensions.get_extension_for_oid(ALTERNATIVE_NAMES).value
    assert names.public_bytes() == b"\x30\x13" + b"\x82\x0bbus.example" + b"\x87\x04" + bytes([127, 0, 0, 1])


def test_a_certificate_holds_for_its_days() -> None:
    """Begin and length of validity are the arguments."""
    certificate = read(tls.issue(AUTHORITY, "member", tls.Role.CLIENT, [], VALIDITY))
    assert certificate.not_valid_before_utc == datetime(2026, 11, 1, tzinfo=UTC)
    assert certificate.not_valid_after_utc == datetime(2027, 1, 30, tzinfo=UTC)


def test_an_authority_with_another_kind_of_key_is_refused() -> None:
    """Only an authority made here, or one alike, signs; what else is handed in is our mistake."""
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(Misuse, match="elliptic curve"):
        tls.issue(tls.Identity(AUTHORITY.certificate, other), "bus", tls.Role.SERVER, [], VALIDITY)


def test_files_are_private_and_never_overwritten(tmp_path: Path) -> None:
    """Certificate and key are written with mode 0600, once; the key shows in no representation."""
    identity = tls.issue(AUTHORITY, "member", tls.Role.CLIENT, [], VALIDITY)
    identity.write(tmp_path, "member")
    assert (tmp_path / "member.key").read_bytes() == identity.key
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    with pytest.raises(Misuse, match="not overwritten"):
        identity.write(tmp_path, "member")
    assert "PRIVATE" not in repr(identity)


def test_a_client_speaks_tls_1_3_with_checked_servers_only(tmp_path: Path) -> None:
    """A client context takes nothing older, and no server without a valid certificate for its name."""
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.certificate)
    tls.issue(AUTHORITY, "member", tls.Role.CLIENT, [], VALIDITY).write(tmp_path, "member")
    context = tls.client_context(tmp_path / "ca.pem", tmp_path / "member.pem", tmp_path / "member.key")
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(("role", "hosts"), [(tls.Role.SERVER, ["bus.example", "127.0.0.1"]), (tls.Role.CLIENT, [])])
def test_a_renewed_certificate_differs_in_its_days_alone(role: tls.Role, hosts: list[str]) -> None:
    """Key, name, end and hosts stay, so that whoever has the key goes on with it."""
    old = tls.issue(AUTHORITY, "bus", role, hosts, VALIDITY)
    later = tls.Validity(datetime(2027, 1, 1, tzinfo=UTC), 30)
    renewed = read(tls.Identity(tls.renew(AUTHORITY, old.certificate, later), old.key))
    renewed.verify_directly_issued_by(read(AUTHORITY))
    assert renewed.public_key() == read(old).public_key()
    ours, theirs = ({one.oid: one.value for one in made.extensions} for made in (renewed, read(old)))
    assert ours == theirs
    assert (ALTERNATIVE_NAMES in ours) is bool(hosts)
    assert renewed.not_valid_before_utc == later.not_before
    assert renewed.not_valid_after_utc == datetime(2027, 1, 31, tzinfo=UTC)


def test_only_the_authoritys_own_certificates_are_renewed() -> None:
    """One of another authority, an authority itself, and what is none are refused."""
    other = tls.make_authority("another", VALIDITY)
    for strange in (tls.issue(other, "bus", tls.Role.CLIENT, (), VALIDITY), AUTHORITY):
        with pytest.raises(Misuse, match="not issued by this federation"):
            tls.renew(AUTHORITY, strange.certificate, VALIDITY)
    with pytest.raises(Malformed, match="none in PEM"):
        tls.renew(AUTHORITY, b"none", VALIDITY)
