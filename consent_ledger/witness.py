"""A witness's judgement of one checkpoint (C2SP tlog-witness v1.0): consistent with what it holds, or not.

Nothing here keeps state: the caller stores the checkpoint, atomically with the comparison, before it answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from consent_ledger.core.checkpoint import CheckpointVerifier, SignedCheckpoint, parse_decimal
from consent_ledger.core.merkle import HASH_BYTES, verify_consistency
from schemas.errors import Malformed, NotAuthentic
from schemas.note import from_base64, to_base64

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
"""The content type of the size that a witness holds (tlog-witness, add-checkpoint)."""


@dataclass(frozen=True, slots=True)
class Addition:
    """An `add-checkpoint` request taken apart; nothing of it is proven."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class Conflict:
    """The witness holds another size than the caller believed; `held` is that size (HTTP 409)."""

    held: int


def format_addition(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Write an `add-checkpoint` body: old size, proof lines, blank line, checkpoint note."""
    lines = [f"old {old}", *map(to_base64, proof), "\n"]
    return "\n".join(lines).encode() + note


def parse_addition(unverified: bytes) -> Addition:
    """Take an `add-checkpoint` body apart; Malformed names line and rule."""
    head, blank, note = unverified.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not blank or not lines[0].startswith("old "):
        message = "add-checkpoint: must start with `old <size>` and hold a blank line before the checkpoint"
        raise Malformed(message)
    if len(lines) - 1 > MAX_PROOF:
        message = f"add-checkpoint: {len(lines) - 1} proof lines, at most {MAX_PROOF} are taken"
        raise Malformed(message)
    proof = tuple(from_base64(line, f"add-checkpoint, proof line {number}") for number, line in enumerate(lines[1:], 1))
    if any(len(step) != HASH_BYTES for step in proof):
        message = f"add-checkpoint: each proof line holds {HASH_BYTES} bytes"
        raise Malformed(message)
    return Addition(parse_decimal(lines[0].removeprefix("old "), "add-checkpoint, line 1 (old size)"), proof, note)


def consider(
    held: SignedCheckpoint | None, addition: Addition, verifier: CheckpointVerifier
) -> SignedCheckpoint | Conflict:
    """Judge a checkpoint against the one held.

    Gives the proven checkpoint, which may be stored and cosigned, or a Conflict with the size that is held. Raises
    Malformed for a bad request, NotAuthentic for a missing log signature or an inconsistent tree: such a request is
    evidence against the log and is kept.
    """
    offered = verifier.verify(addition.note)
    size = offered.checkpoint.size
    if addition.old > size:
        message = "add-checkpoint: the old size is larger than the checkpoint's"
        raise Malformed(message)
    held_size = 0 if held is None else held.checkpoint.size
    if addition.old != held_size:
        return Conflict(held_size)
    if held is None or held_size == 0:
        if addition.proof:
            message = "add-checkpoint: from size 0 there is no proof"
            raise NotAuthentic(message)
    elif held_size == size:
        if addition.proof or held.checkpoint.root != offered.checkpoint.root:
            message = "add-checkpoint: same size, another root"
            raise NotAuthentic(message)
    else:
        verify_consistency(held_size, size, addition.proof, held.checkpoint.root, offered.checkpoint.root)
    return offered
