"""The tamper matrix: a sound log, one mutation a row, and what replay, an agency as witness, and receipts say of it.

Numbers are those of the matrix in the ledger's specification, verdicts the exit codes of an auditor's command. `thief`
rows are made by whoever holds the log's key: every tile is computed anew and the checkpoint is signed. Rows that are
tested beside the part they concern, or wait for a part that is not built, stand in `ELSEWHERE` with place or reason.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from broker.core.replay import replay_leaf
from consent_ledger.core.checkpoint import CheckpointVerifier
from consent_ledger.core.findings import Verdict
from consent_ledger.core.merkle import leaf_hash, verify_inclusion
from consent_ledger.tiles import TiledLog
from consent_ledger.witness import Addition, Conflict, consider
from schemas.commitment import sha256
from schemas.errors import HandschlagError, NotAuthentic
from tests.support import keys
from tests.support import tampering as by
from tests.support.audited_log import Files, audit, flip, note_of, sound, terms, told
from tests.support.tampering import LEAVES

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

SOUND, TAMPERED, INCOMPLETE, UNREADABLE = Verdict
ROOT: Final = Path(__file__).parents[2]

ELSEWHERE: Final = {
    19: "tests/unit/test_note.py: keys off the prime-order group; signature vectors wait for the public collections",
    21: "tests/flow/test_pruning.py: pruned without an entry, too early, another tree, a partial tile",
    22: "tests/contract/test_store.py: one of two writers wins; JetStream is not built",
    25: "tests/flow/test_witnessing.py, tests/flow/test_covering.py: a witness compares and stores in one step",
    26: "tests/unit/test_store.py: what was written is read back and hashed again before it is signed",
}


@dataclass(frozen=True)
class Row:
    """One row: the mutation, and the verdict with the rule that replay must name without a checkpoint from before.

    `witness` is what an agency answers that cosigned the sound log; `receipts` whether all receipts of it still hold.
    """

    number: int
    what: str
    make: by.Make
    verdict: Verdict
    rule: str
    witness: str = ""
    receipts: bool | None = None

    @property
    def name(self) -> str:
        """The row's name in the test report."""
        return f"{self.number}-{self.what.replace(' ', '_')}"


# -- 1 and 2: bits ----------------------------------------------------------------------------------------------------


BITS: Final = (
    *(
        Row(1, f"bit in {kind} after {before.decode()}", by.bit_in_entry(kind, before, number), TAMPERED, rule)
        for kind, before, number, rule in (
            ("shard.opened", b"handschlag/entr", 0, "opening"),
            ("exchange.granted", b"handschlag/entry/exchange.gr", 0, "form"),
            ("exchange.granted", b'"time":17951', 0, "entry"),
            ("exchange.granted", b'"fields":["course.', 0, "decision"),
            ("exchange.granted", b'"rules":["p', 0, "decision"),
            ("exchange.granted", b'"approval":', 0, "decision"),
            ("exchange.granted", b'\\"staff\\":\\"', 0, "signature"),
            ("exchange.granted", "\u2014 musterstadt.example/jobcenter/statement-1 ".encode(), 0, "signature"),
            ("exchange.disclosed", b'"k":"', 0, "body"),
            ("exchange.disclosed", b'"ct":"', 0, "body"),
            ("exchange.refused", b'"reason":"consent_w', 0, "form"),
            ("exchange.withheld", b'"grant":', 0, "decision"),
            ("key.added", "\u2014 musterstadt.example/steering/steward-1 ".encode(), 3, "signature"),
            ("statement.rejected", b'\\"n\\":', 0, "signature"),
        )
    ),
    Row(1, "bit in the length of an entry", by.bit_in_length(44), TAMPERED, "entry"),
    *(
        Row(2, f"bit in {path}", by.bit_in_tile(path), TAMPERED, "tile")
        for path in ("tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1")
    ),
)

# -- 3 to 10: rebuilt, shortened and forked ---------------------------------------------------------------------------


REBUILT: Final = (
    Row(3, "field granted beyond", by.thief(by.more_granted), TAMPERED, "decision", "422", receipts=False),
    Row(3, "field of outcome", by.thief(by.less_disclosed), TAMPERED, "body", "422", receipts=False),
    Row(4, "swapped", by.swapped_alone, TAMPERED, "root"),
    Row(4, "swapped and signed", by.thief(by.swap), TAMPERED, "decision", "422", receipts=False),
    Row(5, "middle dropped", by.thief(by.drop_middle), INCOMPLETE, "gapless", "409", receipts=False),
    Row(6, "tail dropped", by.thief(by.drop_tail), SOUND, "", "409", receipts=False),
    Row(7, "left out", by.left_out(11), TAMPERED, "gapless"),
    Row(7, "left out a minute ago", by.left_out(1), INCOMPLETE, "gapless"),
    Row(8, "last left out", by.last_left_out, INCOMPLETE, "head"),
    Row(9, "fork for a majority", by.fork(slice(0, 3), slice(3, 5)), SOUND, ""),
    Row(9, "fork for a minority", by.fork(slice(3, 5), slice(0, 3)), INCOMPLETE, "quorum"),
    # Two quorums of 3 of 5 overlap in one witness: when that one cosigns both branches, each alone looks sound.
    Row(10, "one colluding witness", by.fork(slice(2, 5), slice(0, 3)), SOUND, ""),
    Row(10, "no colluding witness", by.fork(slice(3, 5), slice(0, 3)), INCOMPLETE, "quorum"),
    # The store of today is a file: a block of it that is lost, or a file that was made anew, as with any other store.
    Row(23, "block lost", by.block_lost, TAMPERED, "entry"),
    Row(23, "recreated empty", by.recreated_empty, SOUND, "", "409", receipts=False),
    Row(24, "last night's copy", by.thief(by.drop_tail), SOUND, "", "409", receipts=False),
)

