"""Private keys in files with mode 0600, and their public halves beside them in `.pub` files.

Both are TOML with three lines: `name` (the key's name), `suite`, and `secret` or `public`. The public file has the
values a `key.added` statement needs. A private key leaves its object through no method; it only signs or opens.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from nacl.bindings import crypto_sign_SEEDBYTES
from nacl.signing import SigningKey
from pydantic import ValidationError

from adapters.infra.files import read_private, write_atomic
from adapters.infra.private_files import create_private
from schemas.canonical import describe
from schemas.errors import Malformed, Misuse
from schemas.ids import KeyId
from schemas.note import SignatureType, Signer, VerifierKey, from_base64, key_fingerprint, to_base64, verifier_key
from schemas.seal import SUITES, SealSuite
from schemas.wire import Wire

NoteSuite = Literal["ed25519", "cosignature", "mldsa44-cosignature"]
NatsSuite = Literal["nats"]

_SIGNATURE_TYPES: Final[Mapping[str, SignatureType]] = {
    "ed25519": SignatureType.ED25519,
    "cosignature": SignatureType.COSIGNATURE,
    "mldsa44-cosignature": SignatureType.MLDSA44_COSIGNATURE,
}
_X25519_BYTES: Final = 32


class PublishedKey(Wire):
    """A `.pub` file; `public` is the vkey of a signing key, or the base64 of a raw seal key."""

    name: str
    suite: NoteSuite | SealSuite
    public: str

    @property
    def id(self) -> KeyId:
        """The long id under which statements and seals name this key."""
        return key_fingerprint(self.public)


class _SecretKey(Wire):
    name: str
    suite: NoteSuite | SealSuite | NatsSuite
    secret: str


class Ed25519Signer:
    """An Ed25519 private key that signs notes, or for type 0x04 cosigns checkpoints; a `schemas.note.Signer`."""

    def __init__(self, name: str, seed: bytes, signature_type: SignatureType = SignatureType.ED25519) -> None:
        """Take the key's name and the 32 bytes of its seed (RFC 8032 section 5.1.5)."""
        self._private = SigningKey(seed)
        self._key = verifier_key(name, signature_type, bytes(self._private.verify_key))

    @property
    def key(self) -> VerifierKey:
        """The public half, and the name it signs under."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Give the 64 bytes of the signature over exactly these bytes."""
        return self._private.sign(message).signature


class MlDsa44Signer:
    """An ML-DSA-44 private key that cosigns checkpoints (FIPS 204; type 0x06); a `schemas.note.Signer`."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's name and the 32 bytes of its seed (FIPS 204 section 3.6.3)."""
        self._private = MLDSA44PrivateKey.from_seed_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self._key = verifier_key(name, SignatureType.MLDSA44_COSIGNATURE, public)

    @property
    def key(self) -> VerifierKey:
        """The public half, and the name it signs under."""
        return self._key

    def sign(self, message: bytes) -> bytes:
        """Give the 2,420 bytes of the signature over exactly these bytes, with an empty context."""
        return self._private.sign(message)


class SealKey:
    """A private key that opens what was sealed to it; a `schemas.seal.Opener`."""

    def __init__(self, name: str, suite: SealSuite, raw: bytes) -> None:
        """Take the raw private key: 32 bytes of X25519, for the hybrid after the 64 bytes of ML-KEM-768's seed.

        Raises ValueError when the length is wrong.
        """
        self._suite = suite
        curve = X25519PrivateKey.from_private_bytes(raw[-_X25519_BYTES:])
        public = curve.public_key().public_bytes_raw()
        self._private: X25519PrivateKey | hpke.MLKEM768X25519PrivateKey = curve
        if suite == "mlkem768-x25519":
            lattice = MLKEM768PrivateKey.from_seed_bytes(raw[:-_X25519_BYTES])
            public = lattice.public_key().public_bytes_raw() + public
            self._private = hpke.MLKEM768X25519PrivateKey(lattice, curve)
        elif len(raw) != _X25519_BYTES:
            message = "an X25519 private key is 32 bytes long"
            raise ValueError(message)
        self.published = PublishedKey(name=name, suite=suite, public=to_base64(public))

    @property
    def suite(self) -> SealSuite:
        """Which HPKE suite the key belongs to."""
        return self._suite

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Give the plain text of HPKE output, or raise cryptography's InvalidTag (or ValueError for no HPKE output)."""
        return SUITES[self._suite].decrypt(sealed, self._private, info=info)


