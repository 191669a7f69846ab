"""Mutations of the story's log, for the tamper matrix: each is a `Make`, which gives the mutated log.

A `thief` holds the log's key: every tile is computed anew, and the checkpoint is signed and, where nothing else is
said, cosigned, as if the witnesses had seen nothing else before. What is `forced` into the log was never decided.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from pydantic_core import to_json

from adapters.infra.key_files import Ed25519Signer
from schemas import statements as st
from schemas.entries import Disclosed, Granted, Recorded, encode_entry
from schemas.ids import KeyName
from schemas.note import sign_note
from tests.support import keys
from tests.support.audited_log import COSIGNERS, MINUTE, Files, files_of, flip, index_of, note_of, sound, told
from tests.support.ledger_world import Ledger
from tests.support.pens import DAY, STEERING, changed, signer

LEAVES: Final = tuple(told().leaves)
BUNDLE: Final = f"tile/entries/000.p/{len(LEAVES)}"


@dataclass(frozen=True)
class Tampered:
    """A mutated log: its files, where the finding must be, and the checkpoint an auditor kept from before."""

    files: Files
    index: int | None = None
    path: str | None = None
    saved: bytes | None = None


Make = Callable[[], Tampered]

# -- bits -------------------------------------------------------------------------------------------------------------


def bit_in_entry(kind: str, before: bytes, number: int = 0) -> Make:
    """Flip a bit of the byte after some text in an entry of this type."""

    def make() -> Tampered:
        files, index = sound(), index_of(LEAVES, kind, number)
        start = files[BUNDLE].index(LEAVES[index])
        flip(files, BUNDLE, start + LEAVES[index].index(before) + len(before))
        return Tampered(files, index)

    return make


def bit_in_length(index: int) -> Make:
    """Flip a bit of the length that stands before an entry in its bundle."""

    def make() -> Tampered:
        files = sound()
        flip(files, BUNDLE, files[BUNDLE].index(LEAVES[index]) - 1, 3)
        return Tampered(files, index)

    return make


@cache
def tall() -> tuple[bytes, ...]:
    """Give the leaves of the story continued to 300, which is more than one tile."""
    ledger = told()
    while len(ledger.leaves) < 300:
        ledger.write(ledger.refusal("beratung", "jobcenter"))
    return tuple(ledger.leaves)


def bit_in_tile(path: str) -> Make:
    """Flip a bit in the middle of a tile of the tall log."""

    def make() -> Tampered:
        files = files_of(tall())
        flip(files, path, len(files[path]) // 2)
        return Tampered(files, path=path)

    return make


# -- rebuilt, shortened and forked ------------------------------------------------------------------------------------


def thief(change: Callable[[list[bytes]], int | None]) -> Make:
    """Change the leaves, which gives the index to be named, and sign; the auditor kept the sound log's checkpoint."""

    def make() -> Tampered:
        leaves = list(LEAVES)
        index = change(leaves)
        return Tampered(files_of(leaves), index, saved=note_of(LEAVES))

    return make


def more_granted(leaves: list[bytes]) -> int:
    """Grant one field more than was decided."""
    index = index_of(leaves, "exchange.granted")
    leaves[index] = leaves[index].replace(b'"course.state"],"reg', b'"course.state","cv.school"],"reg')
    return index


def less_disclosed(leaves: list[bytes]) -> int:
    """Name one field fewer than the holder's signed commitment does."""
    index = index_of(leaves, "exchange.disclosed")
    leaves[index] = leaves[index].replace(b'"fields":["course.started",', b'"fields":[')
    return index


def swap(leaves: list[bytes]) -> int:
    """Put a disclosure before its grant."""
    index = index_of(leaves, "exchange.granted")
    leaves[index], leaves[index + 1] = leaves[index + 1], leaves[index]
    return index


def swapped_alone() -> Tampered:
    """Put a disclosure before its grant in tiles and bundles, under the sound log's checkpoint."""
    leaves = list(LEAVES)
    swap(leaves)
    return Tampered(files_of(leaves, note_of(LEAVES)), path="checkpoint")


def drop_middle(leaves: list[bytes]) -> None:
    """Drop a statement that its signer's later ones follow."""
    del leaves[index_of(leaves, "exchange.acknowledged")]


def drop_tail(leaves: list[bytes]) -> None:
    """Go back to an earlier log that was valid."""
    del leaves[-3:]


def recreated_empty() -> Tampered:
    """Lose all of it, and sign a log that begins anew."""
    files = files_of([])
    del files["witnesses.txt"]  # no key is in it
    return Tampered(files, saved=note_of(LEAVES))


