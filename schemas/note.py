"""C2SP signed notes (signed-note v1.0) and cosignatures (tlog-cosignature v1): sign, parse, verify.

A note is text that ends in a newline, a blank line, and one line per signature. Statements and checkpoints are notes.
Parsing proves nothing; only verifying does. Ed25519 is checked by libsodium alone, the strictest verifier
around, and keys that are not points of the prime-order group are refused: what is admitted here verifies everywhere.
"""

import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, Protocol

from nacl.bindings import crypto_core_ed25519_is_valid_point, crypto_sign_BYTES, crypto_sign_open
from nacl.exceptions import BadSignatureError

from schemas.cosigned import MLDSA44_PUBLIC_BYTES, ed25519_message, mldsa44_message, mldsa44_verifies
from schemas.errors import Malformed, Misuse, NotAuthentic
from schemas.ids import KeyId

MAX_SIGNATURES: Final = 100
"""As golang.org/x/mod/sumdb/note; the specification asks for at least 16."""
MAX_TIME_S: Final = 2**63 - 1
"""The latest time a cosignature may carry (tlog-cosignature, Format)."""

_PUBLIC_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
_CONTROL: Final = bytes(code for code in range(0x20) if code != ord("\n"))
_NAME: Final = re.compile(r"[^\s+]+")
_VKEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)")
_SIGNATURE_LINE: Final = re.compile(r"\u2014 ([^\s+]+) (\S+)")
_TIME: Final = struct.Struct(">Q")


class SignatureType(IntEnum):
    """The signature types in use here, with their assigned numbers (signed-note, Signature types)."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06


COSIGNATURES: Final = frozenset({SignatureType.COSIGNATURE, SignatureType.MLDSA44_COSIGNATURE})
"""The types of keys that cosign checkpoints, and nothing else."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name it signs under; `key_id` is the four bytes that name it in signature lines.

    Raises Malformed when made with a bad name, with an id that is not that of name, type and key, or with a key that is
    not a point of Ed25519's prime-order group, or for type 0x06 not as long as keys of ML-DSA-44 are. The check costs
    about as much as a verification: make a key once.
    """

    name: str
    key_id: bytes
    type: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        """Refuse what could never verify, or would verify here and not elsewhere."""
        if _NAME.fullmatch(self.name) is None:
            message = "key name: must not be empty nor hold spaces or plus signs"
            raise Malformed(message)
        if not _is_public_key(self.type, self.public):
            algorithm = "ML-DSA-44" if self.type is SignatureType.MLDSA44_COSIGNATURE else "Ed25519"
            message = f"key {self.name}: not a valid {algorithm} public key"
            raise Malformed(message)
        if self.key_id != key_id(self.name, self.type, self.public):
            message = f"key {self.name}: its key id is not that of this name, type and public key"
            raise Malformed(message)

    @property
    def vkey(self) -> str:
        """The key as one word, `<name>+<key id in hex>+<base64 of type and key>` (signed-note, Verifier keys)."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.type]) + self.public)}"


class Signer(Protocol):
    """A private key behind a port: it signs and never shows itself."""

    @property
    def key(self) -> VerifierKey:
        """The public half, and the name it signs under."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign exactly these bytes: 64 bytes of Ed25519 (RFC 8032), or 2,420 of ML-DSA-44 (FIPS 204)."""
        ...


class NoteSignature(NamedTuple):
    """One signature line as it was read; nothing about it is proven."""

    name: str
    key_id: bytes
    body: bytes


class Note(NamedTuple):
    """A note taken apart; nothing about it is proven. `text` ends in a newline."""

    text: bytes
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """A note's text with the keys that verifiably signed it, each once, in the note's order; at least one.

    `cosigned_at_s` gives the POSIX time in seconds that each cosigner among them claims.
    """

    text: bytes
    signers: tuple[VerifierKey, ...]
    cosigned_at_s: Mapping[VerifierKey, int] = field(default_factory=dict)


def to_base64(data: bytes) -> str:
    """Give the standard base64 of some bytes (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def from_base64(unverified: str, what: str) -> bytes:
    """Read standard base64 that is spelled the one canonical way (RFC 4648 section 3.5).

    Raises Malformed naming `what` for other characters, missing padding or padding bits that are not zero.
    """
    try:
        data = binascii.a2b_base64(unverified, strict_mode=True)
    except ValueError:
        data = b""
    if not data or to_base64(data) != unverified:
        message = f"{what}: not base64 in canonical spelling"
        raise Malformed(message)
    return data


def key_id(name: str, signature_type: SignatureType, public: bytes) -> bytes:
    """Give the first four bytes of SHA-256 over name, newline, type and public key (signed-note, Signatures)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([signature_type]) + public).digest()[:_KEY_ID_BYTES]