def create_signer(path: Path, name: str, suite: NoteSuite = "ed25519") -> PublishedKey:
    """Make a new signing key and write both files; raises Misuse when there is a file already."""
    seed = bytes(SigningKey.generate())
    signer = _signer_of(name, seed, _SIGNATURE_TYPES[suite])
    return _write_pair(path, PublishedKey(name=name, suite=suite, public=signer.key.vkey), seed)


def create_seal_key(path: Path, name: str, suite: SealSuite = "mlkem768-x25519") -> PublishedKey:
    """Make a new key to seal to and write both files; raises Misuse when there is a file already."""
    raw = X25519PrivateKey.generate().private_bytes_raw()
    if suite == "mlkem768-x25519":
        raw = MLKEM768PrivateKey.generate().private_bytes_raw() + raw
    return _write_pair(path, SealKey(name, suite, raw).published, raw)


def create_nats_seed(path: Path, name: str, seed: str) -> None:
    """Keep the seed of a NATS user, as text nobody reads here; raises Misuse when there is a file already."""
    create_private(path, _toml(name=name, suite="nats", secret=seed))


def load_signer(path: Path) -> Signer:
    """Load a signing key.

    Raises Misuse when the file cannot be read, is not private or holds another kind of key; Malformed naming the rule
    when it is damaged.
    """
    key = _read_secret(path)
    signature_type = _SIGNATURE_TYPES.get(key.suite)
    if signature_type is None:
        message = f"{path}: holds a key of suite {key.suite}, which does not sign"
        raise Misuse(message)
    seed = _raw(path, key)
    if len(seed) != crypto_sign_SEEDBYTES:
        message = f"{path}: secret is not the seed of a signing key"
        raise Malformed(message)
    return _signer_of(key.name, seed, signature_type)


def load_seal_key(path: Path) -> SealKey:
    """Load a key that opens what was sealed to it; raises as `load_signer`."""
    key = _read_secret(path)
    match key.suite:
        case "mlkem768-x25519" | "x25519" as suite:
            try:
                return SealKey(key.name, suite, _raw(path, key))
            except ValueError as error:
                message = f"{path}: secret is not a private key of suite {suite}"
                raise Malformed(message) from error
        case _:
            message = f"{path}: holds a key of suite {key.suite}, which does not open seals"
            raise Misuse(message)


def load_nats_seed(path: Path) -> str:
    """Load the seed of a NATS user; raises as `load_signer`."""
    key = _read_secret(path)
    if key.suite != "nats":
        message = f"{path}: holds a key of suite {key.suite}, not the seed of a NATS user"
        raise Misuse(message)
    return key.secret


def read_published(path: Path) -> PublishedKey:
    """Read a `.pub` file; raises Misuse when it cannot be read, Malformed when it is no such file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Misuse(message) from error
    try:
        return PublishedKey.model_validate(_parse(path, content))
    except ValidationError as error:
        raise Malformed(describe(str(path), error)) from error


def public_path(path: Path) -> Path:
    """Give the path of a private key's public file."""
    return path.with_name(f"{path.name}.pub")


def _signer_of(name: str, seed: bytes, signature_type: SignatureType) -> Signer:
    """Make the signer of a seed, which for both algorithms is 32 random bytes."""
    if signature_type is SignatureType.MLDSA44_COSIGNATURE:
        return MlDsa44Signer(name, seed)
    return Ed25519Signer(name, seed, signature_type)


def _write_pair(path: Path, published: PublishedKey, secret: bytes) -> PublishedKey:
    """Write the private file first: it is the one that must not be overwritten."""
    create_private(path, _toml(name=published.name, suite=published.suite, secret=to_base64(secret)))
    write_atomic(public_path(path), _toml(name=published.name, suite=published.suite, public=published.public))
    return published


def _toml(**values: str) -> bytes:
    """Write plain values as TOML literal strings, which know no escapes."""
    if any("'" in value or not value.isprintable() for value in values.values()):
        message = "key file: values must not hold apostrophes or control characters"
        raise Misuse(message)
    return "".join(f"{name} = '{value}'\n" for name, value in values.items()).encode()


def _read_secret(path: Path) -> _SecretKey:
    try:
        return _SecretKey.model_validate(_parse(path, read_private(path)))
    except ValidationError as error:
        raise Malformed(describe(str(path), error)) from error


def _parse(path: Path, content: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        message = f"{path}: not a TOML file"
        raise Malformed(message) from error


def _raw(path: Path, key: _SecretKey) -> bytes:
    return from_base64(key.secret, f"{path}: secret")
