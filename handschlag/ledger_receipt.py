"""Receipts as files: `NAME.tlog-proof`, a C2SP tlog-proof byte for byte, and `NAME.entry`, the bytes it speaks of.

Both are also attached to the PDF that a client is handed. A tlog-proof is a detached signature of what lies beside it,
so any C2SP tool can check the pair. Its `extra` line is not used: nothing proves it. The log's key comes from the
note that opened the shard, which the pinned steering keys signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from adapters.infra.files import write_atomic
from adapters.node.papers.receipt import ENTRY, PROOF
from consent_ledger.core.checkpoint import CheckpointVerifier, unverified_checkpoint
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.pins_file import PinsFile
from consent_ledger.core.policy import Policy
from consent_ledger.core.proof import ProvenEntry, format_proof, parse_proof, verify_proof
from consent_ledger.core.signed import verify_statement
from consent_ledger.ports import LogReader
from consent_ledger.tiles import read_file
from schemas import statements as st
from schemas.errors import Incomplete, Malformed, Misuse, NotAuthentic
from schemas.note import VerifierKey, parse_vkey

PROOF_SUFFIX: Final = ".tlog-proof"
ENTRY_SUFFIX: Final = ".entry"
PDF_SUFFIX: Final = ".pdf"


@dataclass(frozen=True)
class Parts:
    """The two files of a receipt; nothing about them is proven."""

    proof: bytes
    entry: bytes

    @classmethod
    def at(cls, place: Path, entry_place: Path | None) -> Self:
        """Read both, from a receipt's PDF too; Misuse without a proof, Incomplete without an entry beside it."""
        if place.suffix.lower() == PDF_SUFFIX:
            return cls(*within(place))
        beside = entry_place or place.with_name(place.name.removesuffix(PROOF_SUFFIX) + ENTRY_SUFFIX)
        proof, entry = read_file(place), read_file(beside)
        if proof is None:
            message = f"{place}: there is no such file"
            raise Misuse(message)
        if entry is None:
            message = f"{beside}: the entry that {place.name} speaks of is missing"
            raise Incomplete(message)
        return cls(proof, entry)


def within(place: Path) -> tuple[bytes, bytes]:
    """Take proof and entry out of a receipt's PDF; Misuse for one that has none, Malformed for what is no PDF."""
    try:
        attached = PdfReader(place).attachments
    except FileNotFoundError as error:
        message = f"{place}: there is no such file"
        raise Misuse(message) from error
    except PyPdfError as error:
        message = f"{place}: cannot be read as a PDF"
        raise Malformed(message) from error
    found = [next(iter(attached.get(name, [])), None) for name in (PROOF, ENTRY)]
    if found[0] is None or found[1] is None:
        message = f"{place}: no receipt of the ledger is attached to it"
        raise Misuse(message)
    return found[0], found[1]


@dataclass(frozen=True)
class Proved:
    """A receipt that holds, with the witnesses of the policy that cosigned its checkpoint."""

    proven: ProvenEntry
    leaf: Leaf
    cosigned_at_s: Mapping[VerifierKey, int]


def write_receipt(reader: LogReader, index: int, place: Path) -> list[Path]:
    """Write the receipt of one entry under the log's last checkpoint; give the two files' paths."""
    note = reader.last_checkpoint()
    size = 0 if note is None else unverified_checkpoint(note).size
    if note is None or not 0 <= index < size:
        message = f"entry {index}: the log has {size} under its checkpoint"
        raise Misuse(message)
    stem = place.with_name(place.name.removesuffix(PROOF_SUFFIX))
    proof = format_proof(index, reader.inclusion_proof(index, size), note)
    files = {PROOF_SUFFIX: proof, ENTRY_SUFFIX: reader.entry(index)}
    paths = {stem.with_name(f"{stem.name}{suffix}"): content for suffix, content in files.items()}
    for path, content in paths.items():
        write_atomic(path, content)
    return list(paths)


def prove_receipt(parts: Parts, pins: PinsFile, opened: bytes | None, policy: Policy | None) -> Proved:
    """Prove a receipt offline.

    `opened` is a `shard.opened` note or entry, None where one among the pins will do. Raises Malformed for what is no
    receipt, Incomplete when the log's opening or the quorum is missing, NotAuthentic when the proof does not hold.
    """
    origin = unverified_checkpoint(parse_proof(parts.proof).note).origin
    log_key = _log_key(origin, pins, opened)
    witnesses = () if policy is None else policy.witnesses.values()
    proven = verify_proof(parts.entry, parts.proof, CheckpointVerifier(log_key, witnesses))
    if policy is not None and not policy.satisfied(proven.checkpoint.cosigned_at_s):
        message = "receipt: the proof holds, but the quorum of witnesses has not cosigned its checkpoint"
        raise Incomplete(message)
    return Proved(proven, read_leaf(parts.entry), proven.checkpoint.cosigned_at_s)


def _log_key(origin: str, pins: PinsFile, opened: bytes | None) -> VerifierKey:
    """Find the log's key in a `shard.opened` note that two pinned steering keys signed."""
    notes = [text.encode() for text in pins.opened] if opened is None else [_note_of(opened)]
    for note in notes:
        statement = verify_statement(note, {}, pins.pins).statement
        if isinstance(statement, st.Opening) and statement.log == origin:
            return parse_vkey(statement.log_vkey)
    message = f"{origin}: no shard.opened of this log is at hand; give --opened with its note or entry"
    raise (Incomplete if origin.startswith(f"{pins.name}/log/") else NotAuthentic)(message)


def _note_of(opened: bytes) -> bytes:
    """Give the note in a `shard.opened` entry, or what should be the note itself."""
    return read_leaf(opened).entry.statement.encode() if opened.startswith(b"handschlag/entry/") else opened
