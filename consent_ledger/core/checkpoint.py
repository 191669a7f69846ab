"""C2SP checkpoints (tlog-checkpoint v1.0): a log's promise about its tree, as the text of a signed note.

The text is the origin, the size in decimal, the root in base64, and extension lines, which we never write but accept.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from consent_ledger.core.merkle import HASH_BYTES
from schemas.errors import Malformed, Misuse, NotAuthentic
from schemas.note import Signer, VerifierKey, from_base64, sign_note, split_note, to_base64, verify_note

MAX_SIZE: Final = 2**63 - 1

_LINES: Final = 3
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The tree of a log at one size; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint that its log verifiably signed.

    `note` holds the bytes all of this was read from. `cosigned_at_s` has the POSIX time in seconds of each cosignature
    by a known witness.
    """

    checkpoint: Checkpoint
    note: bytes
    cosigned_at_s: Mapping[VerifierKey, int]


def claimed_origin(unverified_note: bytes) -> str:
    """Read which log a note says it is of, to choose the key that must have signed it; its form is not checked."""
    return unverified_note.partition(b"\n")[0].decode(errors="replace")


class CheckpointVerifier:
    """Verifies checkpoints of one log and remembers the latest, so that a batch's signatures are verified once.

    `log` is the log's key, whose name is the origin; `witnesses` are the cosigners whose signatures count.
    """

    def __init__(self, log: VerifierKey, witnesses: Iterable[VerifierKey] = (), *, remembered: int = 64) -> None:
        """Take the keys to trust, and how many verified notes to remember."""
        self.log = log
        self._known = (log, *witnesses)
        self._remembered = remembered
        self._verified: dict[bytes, SignedCheckpoint] = {}

    def verify(self, unverified_note: bytes) -> SignedCheckpoint:
        """Verify a checkpoint note, or recognise the very bytes as verified before.

        Raises Malformed when it is no note or no checkpoint, NotAuthentic when it is of another log, not signed by this
        log, or a signature of a known key fails.
        """
        found = self._verified.get(unverified_note)
        if found is None:
            found = self._verify(unverified_note)
            if len(self._verified) >= self._remembered:
                del self._verified[next(iter(self._verified))]
            self._verified[unverified_note] = found
        return found

    def _verify(self, unverified_note: bytes) -> SignedCheckpoint:
        verified = verify_note(unverified_note, self._known)
        if self.log not in verified.signers:
            message = f"checkpoint: not signed by the log {self.log.name}"
            raise NotAuthentic(message)
        checkpoint = parse_checkpoint(verified.text)
        if checkpoint.origin != self.log.name:
            message = f"checkpoint: of another log than {self.log.name}"
            raise NotAuthentic(message)
        return SignedCheckpoint(checkpoint, unverified_note, verified.cosigned_at_s)


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Write the text of a checkpoint, without extension lines; raises Misuse for what no checkpoint can say."""
    if not checkpoint.origin or "\n" in checkpoint.origin:
        message = "checkpoint: the origin must be one line and not empty"
        raise Misuse(message)
    if len(checkpoint.root) != HASH_BYTES or not 0 <= checkpoint.size <= MAX_SIZE:
        message = f"checkpoint of {checkpoint.origin}: needs a root of 32 bytes and a size from 0 to 2^63-1"
        raise Misuse(message)
    return f"{checkpoint.origin}\n{checkpoint.size}\n{to_base64(checkpoint.root)}\n".encode()


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """Give the signed note of a checkpoint; raises Misuse when the signer is not this log's."""
    if signer.key.name != checkpoint.origin:
        message = f"checkpoint of {checkpoint.origin}: the key {signer.key.name} is not this log's"
        raise Misuse(message)
    return sign_note(format_checkpoint(checkpoint), [signer])


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint note; extension lines are accepted and left out.

    The result is as trustworthy as the text: `CheckpointVerifier` gives proven ones. Raises Malformed naming the line.
    """
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        message = f"checkpoint: not UTF-8 at byte {error.start}"
        raise Malformed(message) from error
    if lines.pop() or len(lines) < _LINES or not all(lines):
        message = f"checkpoint: needs {_LINES} or more lines, none of them empty, each ended by a newline"
        raise Malformed(message)
    root = from_base64(lines[2], "checkpoint, line 3 (root)")
    if len(root) != HASH_BYTES:
        message = f"checkpoint, line 3 (root): {len(root)} bytes, must be {HASH_BYTES}"
        raise Malformed(message)
    return Checkpoint(lines[0], parse_decimal(lines[1], "checkpoint, line 2 (size)"), root)


def unverified_checkpoint(unverified_note: bytes) -> Checkpoint:
    """Read what a checkpoint note claims, without any proof; raises Malformed when it is none."""
    return parse_checkpoint(split_note(unverified_note).text)


def parse_decimal(unverified: str, what: str) -> int:
    """Read a decimal number below 2^63 without sign or leading zeros; raises Malformed naming `what`."""
    if _DECIMAL.fullmatch(unverified) is None or int(unverified) > MAX_SIZE:
        message = f"{what}: must be a decimal number below 2^63 without leading zeros"
        raise Malformed(message)
    return int(unverified)
