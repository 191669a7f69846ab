"""The receipt: a C2SP tlog-proof, which shows offline that an entry stands in the log.

The text is `c2sp.org/tlog-proof@v1`, an optional `extra` line (unauthenticated: accepted, never read, never written),
the entry's index, the audit path with the leaf's sibling first, a blank line, and the checkpoint note verbatim.
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from consent_ledger.core.checkpoint import CheckpointVerifier, SignedCheckpoint, parse_decimal
from consent_ledger.core.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from schemas.errors import Malformed
from schemas.note import from_base64, to_base64

_HEADER: Final = "c2sp.org/tlog-proof@v1"
_EXTRA: Final = "extra "
_INDEX: Final = "index "
_MAX_PATH: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof text taken apart; nothing of it is proven."""

    index: int
    path: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """An entry that verifiably stands in a log at `index`: the bytes of its leaf, their hash, and the checkpoint."""

    index: int
    leaf: bytes
    leaf_hash: bytes
    checkpoint: SignedCheckpoint


def format_proof(index: int, path: Sequence[bytes], checkpoint_note: bytes) -> bytes:
    """Write the proof text of the entry at `index` under a checkpoint note; `path` is its audit path."""
    lines = [_HEADER, f"{_INDEX}{index}", *map(to_base64, path), "\n"]
    return "\n".join(lines).encode() + checkpoint_note


def parse_proof(unverified: bytes) -> Proof:
    """Take a proof text apart; raises Malformed naming the line and rule."""
    head, blank, note = unverified.partition(b"\n\n")
    lines = head.decode(errors="replace").split("\n")
    if not blank or lines.pop(0) != _HEADER:
        message = f"proof: must start with {_HEADER} and hold a blank line before the checkpoint"
        raise Malformed(message)
    if lines and lines[0].startswith(_EXTRA):
        from_base64(lines.pop(0).removeprefix(_EXTRA), "proof, extra line")
    if not lines or not lines[0].startswith(_INDEX):
        message = "proof: the index line is missing"
        raise Malformed(message)
    index = parse_decimal(lines.pop(0).removeprefix(_INDEX), "proof, index line")
    if len(lines) > _MAX_PATH:
        message = f"proof: {len(lines)} hashes, no tree needs more than {_MAX_PATH}"
        raise Malformed(message)
    return Proof(index, _path(lines), note)


def verify_proof(entry: bytes, unverified_proof: bytes, verifier: CheckpointVerifier) -> ProvenEntry:
    """Verify that an entry's bytes stand in the log of `verifier` (tlog-proof, Verifying; its steps in its order).

    Whether the cosignatures suffice is the caller's question to `Policy.satisfied`. Raises Malformed for what is no
    proof, NotAuthentic when checkpoint or path do not hold.
    """
    return verify_parsed(entry, parse_proof(unverified_proof), verifier)


def verify_parsed(entry: bytes, proof: Proof, verifier: CheckpointVerifier) -> ProvenEntry:
    """Verify a proof that was taken apart already, to see of which log it is; raises as `verify_proof`."""
    leaf = leaf_hash(entry)
    signed = verifier.verify(proof.note)
    verify_inclusion(leaf, proof.index, signed.checkpoint.size, proof.path, signed.checkpoint.root)
    return ProvenEntry(proof.index, entry, leaf, signed)


def _path(lines: list[str]) -> tuple[bytes, ...]:
    """Read the audit path at once; only where a line is out of form are they read one by one, to name it."""
    try:
        path = tuple(a2b_base64(line, strict_mode=True) for line in lines)
    except ValueError:
        path = ()
    canonical = [b2a_base64(one, newline=False).decode() for one in path] == lines
    if not canonical or any(len(one) != HASH_BYTES for one in path):
        return tuple(_hash(line, number) for number, line in enumerate(lines, 1))
    return path


def _hash(unverified_line: str, number: int) -> bytes:
    value = from_base64(unverified_line, f"proof, hash {number}")
    if len(value) != HASH_BYTES:
        message = f"proof, hash {number}: {len(value)} bytes, must be {HASH_BYTES}"
        raise Malformed(message)
    return value
