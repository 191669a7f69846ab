"""A leaf taken apart: entry type, entry, and the statement that is embedded in it."""

from functools import lru_cache
from typing import NamedTuple

from consent_ledger.core.signed import read_note
from schemas.canonical import Decode, decode_model
from schemas.entries import AnyEntry, decode_entry, embeds
from schemas.errors import Malformed
from schemas.note import Note
from schemas.statements import ClientWithdrawn, Statement, Steered


class Leaf(NamedTuple):
    """What a leaf's bytes say; nothing about signatures or decisions is proven by parsing."""

    raw: bytes
    kind: str
    entry: AnyEntry
    statement: Statement


class SignedLeaf(NamedTuple):
    """A leaf with the note embedded in it, whose signatures are not verified."""

    leaf: Leaf
    note: Note


def read_leaf(unverified: bytes) -> Leaf:
    """Parse leaf bytes down to the embedded statement; Malformed when any layer is out of form, or they do not fit."""
    return read_signed_leaf(unverified).leaf


def parse_leaf(unverified: bytes, decode: Decode = decode_model) -> SignedLeaf:
    """Parse leaf bytes as `read_leaf` does, and give the embedded note as well.

    `decode` may be `schemas.canonical.decode_spelled` for bytes that were parsed before.
    """
    kind, entry = decode_entry(unverified, decode)
    note, statement = read_note(entry.statement.encode(), decode)
    if not embeds(kind, statement):
        message = f"entry {kind}: embeds a statement of another type"
        raise Malformed(message)
    return SignedLeaf(Leaf(unverified, kind, entry, statement), note)


@lru_cache(maxsize=64)
def read_signed_leaf(unverified: bytes) -> SignedLeaf:
    """Parse as `parse_leaf` does, and remember the last few: a receipt is looked into before it is proven."""
    return parse_leaf(unverified)


def statement_id(statement: Statement) -> bytes:
    """Give the id under which a repeat is found: key and number, place in the chain, or what a client ended."""
    if isinstance(statement, Steered):
        return b"steering|%d" % statement.seq
    if isinstance(statement, ClientWithdrawn):
        return f"client|{statement.basis}".encode()
    return f"{statement.key}|{statement.n}".encode()
