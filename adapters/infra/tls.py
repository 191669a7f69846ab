"""Certificates of one federation for the bus: TLS 1.3 both ways.

A certificate opens the door only; who somebody is says the NATS login (JWT) alone. A federation with a certificate
authority of its own uses that one; this one serves the demo, tests and small towns.
"""

import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.infra.private_files import create_private
from schemas.errors import Malformed, Misuse


class Role(Enum):
    """Which end of a connection a certificate may stand at."""

    SERVER = ExtendedKeyUsageOID.SERVER_AUTH
    CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


class Validity(NamedTuple):
    """From when on, and for how many days, a certificate holds."""

    not_before: datetime
    days: int


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    def write(self, folder: Path, name: str) -> None:
        """Write `<name>.pem` and `<name>.key` with mode 0600; Misuse when one is there already."""
        create_private(folder / f"{name}.key", self.key)
        create_private(folder / f"{name}.pem", self.certificate)


def make_authority(name: str, validity: Validity) -> Identity:
    """Make a certificate authority that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _builder(name, _name(name), key.public_key(), validity)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(subject_key, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _identity(certificate, key)


def issue(authority: Identity, name: str, role: Role, hosts: Sequence[str], validity: Validity) -> Identity:
    """Issue a certificate for one end; `hosts` are the names and addresses a server is reached under.

    Raises Misuse when the authority's key is not one on an elliptic curve.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    return _identity(_certify(authority, key.public_key(), name, role, hosts, validity), key)


def make_request(name: str) -> Identity:
    """Make a key, and the request (PKCS #10) by which its owner asks for a certificate without showing the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, hashes.SHA256())
    return Identity(request.public_bytes(serialization.Encoding.PEM), _pem(key))


def answer_request(authority: Identity, unverified_request: bytes, name: str, validity: Validity) -> bytes:
    """Issue the certificate (PEM) of a connecting end for the key in a request; the name is the authority's to give.

    Raises Malformed when it is no request, not signed with its own key, or the key is not one on an elliptic curve.
    """
    try:
        request = x509.load_pem_x509_csr(unverified_request)
        key, sound = request.public_key(), request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        message = "certificate request: not PKCS #10 in PEM"
        raise Malformed(message) from error
    if not sound or not isinstance(key, ec.EllipticCurvePublicKey):
        message = "certificate request: must be signed with its own key, and that be one on an elliptic curve"
        raise Malformed(message)
    return _certify(authority, key, name, Role.CLIENT, (), validity).public_bytes(serialization.Encoding.PEM)


def renew(authority: Identity, unverified_certificate: bytes, validity: Validity) -> bytes:
    """Issue a certificate (PEM) anew: the same key, name, end and hosts, from another day on.

    Raises Malformed when it is no certificate in PEM, Misuse when it is of another authority or of another kind.
    """
    try:
        old = x509.load_pem_x509_certificate(unverified_certificate)
    except ValueError as error:
        message = "certificate: is none in PEM"
        raise Malformed(message) from error
    issuer, key = x509.load_pem_x509_certificate(authority.certificate), old.public_key()
    try:
        old.verify_directly_issued_by(issuer)
        role = Role(old.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value[0])
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        message = "certificate: was not issued by this federation's authority"
        raise Misuse(message) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        message = "certificate: its key must be one on an elliptic curve"
        raise Misuse(message)
    name = str(old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    return _certify(authority, key, name, role, _hosts(old), validity).public_bytes(serialization.Encoding.PEM)


def client_context(authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Give what a client connects with: TLS 1.3 only, the server checked by name against this authority alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cafile=authority)
    context.load_cert_chain(certificate, key)
    return context


def _certify(
    authority: Identity,
    key: ec.EllipticCurvePublicKey,
    name: str,
    role: Role,
    hosts: Sequence[str],
    validity: Validity,
) -> x509.Certificate:
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        message = "certificate authority: its key must be one on an elliptic curve"
        raise Misuse(message)
    builder = (
        _builder(name, issuer.subject, key, validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([role.value]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_before + timedelta(days=validity.days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _identity(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Identity:
    return Identity(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
