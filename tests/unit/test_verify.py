"""The audit of a whole log: what it counts, what it leaves to a remark, and each way in which a log can be wanting."""

import pytest

from broker.core.replay import replay_leaf
from consent_ledger.core.ahead import Bundle, keys_of, read, read_vouched, signers_of, unproven, vouch
from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.findings import MAX_KEPT, RULES, Finding, Findings, Verdict, verdict_of, worst
from consent_ledger.core.leaf import parse_leaf
from consent_ledger.core.merkle import leaf_hash, root_of
from consent_ledger.core.prove import Broken
from consent_ledger.core.state import LedgerState
from consent_ledger.core.structure import TreeCheck, hash_entries
from consent_ledger.core.tiles import TILE_BYTES, grow
from consent_ledger.core.verify import verify
from consent_ledger.tiles import TiledLog
from schemas import errors
from schemas.entries import Recorded, encode_entry
from schemas.note import Note, verify_split
from tests.support import keys
from tests.support.audited_log import (
    COSIGNERS,
    MINUTE,
    audit,
    cosigned_now,
    files_of,
    flip,
    index_of,
    note_of,
    sound,
    terms,
    told,
)
from tests.support.ledger_world import Ledger
from tests.support.memory_store import MemoryStore
from tests.support.pens import DAY, LOG, PINS, changed, signer
from tests.support.tampering import BUNDLE, LEAVES, tall

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

SOUND, TAMPERED, INCOMPLETE, UNREADABLE = Verdict


