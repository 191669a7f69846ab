"""A log read a bundle at a time: form and signatures are checked before the fold comes to the entries.

It is done in this process, or in others. A fold goes entry by entry, and only when it comes to one is it certain which
key must have signed it. So a signature found good ahead counts only where the fold asks for the very same key; all else
(the steering group's notes, keys that are new, whatever fails) is verified when its turn comes. The findings are
therefore the same wherever entries are read.

One kind of work for 256 entries and then the next kind stays in the processor's caches: an audit in one process that
took each entry through all of it took a fifth longer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from consent_ledger.core.leaf import SignedLeaf, parse_leaf
from consent_ledger.core.prove import Broken, read_form
from consent_ledger.core.signed import Check
from consent_ledger.core.state import LedgerState
from schemas.canonical import decode_spelled
from schemas.errors import HandschlagError
from schemas.note import Note, VerifiedNote, VerifierKey, verify_split

KeysById = Mapping[tuple[str, bytes], VerifierKey]
"""Verifier keys by name and key id, as signature lines name them."""


class Bundle(NamedTuple):
    """Bundle n of the log's entries: all of them, or those before the one that could not be had, with the reason.

    `proven` counts those at its beginning that an earlier audit proved: their signatures are not verified again. Only
    where it is to be `folded` are its entries read.
    """

    n: int
    entries: list[bytes]
    error: HandschlagError | None
    proven: int = 0
    folded: bool = True


class Read(NamedTuple):
    """An entry taken apart, or what is wrong with its form, and what verifies its signatures."""

    leaf: SignedLeaf | Broken
    check: Check


Ahead = Callable[[Iterator[Bundle], LedgerState], Iterator[tuple[Bundle, Sequence[Read]]]]
"""Gives each bundle with its entries read; it may take bundles from the iterator beforehand."""


def here(bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Sequence[Read]]]:
    """Read each bundle in this process before it is folded; an `Ahead`."""
    return ((bundle, read(bundle, keys_of(state))) for bundle in bundles)


def read(bundle: Bundle, keys: KeysById) -> list[Read]:
    """Read the entries of a bundle with the keys that are in force before it."""
    leaves = [read_form(raw) for raw in bundle.entries] if bundle.folded else []
    signers = [None] * bundle.proven + signers_of(leaves[bundle.proven :], keys)
    return [Read(leaf, _check_of(signer)) for leaf, signer in zip(leaves, signers, strict=False)]


def unproven(bundle: Bundle) -> Sequence[bytes]:
    """Give the entries of a bundle of which another process may say who signed them."""
    return bundle.entries[bundle.proven :] if bundle.folded else ()


def vouch(entries: Sequence[bytes], keys: KeysById) -> list[VerifierKey | None]:
    """Say of each entry who verifiably signed it; None where the form or that is not as it should be."""
    return signers_of([read_form(raw) for raw in entries], keys)


def read_vouched(bundle: Bundle, vouched: Sequence[VerifierKey | None]) -> list[Read]:
    """Read the entries of a bundle when another process has said who signed the `unproven` ones.

    It is a child of this process and has read these very bytes by the same program: what it vouches for is in form, and
    is not asked to be spelled canonically once more. All else is read as if nobody had looked at it.
    """
    signers = [None] * bundle.proven + [*vouched]
    return [_read_vouched(*one) for one in zip(bundle.entries, signers, strict=True)] if bundle.folded else []


def _read_vouched(raw: bytes, signer: VerifierKey | None) -> Read:
    return Read(read_form(raw) if signer is None else parse_leaf(raw, decode_spelled), _check_of(signer))


def keys_of(state: LedgerState) -> KeysById:
    """Give the keys that may have signed an agency's statement."""
    verifiers = (key.verifier for key in state.keys.values() if key.role in {"statement", "dpo"})
    return {(key.name, key.key_id): key for key in verifiers if key is not None}


def signers_of(leaves: Sequence[SignedLeaf | Broken], keys: KeysById) -> list[VerifierKey | None]:
    """Give for each leaf the key that verifiably made its note's first signature, None where that is not shown."""
    return [None if isinstance(leaf, Broken) else _signer_of(leaf.note, keys) for leaf in leaves]


def _signer_of(note: Note, keys: KeysById) -> VerifierKey | None:
    key = keys.get(note.signatures[0][:2]) if note.signatures else None
    try:
        return None if key is None else verify_split(note, (key,)).signers[0]
    except HandschlagError:
        return None


def _check_of(signer: VerifierKey | None) -> Check:
    return verify_split if signer is None else partial(_known, signer)


def _known(signer: VerifierKey, note: Note, known: Sequence[VerifierKey]) -> VerifiedNote:
    """Take the word for a signature by this signer alone, and only where that signer is asked for."""
    return VerifiedNote(note.text, (signer,)) if tuple(known) == (signer,) else verify_split(note, known)