# -- 11 to 16: entries that nobody who may sign has signed, or that were never decided --------------------------------


FORCED: Final = (
    Row(11, "forged signature", by.forced(by.of_impostor), TAMPERED, "signature"),
    Row(11, "missing signature", by.forced(by.of_other_agency), TAMPERED, "signature"),
    Row(11, "one steering key", by.forced(by.of_one_steward), TAMPERED, "signature"),
    Row(11, "one signature too many", by.forced(by.with_stowaway), TAMPERED, "signature"),
    Row(11, "for another log", by.forced(by.for_other_log), TAMPERED, "log"),
    Row(12, "statement again", by.forced(lambda ledger: ledger.leaves[-1]), TAMPERED, "counter"),
    Row(12, "steering again", by.forced(lambda ledger: ledger.leaves[4]), TAMPERED, "counter"),
    Row(13, "disclosed after withdrawal", by.forced(by.disclosed_after_withdrawal), TAMPERED, "decision"),
    Row(13, "granted after withdrawal", by.forced(by.granted_after_withdrawal), TAMPERED, "decision"),
    Row(
        14,
        "revoked key",
        by.forced(by.by_key(1), lambda ledger: ledger.write(ledger.revocation("kurse", "statement"))),
        TAMPERED,
        "key",
    ),
    Row(
        14,
        "key of an agency that left",
        by.forced(by.by_key(1), lambda ledger: ledger.write(ledger.leaving("kurse"))),
        TAMPERED,
        "key",
    ),
    Row(14, "key not added yet", by.forced(by.by_key(2)), TAMPERED, "key"),
    Row(15, "thief's own history", by.unwitnessed, INCOMPLETE, "quorum", "409", receipts=False),
    Row(15, "garbage at the end", by.thief(by.garbage), TAMPERED, "form", "cosigns", receipts=True),
    Row(16, "time set back", by.thief(by.set_back), TAMPERED, "time"),
    Row(16, "ahead of its witnesses", by.ahead_of_witnesses, TAMPERED, "time"),
)

# -- 17, 18 and 20: spelling and size ---------------------------------------------------------------------------------


NOTES: Final = tuple(
    Row(17, what, by.noted(change), verdict, rule)
    for what, change, verdict, rule in (
        ("CRLF", lambda note: note.replace(b"\n", b"\r\n"), UNREADABLE, ""),
        ("no final newline", lambda note: note[:-1], UNREADABLE, ""),
        ("two blank lines", lambda note: note.replace(b"\n\n", b"\n\n\n"), UNREADABLE, ""),
        ("NUL", lambda note: note.replace(b"log", b"lo\0", 1), UNREADABLE, ""),
        ("leading zero", lambda note: note.replace(b"\n63\n", b"\n063\n"), UNREADABLE, ""),
        ("plus in a key name", lambda note: note.replace(b"/amt/", b"/a+t/"), UNREADABLE, ""),
        ("space in a key name", lambda note: note.replace(b"/amt/", b"/a t/"), UNREADABLE, ""),
        ("base64 cut", lambda note: note.replace(b"=\n\n", b"\n\n", 1), UNREADABLE, ""),
        ("unknown key alone", by.signed_by_stranger, TAMPERED, "checkpoint"),
        ("another size", lambda note: note.replace(b"\n63\n", b"\n62\n"), TAMPERED, "cosignature"),
        ("another origin", lambda note: note.replace(b"2026-11\n", b"2026-12\n", 1), TAMPERED, "opening"),
        ("foreign federation", lambda note: note.replace(b"muster", b"kuster", 1), TAMPERED, "checkpoint"),
        ("signature twice", lambda note: note + note.splitlines(keepends=True)[-1], SOUND, ""),
        ("26 signatures", by.with_many_signatures, SOUND, ""),
    )
)


