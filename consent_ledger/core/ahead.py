"""Signatures verified a bundle at a time, before the fold comes to them: in this process, or in others.

A fold goes entry by entry, and only when it comes to one is it certain which key must have signed it. So what was found
ahead counts only where the fold asks for the very same key; all else (the steering group's notes, keys that are new,
whatever fails) is verified when its turn comes. The findings are therefore the same wherever signatures are verified.

One kind of work for 256 entries and then the next kind stays in the processor's caches: an audit in one process that
took each entry through all of it took a fifth longer.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from consent_ledger.core.leaf import SignedLeaf
from consent_ledger.core.prove import Broken
from consent_ledger.core.signed import Check
from consent_ledger.core.state import LedgerState
from schemas.errors import HandschlagError, NotAuthentic
from schemas.note import Note, VerifiedNote, VerifierKey, verify_split

KeysById = Mapping[tuple[str, bytes], VerifierKey]
"""Verifier keys by name and key id, as signature lines name them."""


class Bundle(NamedTuple):
    """Bundle n of the log's entries: all of them, or those before the one that could not be had, with the reason.

    `read` has the entries taken apart, as far as they are to be folded; `notes` those whose signatures are to be
    verified, None for an entry that has none, or was proven before.
    """

    n: int
    entries: list[bytes]
    error: HandschlagError | None
    read: Sequence[SignedLeaf | Broken] = ()
    notes: Sequence[Note | None] = ()


Ahead = Callable[[Iterator[Bundle], LedgerState], Iterator[tuple[Bundle, Sequence[Check]]]]
"""Gives each bundle with a `Check` for each of its notes; it may take bundles from the iterator beforehand."""


def here(bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Sequence[Check]]]:
    """Verify each bundle's signatures in this process before it is folded; an `Ahead`."""
    return ((bundle, checks_of(signers_of(bundle.notes, keys_of(state)))) for bundle in bundles)


def keys_of(state: LedgerState) -> KeysById:
    """Give the keys that may have signed an agency's statement."""
    verifiers = (key.verifier for key in state.keys.values() if key.role in {"statement", "dpo"})
    return {(key.name, key.key_id): key for key in verifiers if key is not None}


def signers_of(notes: Sequence[Note | None], keys: KeysById) -> list[VerifierKey | None]:
    """Give for each note the key that verifiably made its first signature, None where that is not shown."""
    return [None if note is None else _signer_of(note, keys) for note in notes]


def _signer_of(note: Note, keys: KeysById) -> VerifierKey | None:
    key = keys.get(note.signatures[0][:2]) if note.signatures else None
    try:
        return None if key is None else verify_split(note, (key,)).signers[0]
    except NotAuthentic:
        return None


def checks_of(signers: Sequence[VerifierKey | None]) -> list[Check]:
    """Give the checks that take such a word for each note."""
    return [verify_split if signer is None else partial(_known, signer) for signer in signers]


def _known(signer: VerifierKey, note: Note, known: Sequence[VerifierKey]) -> VerifiedNote:
    """Take the word for a signature by this signer alone, and only where that signer is asked for."""
    return VerifiedNote(note.text, (signer,)) if tuple(known) == (signer,) else verify_split(note, known)