def test_a_sound_log_is_counted() -> None:
    """Every entry is hashed, proven and decided again; the report has the log's times and its witnesses."""
    report = audit(sound()).report
    assert report is not None
    assert (report.hashed, report.proven, report.decided) == (63, 63, 63)
    assert report.checkpoint == Checkpoint(LOG, 63, root_of(map(leaf_hash, LEAVES)))
    assert (report.first_ms, report.last_ms) == (told().clock.ms - 2 * MINUTE, told().clock.ms)
    assert report.cosigned_at_s == {one.key.name: told().clock.ms // 1000 for one in COSIGNERS}
    assert (report.verdict, report.findings.kept) == (SOUND, [])


def test_without_a_judge_no_decision_is_made() -> None:
    """Verify proves every entry and decides none: what only a decision shows, it lets stand."""
    leaves = list(LEAVES)
    index = index_of(leaves, "exchange.granted")
    leaves[index] = leaves[index].replace(b'"rules":["purpose",', b'"rules":[')
    report = audit(files_of(leaves), terms(decide=False)).report
    assert report is not None
    assert (report.proven, report.decided, report.verdict) == (63, 0, SOUND)
    assert audit(files_of(leaves)).has("decision", index)


def test_progress_is_told_bundle_by_bundle() -> None:
    """The number of entries done is told after each bundle, the last one being all."""
    told_of: list[int] = []
    audit(files_of(tall()), terms(decide=False, progress=told_of.append))
    assert told_of == [256, 300]


# -- what an auditor has from before ----------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [1, 50, 63])
def test_what_was_audited_before_is_only_hashed_and_folded(size: int) -> None:
    """Entries a saved checkpoint covers are not proven again, those after it are, and the state is right."""
    report = audit(sound(), terms(saved=note_of(LEAVES[:size]))).report
    assert report is not None
    assert (report.hashed, report.proven, report.decided, report.verdict) == (63, 63 - size, 63 - size, SOUND)


@pytest.mark.parametrize("size", [255, 256, 257, 300])
def test_a_saved_checkpoint_may_end_anywhere(size: int) -> None:
    """The tree at the saved size is computed from the entries, whether that ends within a tile or with it."""
    found = audit(files_of(tall()), terms(decide=False, saved=note_of(tall()[:size])))
    assert (found.verdict, found.findings) == (SOUND, [])


def test_a_saved_checkpoint_must_be_the_logs() -> None:
    """One that is none, or not signed by this log, is a finding; one of size 0 covers nothing."""
    forged = note_of(LEAVES).replace(b"\n63\n", b"\n62\n")
    for saved in (b"no note", forged):
        found = audit(sound(), terms(saved=saved))
        assert found.verdict is TAMPERED
        assert found.has("saved")
    assert audit(sound(), terms(saved=note_of([]))).verdict is SOUND


def test_entries_from_before_that_are_none_are_found() -> None:
    """What a saved checkpoint is said to cover, and is no entry or nobody's, is found, and nothing breaks on it."""
    leaves = [LEAVES[0], b"none", *LEAVES[30:]]
    found = audit(files_of(leaves), terms(saved=note_of(leaves)))
    assert found.has("form", 1)
    assert found.has("key", index_of(leaves, "agency.head"))


def test_a_saved_checkpoint_over_lost_entries_is_not_contradicted() -> None:
    """Where entries and hashes are both lost, nothing tells whether the tree is another one: it is incomplete."""
    files = files_of(tall())
    del files["tile/entries/001.p/44"], files["tile/0/001.p/44"]
    found = audit(files, terms(decide=False, saved=note_of(tall())))
    assert (found.verdict, found.has("saved")) == (INCOMPLETE, False)


def test_what_follows_a_saved_checkpoint_is_not_older() -> None:
    """An entry after the saved checkpoint with a time before its witnesses cosigned shows a clock set back."""
    ledger = told()
    saved = note_of(ledger.leaves, at_ms=ledger.clock.ms + DAY)
    ledger.write(ledger.agency_head("amt"))
    found = audit(cosigned_now(ledger), terms(saved=saved))
    assert found.has("time", 63)
    assert not audit(cosigned_now(ledger), terms(saved=note_of(LEAVES))).has("time")


# -- what is missing --------------------------------------------------------------------------------------------------
def test_a_lost_bundle_is_incomplete() -> None:
    """Its entries are named by file; the tiles stand in for them, so that nothing else is blamed."""
    files = files_of(tall())
    del files["tile/entries/000"]
    found = audit(files, terms(decide=False))
    assert found.verdict is INCOMPLETE
    assert found.has("entry", 0, "tile/entries/000")
    assert not found.has("root")


def test_a_bundle_cut_short_is_incomplete_from_there_on() -> None:
    """The entries before the cut are proven, the next is named as missing; what follows is hashed only."""
    files = sound()
    files[BUNDLE] = files[BUNDLE][:-10]
    found = audit(files)
    assert found.verdict is INCOMPLETE
    assert found.has("entry", 62, BUNDLE)
    assert found.report is not None
    assert found.report.proven == 62


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_lost_tile_is_incomplete(path: str) -> None:
    """A tile that is not there is named, and its entries stand in for it."""
    files = files_of(tall())
    del files[path]
    found = audit(files, terms(decide=False))
    assert (found.verdict, len(found.findings)) == (INCOMPLETE, 1)
    assert found.has("tile", path=path)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"])
def test_a_tile_cut_short_is_incomplete(path: str) -> None:
    """A tile that ends early is named with its length; what is there is right."""
    files = files_of(tall())
    files[path] = files[path][:-5]
    found = audit(files, terms(decide=False))
    assert (found.verdict, len(found.findings)) == (INCOMPLETE, 1)
    assert found.has("tile", path=path)


def test_a_tile_that_is_too_long_is_tampered() -> None:
    """Bytes after a tile's hashes are not of the log."""
    files = sound()
    files["tile/0/000.p/63"] += bytes(32)
    assert audit(files).has("tile", path="tile/0/000.p/63")


def test_bundle_and_tile_lost_together_leave_the_root_open() -> None:
    """Where neither entries nor hashes are there, both are named and the root is not judged."""
    files = files_of(tall())
    del files["tile/entries/001.p/44"], files["tile/0/001.p/44"]
    found = audit(files, terms(decide=False))
    assert (found.verdict, [one.rule for one in found.findings]) == (INCOMPLETE, ["tile", "entry"])


def test_when_entry_and_tile_are_both_wrong_both_are_named() -> None:
    """Two files that were each changed are both blamed, and the root is not what was signed."""
    files = sound()
    flip(files, BUNDLE, files[BUNDLE].index(LEAVES[9]) + 60)
    flip(files, "tile/0/000.p/63", 5 * 32)
    found = audit(files)
    assert found.has("entry", 9)
    assert found.has("tile", 5, "tile/0/000.p/63")
    assert found.has("root")


def test_an_endless_log_is_not_looked_for_without_end() -> None:
    """A checkpoint that speaks of more than there is is given up after a hundred bundles that are not there."""
    checkpoint = Checkpoint(LOG, 10**15, bytes(32))
    files = {"checkpoint": sign_checkpoint(checkpoint, keys.log_signer())}
    found = audit(files, terms(policy=None))
    assert found.verdict is UNREADABLE
    assert len(found.findings) < 250


def test_a_registry_that_is_missing_ends_the_decisions() -> None:
    """Without the law of the time no decision is made again, which is said once; signatures are still checked."""
    found = audit(sound(), terms(registries=set()))
    assert (found.verdict, [one.rule for one in found.findings]) == (INCOMPLETE, ["registry"])
    assert found.report is not None
    assert (found.report.proven, found.report.decided) == (63, 1)


def test_a_log_that_stops_to_answer_is_unreadable() -> None:
    """When reading fails in the middle, what was found before is kept, and the verdict is that it ended there."""

    def fetch(path: str) -> bytes | None:
        if path == "tile/entries/001.p/44":
            message = "the line is cut"
            raise errors.Unavailable(message)
        return files.get(path)

    files = files_of(tall())
    report = verify(TiledLog(fetch, "log"), terms(decide=False))
    assert (report.verdict, report.proven) == (UNREADABLE, 256)
    assert report.findings.kept[-1].found == "the line is cut"

    def fetch_tiles(path: str) -> bytes | None:
        if path.startswith("tile/0/"):
            message = "the line is cut"
            raise errors.Unavailable(message)
        return files.get(path)

    assert verify(TiledLog(fetch_tiles, "log"), terms(decide=False)).verdict is UNREADABLE


def test_a_shard_older_than_its_lock_is_incomplete() -> None:
    """A store whose checkpoint speaks of more entries than it holds lacks some; those it has are audited."""
    store = MemoryStore(LOG)
    store.append(LEAVES[:60], [None] * 60)

    class Older:
        """A store with a newer lock."""

        origin, size, entries, tile, entry = store.origin, store.size, store.entries, store.tile, store.entry

        def last_checkpoint(self) -> bytes:
            """Give the newer lock's note."""
            return note_of(LEAVES)

    report = verify(Older(), terms())  # type: ignore[arg-type]  # an audit asks a reader for no more than this
    assert report.verdict is INCOMPLETE
    assert report.findings.kept[0].found == "the checkpoint speaks of 63 entries, and there are 60"
    assert report.proven == 60


def test_a_log_without_a_checkpoint_is_not_begun() -> None:
    """Where nothing is signed there is nothing to audit."""
    with pytest.raises(errors.Incomplete, match="nothing is signed yet"):
        verify(MemoryStore(LOG), terms())


def test_an_empty_log_rests_on_its_own_word() -> None:
    """The key of a log without entries is nobody's word but its own, which is a remark; without it, incomplete."""
    files = files_of([])
    del files["witnesses.txt"]
    found = audit(files, terms(policy=None))
    assert (found.verdict, [one.rule for one in found.findings]) == (SOUND, ["opening"])
    del files["log.vkey"]
    assert audit(files, terms(policy=None)).verdict is INCOMPLETE


# -- opening, witnesses, files beside ---------------------------------------------------------------------------------
def test_a_log_must_be_opened_by_its_first_entry() -> None:
    """A log that begins with anything else names no key, and nothing more is judged."""
    ledger = Ledger()
    note = ledger.sign(changed(ledger.registry(), seq=1))
    leaves = [encode_entry("registry.set", Recorded(time=ledger.clock.ms, statement=note.decode()))]
    found = audit(files_of(leaves), terms(policy=None))
    assert (found.verdict, [one.rule for one in found.findings]) == (TAMPERED, ["opening"])
    assert found.findings[0].found == "entry 0 is registry.set"


def test_a_log_must_be_opened_for_itself() -> None:
    """The key that entry 0 names must bear the log's own name."""
    ledger = Ledger()
    note = ledger.sign(changed(ledger.opening(), log_vkey=signer("amt", "dpo").key.vkey))
    leaves = [encode_entry("shard.opened", Recorded(time=ledger.clock.ms, statement=note.decode()))]
    found = audit(files_of(leaves), terms(policy=None))
    assert found.has("opening", 0)
    assert "a key named musterstadt.example/amt/dpo-1" in found.findings[0].found


def test_an_opening_with_a_key_that_is_none_is_found() -> None:
    """A vkey that cannot be read is named as what is wrong with entry 0."""
    ledger = Ledger()
    note = ledger.sign(changed(ledger.opening(), log_vkey="x" * 20))
    leaves = [encode_entry("shard.opened", Recorded(time=ledger.clock.ms, statement=note.decode()))]
    assert audit(files_of(leaves), terms(policy=None)).has("opening", 0)


def test_a_cosignature_that_fails_is_tampering() -> None:
    """A known witness's line over another text is named; an unknown witness's line counts for nothing."""
    stolen = note_of(LEAVES[:-1]).splitlines(keepends=True)[-1]
    files = files_of(LEAVES, note_of(LEAVES, COSIGNERS[:3]) + stolen)
    found = audit(files)
    assert found.has("cosignature", path="checkpoint")
    assert not found.has("quorum")


def test_a_revoked_witness_does_not_count() -> None:
    """A cosignature by a key the log says was revoked makes no quorum, whatever the policy says."""
    ledger = told()
    for agency in ("amt", "kurse", "stadtplan"):
        ledger.write(ledger.revocation(agency, "witness"))
    files = cosigned_now(ledger)
    del files["witnesses.txt"]
    found = audit(files)
    assert (found.verdict, [one.rule for one in found.findings]) == (INCOMPLETE, ["quorum"])
    assert found.report is not None
    assert sorted(found.report.cosigned_at_s) == [
        f"musterstadt.example/{agency}/witness-1" for agency in ("beratung", "jobcenter")
    ]


@pytest.mark.parametrize("name", ["log.vkey", "witnesses.txt"])
def test_the_files_beside_must_say_what_the_log_says(name: str) -> None:
    """Another key beside the tiles than the log's own entries name would mislead whoever trusts it."""
    files = sound()
    files[name] = f"{signer('amt', 'dpo').key.vkey}\n".encode()
    assert audit(files).has("published", path=name)


# -- proving and folding one leaf -------------------------------------------------------------------------------------
def test_a_broken_leaf_changes_nothing_but_the_index() -> None:
    """Replay counts a leaf that proves nothing and goes on."""
    state, ledger = LedgerState(LOG), told()
    assert replay_leaf(state, b"none", ledger.decide, PINS) is not None
    assert (state.size, state.time) == (1, 0)


def test_another_chain_is_named_without_a_decision() -> None:
    """Verify, which decides nothing, still asks for one unbroken chain of the steering group."""
    ledger = told()
    note = ledger.sign(changed(ledger.leaving("amt"), seq=99)).decode()
    leaves = [*ledger.leaves, encode_entry("member.left", Recorded(time=ledger.clock.ms, statement=note))]
    assert audit(files_of(leaves), terms(decide=False)).has("chain", 63)


def test_time_that_runs_backwards_is_named_without_a_decision() -> None:
    """An entry before the time of the one before it is found by verify, too."""
    ledger = told()
    note = ledger.sign(ledger.agency_head("amt")).decode()
    leaves = [*ledger.leaves, encode_entry("agency.head", Recorded(time=1, statement=note))]
    assert audit(files_of(leaves), terms(decide=False)).has("time", 63)


def test_a_key_the_steering_group_signed_and_that_is_none_is_found() -> None:
    """A key.added with a public key that cannot be read takes up its index and has no effect."""
    ledger = told()
    added = changed(ledger.key("amt", "statement", 2), public="no vkey at all")
    leaves = [
        *ledger.leaves,
        encode_entry("key.added", Recorded(time=ledger.clock.ms, statement=ledger.sign(added).decode())),
    ]
    assert audit(files_of(leaves), terms(decide=False)).has("form", 63)


# -- findings and signatures ------------------------------------------------------------------------------------------
def test_of_several_verdicts_the_worst_stands() -> None:
    """Tampering stands before what cannot be read, that before what is missing; remarks change nothing."""
    assert worst([]) is SOUND
    assert worst([SOUND, INCOMPLETE]) is INCOMPLETE
    assert worst([INCOMPLETE, UNREADABLE, SOUND]) is UNREADABLE
    assert worst([UNREADABLE, TAMPERED, INCOMPLETE]) is TAMPERED


def test_what_reading_raises_has_a_verdict() -> None:
    """What is missing is incomplete, what is out of form or not authentic tampered, all else could not be read."""
    raised = (errors.Incomplete, errors.Malformed, errors.NotAuthentic, errors.Unavailable, errors.LedgerInconsistent)
    verdicts = [verdict_of(error("x")) for error in raised]
    assert verdicts == [INCOMPLETE, TAMPERED, TAMPERED, UNREADABLE, UNREADABLE]


def test_a_log_that_is_wrong_throughout_is_told_in_bounds() -> None:
    """All findings are counted, and so many of the first are kept."""
    found = Findings()
    for index in range(MAX_KEPT + 5):
        found.add(Finding(TAMPERED, "form", RULES["form"], "x", index))
    assert (len(found.kept), found.counts[TAMPERED], found.verdict) == (MAX_KEPT, MAX_KEPT + 5, TAMPERED)


def test_a_signature_verified_ahead_names_its_key() -> None:
    """The signer of an agency's statement is named, and nobody for what is forged, of an unknown key, or unsigned."""
    keys_ahead = keys_of(told().state)
    refused = parse_leaf(LEAVES[index_of(LEAVES, "exchange.refused")])
    text = refused.note.text.replace(b'"at":17', b'"at":18')
    forged, unsigned = (refused._replace(note=note) for note in (refused.note._replace(text=text), Note(text, ())))
    found = signers_of([refused, forged, unsigned, parse_leaf(LEAVES[0]), Broken("form", "")], keys_ahead)
    assert found == [signer("jobcenter", "statement").key, None, None, None, None]
    assert signers_of([refused], {}) == [None]


def test_what_is_vouched_for_is_read_the_same() -> None:
    """Whoever reads a bundle gives the same leaves; what nobody vouches for is read in full, form and all."""
    keys_ahead = keys_of(told().state)
    odd = [LEAVES[0].replace(b'"v":1', b'"v": 1'), b"no entry"]
    bundle = Bundle(0, [LEAVES[0], *LEAVES[-5:], *odd], None, proven=2)
    vouched = vouch(unproven(bundle), keys_ahead)
    assert [key is not None for key in vouched] == [True] * 4 + [False] * 2
    here, elsewhere = read(bundle, keys_ahead), read_vouched(bundle, vouched)
    assert [one.leaf for one in here] == [one.leaf for one in elsewhere]
    assert [isinstance(one.leaf, Broken) for one in here] == [False] * 6 + [True] * 2
    assert [one.check is verify_split for one in here] == [True] * 2 + [False] * 4 + [True] * 2


def test_a_bundle_that_is_not_folded_is_not_read() -> None:
    """Where the fold has ended, entries are hashed and not looked into."""
    bundle = Bundle(0, [b"no entry"], None, folded=False)
    assert (read(bundle, {}), unproven(bundle), read_vouched(bundle, [])) == ([], (), [])


def test_only_statement_and_officers_keys_are_verified_ahead() -> None:
    """A witness's key and a key that seals sign no statement."""
    roles = {name.rpartition("/")[2].partition("-")[0] for name, _ in keys_of(told().state)}
    assert roles == {"statement", "dpo"}


# -- the tree alone ---------------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537])
def test_large_trees_are_checked_on_every_level(size: int) -> None:
    """Where a third level begins, a sound tree has no finding, and a changed tile of each level has one."""
    entries = [b"%d" % number for number in range(size)]
    hashes = hash_entries(entries)
    tiles = grow(0, (), [hashes[at : at + 32] for at in range(0, len(hashes), 32)])
    signed = Checkpoint(LOG, size, root_of(hashes[at : at + 32] for at in range(0, len(hashes), 32)))
    last = {level: max(n for other, n in tiles if other == level) for level, _ in tiles}
    assert sorted(last) == ([0, 1] if size < 65_536 else [0, 1, 2])
    for level, n in (None, None), *last.items():
        changed_tiles = dict(tiles)
        if level is not None and n is not None:
            changed_tiles[level, n] = bytes([tiles[level, n][0] ^ 1]) + tiles[level, n][1:]
        found: list[Finding] = []
        check = TreeCheck(size, found.append)
        for tile in range((size + 255) // 256):
            computed = hashes[tile * TILE_BYTES : (tile + 1) * TILE_BYTES]
            check.take(tile, computed, changed_tiles[0, tile])
        check.finish(signed, lambda level, n, tiles=changed_tiles: tiles[level, n])  # type: ignore[misc]  # bound here
        assert [one.rule for one in found] == ([] if level is None else ["tile"])