def block_lost() -> Tampered:
    """Read zeros where a block of the disk was; the checkpoint is the sound log's."""
    files = sound()
    index = index_of(LEAVES, "exchange.granted")
    at = files[BUNDLE].index(LEAVES[index]) + 100
    files[BUNDLE] = files[BUNDLE][:at] + bytes(200) + files[BUNDLE][at + 200 :]
    return Tampered(files, index, BUNDLE, saved=note_of(LEAVES))


def left_out(minutes: int) -> Make:
    """Leave a statement out and log the next one of its signer; then time goes by."""

    def make() -> Tampered:
        ledger = told()
        ledger.head("kurse")
        ledger.write(ledger.agency_head("kurse"))
        ledger.clock.ms += minutes * MINUTE
        ledger.write(ledger.agency_head("amt"))
        return Tampered(files_of(ledger.leaves, note_of(ledger.leaves, at_ms=ledger.clock.ms)), len(LEAVES))

    return make


def last_left_out() -> Tampered:
    """Leave out the last statements of one agency; all others go on saying daily which number they have come to."""
    ledger = told()
    ledger.head("kurse")
    ledger.clock.ms += DAY + 2 * 60 * MINUTE
    for agency in ("beratung", "jobcenter", "amt", "stadtplan"):
        ledger.write(ledger.agency_head(agency))
        ledger.write(ledger.agency_head(agency, "dpo"))
    return Tampered(files_of(ledger.leaves, note_of(ledger.leaves, at_ms=ledger.clock.ms)))


def fork(ours: slice, theirs: slice) -> Make:
    """Show two branches to two groups of witnesses; the auditor of one brings the checkpoint of the other."""

    def make() -> Tampered:
        one, other = _branch("beratung"), _branch("jobcenter")
        return Tampered(files_of(one, note_of(one, COSIGNERS[ours])), saved=note_of(other, COSIGNERS[theirs]))

    return make


def _branch(agency: str) -> list[bytes]:
    """Give one of two logs that are the same but for their last entry."""
    ledger = told()
    ledger.write(ledger.refusal(agency, "jobcenter"))
    return ledger.leaves


def unwitnessed() -> Tampered:
    """Make a history of the thief's own, which no witness has cosigned."""
    leaves = [*LEAVES[:-3], *LEAVES[-2:]]
    return Tampered(files_of(leaves, note_of(leaves, ())), saved=note_of(LEAVES))


# -- forced -----------------------------------------------------------------------------------------------------------


def forced(write: Callable[[Ledger], bytes], before: Callable[[Ledger], object] = lambda _: None) -> Make:
    """Append an entry the broker would never have written, after something that it did write."""

    def make() -> Tampered:
        ledger = told()
        before(ledger)
        raw = write(ledger)
        index = len(ledger.leaves)
        return Tampered(files_of([*ledger.leaves, raw]), index)

    return make


def _recorded(kind: str, note: bytes, ledger: Ledger) -> bytes:
    return encode_entry(kind, Recorded(time=ledger.clock.ms, statement=note.decode()))


def _catalogue(ledger: Ledger, **changes: object) -> bytes:
    """Give the text of a valid statement, or of one that is changed."""
    return st.statement_text(changed(ledger.catalogue("kurse", ["course.state"]), **changes)).encode()


def of_impostor(ledger: Ledger) -> bytes:
    """Sign in the name of an agency's key with another key that took the name."""
    impostor = Ed25519Signer(signer("kurse", "statement").key.name, b"\x07" * 32)
    return _recorded("catalogue.set", sign_note(_catalogue(ledger), [impostor]), ledger)


def of_other_agency(ledger: Ledger) -> bytes:
    """Sign in the name of an agency's key with another agency's."""
    return _recorded("catalogue.set", sign_note(_catalogue(ledger), [signer("amt", "statement")]), ledger)


def of_one_steward(ledger: Ledger) -> bytes:
    """Sign for the steering group with one key where two are needed."""
    text = st.statement_text(ledger.leaving("amt")).encode()
    return _recorded("member.left", sign_note(text, STEERING[:1]), ledger)


def with_stowaway(ledger: Ledger) -> bytes:
    """Carry the signature of another agency along."""
    pens = [signer("kurse", "statement"), signer("amt", "statement")]
    return _recorded("catalogue.set", sign_note(_catalogue(ledger), pens), ledger)


def for_other_log(ledger: Ledger) -> bytes:
    """Bring a statement that was made for last month's shard."""
    text = _catalogue(ledger, log="musterstadt.example/log/2026-10")
    return _recorded("catalogue.set", sign_note(text, [signer("kurse", "statement")]), ledger)


