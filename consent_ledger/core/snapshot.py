"""A snapshot: the state at one size of the log, signed by the log's own key, so that a start need not fold every entry.

It is a note and, after an empty line, the state. The note's text has six lines: the domain, the log's origin, a hash
that stands for the program that folded, the size, the root of the tree of that size in base64, and SHA-256 of the
state. What another program folded is not used: it may have given entries another meaning, or known less of them.

A snapshot is local to a broker and as trustworthy as its shard's file: both hold what the same process wrote, and the
log's key vouches for either. One that does not fit is left out and everything is folded as without one. Auditors never
use it; they fold the entries themselves.
"""

from typing import Final, NamedTuple

from consent_ledger.core.checkpoint import parse_decimal
from consent_ledger.core.merkle import Edge, Node, edge
from consent_ledger.core.state import LedgerState
from consent_ledger.core.state_bundle import dump_state, load_state
from schemas.commitment import sha256
from schemas.errors import Malformed, NotAuthentic
from schemas.ids import Hash
from schemas.note import Signer, VerifierKey, sign_note, to_base64, verify_note

DOMAIN: Final = "handschlag/snapshot/v1"

_LINES: Final = 6


class Folded(NamedTuple):
    """A state, and the tree of just the entries it is folded from; both go on in place."""

    state: LedgerState
    tree: Edge


def seal_snapshot(folded: Folded, program: Hash, signer: Signer) -> bytes:
    """Give the bytes of a snapshot; whoever calls has proven the entries against a signed checkpoint."""
    content = dump_state(folded.state)
    text = _text(folded.state.log, program, folded.tree, sha256(content))
    return sign_note(text, [signer]) + b"\n" + content


def open_snapshot(unverified: bytes, log: VerifierKey, program: Hash, locked_size: int, node: Node) -> Folded:
    """Give what a snapshot holds, if this log's key signed it and it lies on the way of this very log.

    `node` looks the log's tree up. Checked in this order: form and signature; origin; program; size, which must not be
    beyond `locked_size`; root, which must be that of the log's tree at this size; SHA-256 of the state; the state's own
    form. Raises Malformed or NotAuthentic naming what does not fit, and what `node` raises.
    """
    head, _, rest = unverified.partition(b"\n\n")
    signatures, _, content = rest.partition(b"\n\n")
    text = verify_note(b"".join([head, b"\n\n", signatures, b"\n"]), [log]).text
    lines = text.decode().split("\n")
    if lines[:2] != [DOMAIN, log.name] or len(lines) != _LINES + 1:
        message = f"snapshot: is none of {log.name} in the form {DOMAIN}"
        raise NotAuthentic(message)
    if lines[2] != program:
        message = "snapshot: folded by another version of this program"
        raise NotAuthentic(message)
    size = parse_decimal(lines[3], "snapshot, line 4 (size)")
    if size > locked_size:
        message = f"snapshot: of {size} entries, the log is locked at {locked_size}"
        raise NotAuthentic(message)
    tree = edge(size, node)
    if text != _text(log.name, program, tree, lines[5]):
        message = f"snapshot: of another history; its root at {size} entries is not this log's"
        raise NotAuthentic(message)
    if sha256(content) != lines[5]:
        message = "snapshot: its state is not the one that was signed; it is damaged, or was cut off"
        raise Malformed(message)
    state = load_state(content)
    if (state.log, state.entries) != (log.name, size):
        message = f"snapshot: its state is of {state.log} at {state.entries} entries"
        raise Malformed(message)
    return Folded(state, tree)


def _text(origin: str, program: Hash, tree: Edge, state_hash: str) -> bytes:
    return f"{DOMAIN}\n{origin}\n{program}\n{tree.size}\n{to_base64(tree.root())}\n{state_hash}\n".encode()
