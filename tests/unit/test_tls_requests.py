"""Certificate requests: an agency's key never travels, and the authority alone says what the certificate says."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.infra import tls
from schemas.errors import Malformed

VALIDITY = tls.Validity(datetime(2026, 11, 1, tzinfo=UTC), 90)
AUTHORITY = tls.make_authority("Musterstadt authority", VALIDITY)


def test_a_request_is_answered_with_a_certificate_for_its_key() -> None:
    """The certificate holds the request's key, the authority's choice of name, and serves for connecting only."""
    request = tls.make_request("whatever I call myself")
    pem = tls.answer_request(AUTHORITY, request.certificate, "jobcenter", VALIDITY)
    certificate = x509.load_pem_x509_certificate(pem)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.certificate))
    key = serialization.load_pem_private_key(request.key, None)
    assert certificate.public_key() == key.public_key()
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert b"jobcenter" in der
    assert b"whatever I call myself" not in der
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_what_is_no_request_is_refused() -> None:
    """Other text, and a request whose signature is not its own, are malformed."""
    request = tls.make_request("jobcenter").certificate
    der = bytearray(x509.load_pem_x509_csr(request).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    broken = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    for unverified in (b"", b"-----BEGIN CERTIFICATE REQUEST-----\n", AUTHORITY.certificate, broken):
        with pytest.raises(Malformed, match="certificate request"):
            tls.answer_request(AUTHORITY, unverified, "jobcenter", VALIDITY)
