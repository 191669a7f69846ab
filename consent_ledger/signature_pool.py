"""Signatures verified ahead, in other processes: folding a log is sequential, checking its signatures is not.

A worker verifies the note in an entry with the key that its signature line names, if the log has put such a key into
force by then. What it finds is used only where the fold, when it comes to that entry, asks for the very same key; all
else (the steering group's notes, keys that are new, whatever fails) is verified when its turn comes.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final, Self

from consent_ledger.core.signed import Check
from consent_ledger.core.state import LedgerState
from consent_ledger.core.verify import Bundle
from schemas.errors import HandschlagError, Unavailable
from schemas.note import Note, VerifiedNote, VerifierKey, split_note, verify_split

KeysById = Mapping[tuple[str, bytes], VerifierKey]
"""Verifier keys by name and key id, as signature lines name them."""

_AHEAD: Final = 8
"""How many bundles are under way for each worker."""


class SignaturePool:
    """Worker processes that verify signatures ahead of the fold; a `consent_ledger.core.verify.Ahead`."""

    def __init__(self, workers: int) -> None:
        """Start so many workers, one or more, beside the process that folds."""
        self._pool = ProcessPoolExecutor(workers, get_context("spawn"))
        self._depth = workers * _AHEAD

    def __enter__(self) -> Self:
        """Give the pool itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers; what they have not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def __call__(self, bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Iterable[Check]]]:
        """Give each bundle with its checks; raises Unavailable when a worker has died."""
        waiting: deque[tuple[Bundle, Future[list[VerifierKey | None]]]] = deque()
        try:
            for bundle in bundles:
                waiting.append((bundle, self._pool.submit(signers_of, bundle.entries, _keys(state))))
                if len(waiting) > self._depth:
                    yield _done(waiting.popleft())
            while waiting:
                yield _done(waiting.popleft())
        except BrokenExecutor as error:
            message = "signatures: a worker process ended unexpectedly; audit again, or with one process"
            raise Unavailable(message) from error


def signers_of(entries: Sequence[bytes], keys: KeysById) -> list[VerifierKey | None]:
    """Give for each entry the key that verifiably made the one signature of its note, None where that is not shown."""
    return [_signer_of(entry, keys) for entry in entries]


def _signer_of(entry: bytes, keys: KeysById) -> VerifierKey | None:
    try:
        note = split_note(json.loads(entry.split(b"\n")[1])["statement"].encode())
        key = keys.get(note.signatures[0][:2])
        return key if key is not None and verify_split(note, (key,)).signers == (key,) else None
    except (HandschlagError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _keys(state: LedgerState) -> KeysById:
    """Give the keys that may have signed an agency's statement."""
    verifiers = (key.verifier for key in state.keys.values() if key.role in {"statement", "dpo"})
    return {(key.name, key.key_id): key for key in verifiers if key is not None}


def _done(
    waiting: tuple[Bundle, Future[list[VerifierKey | None]]],
) -> tuple[Bundle, Iterable[Check]]:
    bundle, found = waiting
    checks: list[Check] = [verify_split if key is None else partial(_known, key) for key in found.result()]
    return bundle, checks


def _known(signer: VerifierKey, note: Note, known: Sequence[VerifierKey]) -> VerifiedNote:
    """Take a worker's word for a signature by this signer alone, and only where that signer is asked for."""
    return VerifiedNote(note.text, (signer,)) if tuple(known) == (signer,) else verify_split(note, known)