SPELLINGS: Final = (
    ("key twice", lambda raw: raw.replace(b',"v":1}', b',"v":1,"v":1}')),
    ("fraction", lambda raw: raw.replace(b'"v":1}', b'"v":1.0}')),
    ("exponent", lambda raw: raw.replace(b'"v":1}', b'"v":1e0}')),
    ("space", lambda raw: raw.replace(b',"v":1}', b', "v":1}')),
    ("escape", lambda raw: raw.replace(b"course", b"\\u0063ourse", 1)),
    ("not NFC", lambda raw: raw.replace(b"course", "cou\u0301rse".encode(), 1)),
    ("other order", lambda raw: raw.replace(b',"v":1}', b"}").replace(b"\n{", b'\n{"v":1,', 1)),
    ("unknown key", lambda raw: raw.replace(b',"v":1}', b',"v":1,"w":1}')),
    ("another line", lambda raw: raw + b"{}\n"),
)
JSON: Final = tuple(
    Row(18, f"{what}{where}", make(change), TAMPERED, "form")
    for what, change in SPELLINGS
    for where, make in (("", by.spelled), (" inside", by.spelled_inside))
)


SIZES: Final = (
    *(Row(20, f"{size} entries", by.cut_to(size), SOUND, "") for size in (0, 1, 255, 256, 257)),
    Row(20, "entry too long", by.forced(lambda _: b"x" * 61_441), TAMPERED, "form"),
)

ROWS: Final = (*BITS, *REBUILT, *FORCED, *NOTES, *JSON, *SIZES)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_the_mutation_is_found(row: Row) -> None:
    """Replay gives the row's verdict and names its rule, with the index or path of the damage."""
    made = row.make()
    found = audit(made.files)
    assert found.verdict is row.verdict, found
    assert not row.rule or found.has(row.rule, made.index, made.path), found.findings


SAVED: Final = [row for row in ROWS if row.number in {3, 4, 5, 6, 9, 10, 23, 24} and row.make is not by.swapped_alone]


@pytest.mark.parametrize("row", SAVED, ids=[row.name for row in SAVED])
def test_a_checkpoint_from_before_shows_it(row: Row) -> None:
    """Against a checkpoint kept from before, or brought from another agency, every rewritten history is tampering."""
    made = row.make()
    found = audit(made.files, terms(saved=made.saved))
    assert found.verdict is TAMPERED
    assert found.has("saved")


WITNESSED: Final = [row for row in ROWS if row.witness]


@pytest.mark.parametrize("row", WITNESSED, ids=[row.name for row in WITNESSED])
def test_a_witness_answers(row: Row) -> None:
    """An agency that cosigned the sound log refuses what does not extend it; garbage that does only shows in replay."""
    assert _witness_says(row.make().files) == row.witness


def _witness_says(files: Files) -> str:
    """Offer a checkpoint to a witness with the best proof there can be."""
    verifier = CheckpointVerifier(keys.log_signer().key)
    held = verifier.verify(note_of(LEAVES))
    log = TiledLog(files.get, "log")
    size = held.checkpoint.size
    if log.size < size:
        answer = consider(held, Addition(log.size, (), files["checkpoint"]), verifier)
        assert answer == Conflict(size)
        return "409"
    try:
        consider(held, Addition(size, log.consistency_proof(size, log.size), files["checkpoint"]), verifier)
    except NotAuthentic:
        return "422"
    return "cosigns"


@pytest.mark.parametrize("row", WITNESSED, ids=[row.name for row in WITNESSED])
def test_receipts_are_held_against_it(row: Row) -> None:
    """Of the receipts that agencies hold of the sound log, all hold under the new checkpoint, or one fails."""
    assert _receipts_hold(row.make().files) == row.receipts


def _receipts_hold(files: Files) -> bool:
    log = TiledLog(files.get, "log")
    try:
        for index, raw in enumerate(LEAVES):
            proof = log.inclusion_proof(index, log.size)
            verify_inclusion(leaf_hash(raw), index, log.size, proof, log.root(log.size))
    except HandschlagError:
        return False
    return True


def test_every_row_of_the_matrix_is_here_or_said_to_be_elsewhere() -> None:
    """No row from 1 to 26 is forgotten, and none stands in both places."""
    here = {row.number for row in ROWS}
    assert sorted((*here, *ELSEWHERE)) == list(range(1, 27))
    places = {number: re.findall(r"tests/[a-z_/]+\.py", words) for number, words in ELSEWHERE.items()}
    assert all(found and all((ROOT / place).is_file() for place in found) for found in places.values()), places


def test_an_entry_of_60_kib_is_not_too_long() -> None:
    """An entry of 61,440 bytes is refused for its form, not for its length; one byte more is too long."""
    lengths = {size: replay_leaf(told().state, b"x" * size, told().decide, terms().pins) for size in (61_440, 61_441)}
    assert [("longer" in str(broken)) for broken in lengths.values()] == [False, True]


@pytest.mark.slow
def test_no_bit_can_be_flipped_unseen() -> None:
    """Whatever bit of whatever tile or bundle is flipped, the file is named, or the entry in it."""
    paths = [path for path in sound() if path.startswith("tile/")]
    assert paths
    for number in range(120):
        digest = int.from_bytes(bytes.fromhex(sha256(b"%d" % number))[:8])
        files, path = sound(), paths[number % len(paths)]
        flip(files, path, digest % len(files[path]), digest % 8)
        found = audit(files, terms(decide=False))
        assert found.verdict is TAMPERED, (number, path, found)
        assert any(one.path == path or one.index is not None for one in found.findings)