def verifier_key(name: str, signature_type: SignatureType, public: bytes) -> VerifierKey:
    """Make the verifier key of a public key; raises Malformed as `VerifierKey` does."""
    return VerifierKey(name, key_id(name, signature_type, public), signature_type, public)


def vkey(name: str, signature_type: SignatureType, public: bytes) -> str:
    """Write a public key as a vkey; raises Malformed as `VerifierKey` does."""
    return verifier_key(name, signature_type, public).vkey


def parse_vkey(unverified: str) -> VerifierKey:
    """Read a vkey.

    Raises Malformed when it is not `<name>+<8 hex digits>+<base64>`, of a type unknown here, or no valid key.
    """
    match = _VKEY.fullmatch(unverified)
    if match is None:
        message = "vkey: must be <name>+<8 lower-case hex digits>+<base64>"
        raise Malformed(message)
    name, short_id, encoded = match.groups()
    typed_key = from_base64(encoded, f"vkey {name}")
    try:
        signature_type = SignatureType(typed_key[0])
    except ValueError as error:
        message = f"vkey {name}: signature type 0x{typed_key[0]:02x} is not in use here"
        raise Malformed(message) from error
    return VerifierKey(name, bytes.fromhex(short_id), signature_type, typed_key[1:])


def key_fingerprint(published: str) -> KeyId:
    """Give the long id of a key: SHA-256 of its vkey, or of a seal key's published line, in hex."""
    return KeyId(hashlib.sha256(published.encode()).hexdigest())


def split_note(unverified: bytes) -> Note:
    """Take a note apart at its last blank line; raises Malformed naming the rule of signed-note that is broken."""
    _check_form(unverified)
    end = unverified.rfind(b"\n\n")
    if end < 0:
        message = "note: no blank line between text and signatures"
        raise Malformed(message)
    return Note(unverified[: end + 1], _split_lines(unverified[end + 2 :].decode()))


def split_signatures(unverified_lines: bytes) -> tuple[NoteSignature, ...]:
    """Read signature lines that came without their text, as a witness sends them; raises Malformed as `split_note`."""
    _check_form(unverified_lines)
    return _split_lines(unverified_lines.decode())


def verify_note(unverified: bytes, known: Iterable[VerifierKey]) -> VerifiedNote:
    """Take a note apart and verify it; see `split_note` and `verify_split` for what is raised."""
    return verify_split(split_note(unverified), known)


def verify_split(note: Note, known: Iterable[VerifierKey]) -> VerifiedNote:
    """Verify every signature by a known key; signatures of unknown keys are ignored (signed-note, Signatures).

    Raises NotAuthentic when a known key's signature fails or none is there at all.
    """
    keys = {(key.name, key.key_id): key for key in known}
    signers: list[VerifierKey] = []
    cosigned_at_s: dict[VerifierKey, int] = {}
    for signature in dict.fromkeys(note.signatures):
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            continue
        if key.type in COSIGNATURES:
            cosigned_at_s[key] = _verify_cosigned(note.text, signature.body, key)
        else:
            _verify_ed25519(note.text, signature.body, key)
        if key not in signers:
            signers.append(key)
    if not signers:
        message = "note: not signed by any known key"
        raise NotAuthentic(message)
    return VerifiedNote(note.text, tuple(signers), cosigned_at_s)


def sign_note(text: bytes, signers: Iterable[Signer]) -> bytes:
    """Sign a text with each signer in turn and give the whole note.

    Raises Misuse when the text is not one that notes can hold, when there is no signer, or one is for cosignatures.
    """
    rule = _broken_text_rule(text)
    if rule is not None:
        message = f"note to sign: {rule}"
        raise Misuse(message)
    lines = [signature_line(_note_key(signer), signer.sign(text)) for signer in signers]
    if not lines:
        message = "note to sign: at least one signer is needed"
        raise Misuse(message)
    return b"".join([text, b"\n", *lines])


def cosign(checkpoint_text: bytes, signer: Signer, at_s: int) -> bytes:
    """Give a cosigner's signature line over a checkpoint's text, to be put at the end of the checkpoint's note.

    `at_s` is the POSIX time in seconds. Raises Misuse when the time is out of range, or the signer's key is no
    cosigner's: one key must not sign two kinds of thing. Raises Malformed when an ML-DSA-44 key is to cosign what is no
    checkpoint.
    """
    key = signer.key
    if key.type not in COSIGNATURES:
        message = f"key {key.name}: of signature type 0x{key.type:02x}, not a cosigner's"
        raise Misuse(message)
    if not 0 <= at_s <= MAX_TIME_S:
        message = f"cosignature: time {at_s} is not between 0 and 2^63-1"
        raise Misuse(message)
    return signature_line(key, _TIME.pack(at_s) + signer.sign(_cosigned_message(key, checkpoint_text, at_s)))