def by_key(number: int) -> Callable[[Ledger], bytes]:
    """Sign with an agency's first key, or with one that the log does not know."""

    def write(ledger: Ledger) -> bytes:
        pen = signer("kurse", "statement", number)
        name = KeyName(pen.key.name)
        text = _catalogue(ledger, key=name, n=ledger.numbers[name] + 1)
        return _recorded("catalogue.set", sign_note(text, [pen]), ledger)

    return write


def disclosed_after_withdrawal(ledger: Ledger) -> bytes:
    """Disclose under a consent that was withdrawn after the grant."""
    consent = ledger.consented()
    granted = ledger.asked(consent)
    outcome, opened = ledger.outcome(granted.leaf, ledger.grant(granted).leaf)
    ledger.write(ledger.withdrawal("beratung", consent))
    disclosed = Disclosed(
        time=ledger.clock.ms,
        statement=ledger.sign(outcome).decode(),
        k=opened.k,
        body=opened.body,
        grant=granted.index,
        chain=ledger.state.chain,
    )
    return encode_entry("exchange.disclosed", disclosed)


def granted_after_withdrawal(ledger: Ledger) -> bytes:
    """Grant under a consent that was withdrawn before."""
    consent = ledger.consented(uses=9)
    earlier = ledger.asked(consent).leaf.entry
    ledger.write(ledger.withdrawal("beratung", consent))
    assert isinstance(earlier, Granted)
    note = ledger.sign(ledger.request("jobcenter", "kurse", consent))
    return encode_entry("exchange.granted", changed(earlier, statement=note.decode()))


def garbage(leaves: list[bytes]) -> int:
    """Append what is no entry."""
    leaves += [b"no entry at all", b"handschlag/entry/void/v1\n{}\n"]
    return len(LEAVES)


def set_back(leaves: list[bytes]) -> int:
    """Append an entry with a time before that of the one before it."""
    ledger = told()
    ledger.clock.ms -= DAY
    leaves.append(_recorded("agency.head", ledger.sign(ledger.agency_head("kurse")), ledger))
    return len(LEAVES)


def ahead_of_witnesses() -> Tampered:
    """Log an entry with a time a day after that at which the witnesses cosigned it."""
    ledger = told()
    cosigned_at_ms = ledger.clock.ms
    ledger.clock.ms += DAY
    ledger.write(ledger.agency_head("kurse"))
    return Tampered(files_of(ledger.leaves, note_of(ledger.leaves, at_ms=cosigned_at_ms)), path="checkpoint")


# -- spelling and size ------------------------------------------------------------------------------------------------


def noted(change: Callable[[bytes], bytes]) -> Make:
    """Change the bytes of the checkpoint's note."""

    def make() -> Tampered:
        files = sound()
        files["checkpoint"] = change(files["checkpoint"])
        assert files["checkpoint"] != sound()["checkpoint"]
        return Tampered(files)

    return make


def signed_by_stranger(note: bytes) -> bytes:
    """Sign a checkpoint with another key that took the log's name, and with no other."""
    return sign_note(note[: note.index(b"\n\n") + 1], [Ed25519Signer(keys.LOG, b"\x09" * 32)])


def with_many_signatures(note: bytes) -> bytes:
    """Add twenty signatures of keys that nobody knows."""
    text = note[: note.index(b"\n\n") + 1]
    others = [keys.signer(f"elsewhere.example/witness-{number}") for number in range(20)]
    return note + sign_note(text, others)[len(text) + 1 :]


def spelled(change: Callable[[bytes], bytes]) -> Make:
    """Spell an entry's own JSON in another way; the log's key signs it."""

    def respell(leaves: list[bytes]) -> int:
        index = index_of(LEAVES, "exchange.granted")
        leaves[index] = change(leaves[index])
        assert leaves[index] != LEAVES[index]
        return index

    return thief(respell)


def spelled_inside(change: Callable[[bytes], bytes]) -> Make:
    """Spell a statement's JSON in another way; the agency itself signs it so."""

    def write(ledger: Ledger) -> bytes:
        text = _catalogue(ledger)
        respelled = change(text)
        assert respelled != text
        # The entry is made around a stand-in, because no entry of ours would take the spelling itself.
        note = to_json(sign_note(respelled, [signer("kurse", "statement")]).decode())[1:-1]
        return _recorded("catalogue.set", b"stand-in", ledger).replace(b"stand-in", note)

    return forced(write)


def cut_to(size: int) -> Make:
    """Take the first entries of the tall log; nothing is wrong with them."""

    def make() -> Tampered:
        files = files_of(tall()[:size])
        del files["witnesses.txt"]  # at a smaller size the witnesses' keys are not all in the log yet
        return Tampered(files)

    return make