def verify_cosignature(checkpoint_text: bytes, unverified_lines: bytes, key: VerifierKey) -> int:
    """Verify a cosigner's line, alone or among others, over a checkpoint's text; give its POSIX time in seconds.

    Raises Malformed for lines that are no signature lines, NotAuthentic when the key's line fails or is missing, Misuse
    when the key is not a cosigner's.
    """
    if key.type not in COSIGNATURES:
        message = f"key {key.name}: of signature type 0x{key.type:02x}, not a cosigner's"
        raise Misuse(message)
    return verify_split(Note(checkpoint_text, split_signatures(unverified_lines)), [key]).cosigned_at_s[key]


def _check_form(unverified: bytes) -> None:
    rule = _broken_text_rule(unverified)
    if rule is not None:
        message = f"note: {rule}"
        raise Malformed(message)


def _broken_text_rule(unverified: bytes) -> str | None:
    """Say which rule of signed-note a note or its text breaks: final newline, UTF-8, no control characters."""
    if not unverified.endswith(b"\n"):
        return "does not end in a newline"
    if len(unverified.translate(None, _CONTROL)) != len(unverified):
        return "holds a control character other than newline"
    try:
        unverified.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start}"
    return None


def _split_lines(unverified_lines: str) -> tuple[NoteSignature, ...]:
    """Read signature lines that are known to end in a newline, or to be empty."""
    lines = unverified_lines.split("\n")[:-1]
    if not 0 < len(lines) <= MAX_SIGNATURES:
        message = f"note: {len(lines)} signatures, must be between 1 and {MAX_SIGNATURES}"
        raise Malformed(message)
    return tuple(_split_line(line, number) for number, line in enumerate(lines, 1))


def _split_line(unverified_line: str, number: int) -> NoteSignature:
    match = _SIGNATURE_LINE.fullmatch(unverified_line)
    if match is None:
        message = f"note, signature {number}: must be an em dash, a key name and base64, with single spaces between"
        raise Malformed(message)
    signature = from_base64(match[2], f"note, signature {number}")
    if len(signature) <= _KEY_ID_BYTES:
        message = f"note, signature {number}: nothing follows the key id"
        raise Malformed(message)
    return NoteSignature(match[1], signature[:_KEY_ID_BYTES], signature[_KEY_ID_BYTES:])


def signature_line(key: VerifierKey, body: bytes) -> bytes:
    """Write a signature line; `body` is what follows the key id."""
    return f"\u2014 {key.name} {to_base64(key.key_id + body)}\n".encode()


def _note_key(signer: Signer) -> VerifierKey:
    """Give the key of a signer of notes; Misuse when it is a cosigner's."""
    key = signer.key
    if key.type is not SignatureType.ED25519:
        message = f"key {key.name}: of signature type 0x{key.type:02x}, this needs 0x{SignatureType.ED25519:02x}"
        raise Misuse(message)
    return key


def _is_public_key(signature_type: SignatureType, public: bytes) -> bool:
    if signature_type is SignatureType.MLDSA44_COSIGNATURE:
        return len(public) == MLDSA44_PUBLIC_BYTES
    return len(public) == _PUBLIC_BYTES and crypto_core_ed25519_is_valid_point(public)


def _cosigned_message(key: VerifierKey, checkpoint_text: bytes, at_s: int) -> bytes:
    if key.type is SignatureType.MLDSA44_COSIGNATURE:
        return mldsa44_message(key.name, checkpoint_text, at_s)
    return ed25519_message(checkpoint_text, at_s)


def _verify_cosigned(text: bytes, body: bytes, key: VerifierKey) -> int:
    """Check a timestamped signature of type 0x04 or 0x06 and give its time."""
    at_s = int.from_bytes(body[: _TIME.size])
    if at_s > MAX_TIME_S:
        message = f"note: the cosignature of {key.name} carries a time beyond 2^63-1"
        raise NotAuthentic(message)
    signature = body[_TIME.size :]
    if key.type is SignatureType.COSIGNATURE:
        _verify_ed25519(ed25519_message(text, at_s), signature, key)
    elif not _is_mldsa44(text, at_s, signature, key):
        message = f"note: the signature of {key.name} does not verify"
        raise NotAuthentic(message)
    return at_s


def _is_mldsa44(text: bytes, at_s: int, signature: bytes, key: VerifierKey) -> bool:
    """Tell whether an ML-DSA-44 cosignature holds; over what is no checkpoint none does."""
    try:
        message = mldsa44_message(key.name, text, at_s)
    except Malformed:
        return False
    return mldsa44_verifies(key.public, signature, message)


def _verify_ed25519(message_bytes: bytes, signature: bytes, key: VerifierKey) -> None:
    if len(signature) == crypto_sign_BYTES:
        try:
            crypto_sign_open(signature + message_bytes, key.public)
        except BadSignatureError:
            pass
        else:
            return
    message = f"note: the signature of {key.name} does not verify"
    raise NotAuthentic(message)
