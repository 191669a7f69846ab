"""A whole log -> findings. Nothing is taken on trust but the pins: the federation's name and its steering keys.

1. The checkpoint, read but not believed; entry 0, by which the steering group names the log's key; the log's signature.
2. Every entry hashed and compared with its tile, proven on the state before it, judged, and folded in.
3. The tree's root and all tiles; the checkpoint that was saved earlier, if there is one.
4. Cosignatures and quorum, with the witness keys the log itself put into force.
5. What no single entry shows: gaps, silence, clocks; and whether the files beside the tiles say the same.

The judge decides what is checked of a decision: `prove.fold_claimed` takes it as it stands, replay makes it again.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from consent_ledger.core.ahead import Ahead, Bundle, Read, here
from consent_ledger.core.checkpoint import Checkpoint, CheckpointVerifier, unverified_checkpoint
from consent_ledger.core.completeness import SKEW_MS, Completeness
from consent_ledger.core.findings import RULES, Finding, Findings, Verdict, verdict_of
from consent_ledger.core.leaf import Leaf, SignedLeaf, read_leaf
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.policy import Policy
from consent_ledger.core.prove import Broken, Judge, fold, fold_claimed, prove_leaf, prove_read
from consent_ledger.core.quorum import check_quorum, cosigned, members_witnesses, witnesses
from consent_ledger.core.signed import Check, Pins, verify_statement
from consent_ledger.core.state import LedgerState
from consent_ledger.core.structure import TreeCheck, hash_entries
from consent_ledger.core.succession import begin, end, hand_over
from consent_ledger.core.tiles import TILE_WIDTH, Tile, tile_path, width_at
from consent_ledger.ports import LogReader
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import HandschlagError, Incomplete, Malformed, NotAuthentic, Pruned, Unavailable
from schemas.ids import Hash, LogId
from schemas.note import VerifierKey, parse_vkey

LOG_VKEY: Final = "log.vkey"
WITNESSES: Final = "witnesses.txt"

_MAX_LOST: Final = 100
"""After so many bundles in a row that cannot be had, the rest of the log is not looked for."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a shard of the log is held against.

    `bundle` gives the state that a later shard starts from, by its hash, None when it is not at hand. `registries` are
    the hashes of the bundles at hand, None where decisions are not made again. `saved` is a checkpoint note from an
    earlier audit: what it covers was found sound then and is only hashed and folded now. `opened` are the notes
    beside the tiles that open shards, for one whose entries were pruned; `published` holds the texts there, by file
    name. `progress` is told how many entries are done.
    """

    pins: Pins
    policy: Policy | None = None
    judge: Judge = fold_claimed
    registries: Collection[Hash] | None = None
    bundle: Callable[[Hash], bytes | None] = lambda _: None
    saved: bytes | None = None
    opened: Sequence[str] = ()
    published: Mapping[str, str] = field(default_factory=dict)
    ahead: Ahead = here
    progress: Callable[[int], None] = lambda _: None


@dataclass
class Report:
    """What an audit found: the checkpoint it speaks about, how far it came, and the findings.

    `proven` counts the entries whose signature and place were checked, `decided` the decisions made again; times are
    the log's, in ms. `cosigned_at_s` has the name of each witness whose cosignature holds. `state` is the fold of all
    entries, None where not all could be folded.
    """

    checkpoint: Checkpoint
    findings: Findings = field(default_factory=Findings)
    hashed: int = 0
    proven: int = 0
    decided: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    cosigned_at_s: dict[str, int] = field(default_factory=dict)
    state: LedgerState | None = field(default=None, compare=False)

    @property
    def verdict(self) -> Verdict:
        """The verdict on the log."""
        return self.findings.verdict


def verify(reader: LogReader, terms: Terms, before: Report | None = None, *, pruned: bool = False) -> Report:
    """Audit a log on these terms; `before` is of the shard before it, None where what that leaves is not at hand.

    Its state goes on in this shard, and is used up by that.

    Of a `pruned` one the entries are not asked for: its tree, its checkpoint and its cosignatures are checked.

    Raises Malformed when what should be the checkpoint is none, Incomplete when there is none yet, and whatever the
    reader raises for it; from then on everything that is wrong is a finding.
    """
    note = reader.last_checkpoint()
    if note is None:
        message = f"{reader.origin}: nothing is signed yet; the log has no checkpoint"
        raise Incomplete(message)
    audit = _Audit(reader, terms, note, before)
    audit.pruned, audit.folds = pruned, not pruned
    return audit.run()


class _Audit:
    """One audit under way; `state` is the fold of the entries so far, and None where nothing can be folded any more."""

    def __init__(self, reader: LogReader, terms: Terms, note: bytes, before: Report | None) -> None:
        self.reader, self.terms, self.note, self.before = reader, terms, note, before
        self.report = Report(unverified_checkpoint(note))
        self.add = self.report.findings.add
        self.size = self.report.checkpoint.size
        self.state = LedgerState(LogId(self.report.checkpoint.origin))
        self.completeness = Completeness(self.add)
        self.judge, self.folds, self.pruned, self.lost = terms.judge, True, False, 0
        self.held = min(self.size, reader.size)
        self.saved = 0

    def run(self) -> Report:
        """Take the steps of this module."""
        log_key = self._check_checkpoint()
        tree = TreeCheck(self.size, self.add, self.saved)
        if self.held < self.size:
            found = f"the checkpoint speaks of {self.size} entries, and there are {self.held}"
            self._found(Verdict.INCOMPLETE, "checkpoint", found)
            tree.stop()
        try:
            for bundle, read in self.terms.ahead(self._bundles(), self.state):
                self._take(bundle, read, tree)
        except Unavailable as error:
            self._found(verdict_of(error), "file", str(error))
            tree.stop()
        tree.finish(self.report.checkpoint, self.reader.tile)
        self._check_cosigners()
        if self.folds:
            self.completeness.finish(self.state)
        self._check_published(log_key)
        self.report.last_ms = self.state.time or None
        self.report.state = self.state if self.folds else None
        return self.report

    # -- 1. checkpoint and log key ---------------------------------------------------------------------------------

    def _check_checkpoint(self) -> VerifierKey | None:
        """Verify the checkpoint and the saved one with the key the steering group named; give that key."""
        log_key = self._log_key()
        if log_key is None:
            self.folds = False
            return None
        verifier = CheckpointVerifier(log_key)
        try:
            verifier.verify(self.note)
        except (Malformed, NotAuthentic) as error:
            self._found(Verdict.TAMPERED, "checkpoint", str(error), path="checkpoint")
        if self.terms.saved is not None:
            self._take_saved(self.terms.saved, verifier)
        return log_key

    def _log_key(self) -> VerifierKey | None:
        origin, federation = self.report.checkpoint.origin, self.terms.pins.federation
        if not origin.startswith(f"{federation}/log/"):
            self._found(Verdict.TAMPERED, "checkpoint", f"a log of {origin}, not of {federation}", path="checkpoint")
            return None
        try:
            key = parse_vkey(self._log_vkey().strip())
        except HandschlagError as error:
            self._found(verdict_of(error), "opening", str(error), index=0)
            return None
        if key.name != origin:
            self._found(Verdict.TAMPERED, "opening", f"a key named {key.name}, and the log is {origin}", index=0)
            return None
        return key

    def _log_vkey(self) -> str:
        """Give the log's vkey from entry 0; that of an empty log is nobody's word but its own."""
        if self.size == 0:
            self._found(Verdict.SOUND, "opening", "the log is empty: nothing but its own word says which key is its")
            if LOG_VKEY not in self.terms.published:
                message = f"the log is empty, and no {LOG_VKEY} lies beside it"
                raise Incomplete(message)
            return self.terms.published[LOG_VKEY]
        if self.pruned:
            opening = self._opened()
            self._left(opening)
            return opening.log_vkey
        proven = prove_leaf(self.state, self.reader.entry(0), self.terms.pins)
        if isinstance(proven, Broken):
            message = f"{proven.rule}: {proven.found}"
            raise NotAuthentic(message)
        statement = proven.leaf.statement
        if not isinstance(statement, st.Opening):
            message = f"entry 0 is {proven.leaf.kind}"
            raise NotAuthentic(message)
        try:
            self._begin(statement)
            self._check_registry(0, self.state.registry)
        except HandschlagError as error:
            self._found(verdict_of(error), "state", f"{error}: nothing of this shard could be folded", index=0)
            self.folds = False
        return statement.log_vkey

    def _opened(self) -> st.Opening:
        """Give the opening of a pruned shard, from entry 0 or a note beside it; two steering keys signed either."""
        notes = [note.encode() for note in self.terms.opened]
        with suppress(Pruned, Incomplete):
            notes.insert(0, read_leaf(self.reader.entry(0)).entry.statement.encode())
        for note in notes:
            statement = verify_statement(note, {}, self.terms.pins).statement
            if isinstance(statement, st.Opening) and statement.log == self.state.log:
                return statement
        message = f"the entries are gone, and no note that opens {self.state.log} lies beside the tiles"
        raise Incomplete(message)

    def _begin(self, opening: st.Opening) -> None:
        """Start from what the shard before handed over, or else from the bundle that the opening names."""
        named, left = opening.state, self._left(opening)
        if left is not None:
            self.state = left
            if named != left.begun_with:
                found = f"opened with the state {named}; the shard before ends with {left.begun_with}"
                self._found(Verdict.TAMPERED, "state", found, index=0)
            self._check_bundle(named)
        elif named is not None:
            self.state = self._from_bundle(named)
            found = "the shards before are not at hand: what they left in force is the word of two steering keys"
            self._found(Verdict.SOUND, "state", found, index=0)

    def _left(self, opening: st.Opening) -> LedgerState | None:
        """Give what the shard before left for this one, None where that cannot be told from what is there of it."""
        state = None if self.before is None else self.before.state
        if self.before is None or state is None:
            return None
        if state.closed is not None:
            hand_over(state)
            if state.log != self.state.log:
                message = f"the shard before goes on as {state.log}"
                raise NotAuthentic(message)
            return state
        if isinstance(opening, st.LogKey):
            return self._ended(opening, state, self.before.checkpoint)
        found = "the log goes on in another shard, and the entry that closed this one cannot be had"
        self.before.findings.add(Finding(Verdict.INCOMPLETE, "state", RULES["state"], found))
        return None

    def _ended(self, opening: st.LogKey, state: LedgerState, there: Checkpoint) -> LedgerState | None:
        """End the shard before by log.key, where it is there just as far as that says; a finding where it is not."""
        here = f"{there.size} entries of {there.origin} with the root {there.root.hex()}"
        found = f"log.key ends {opening.ended} with {opening.size} and {opening.root}; there are {here}"
        if there.origin != opening.ended or there.size > opening.size:
            self._found(Verdict.TAMPERED, "ended", found, index=0)
        elif there.size < opening.size:
            self._found(Verdict.INCOMPLETE, "ended", found, index=0)
        elif there.root.hex() != opening.root:
            self._found(Verdict.TAMPERED, "ended", found, index=0)
        else:
            end(state, there.root, opening.log, opening.log_vkey)
            return state
        return None

    def _check_bundle(self, named: Hash | None) -> None:
        """Check what a stranger who has this shard alone would start from."""
        try:
            if named is not None:
                self._bundle(named)
        except HandschlagError as error:
            self._found(verdict_of(error), "state", str(error), index=0)

    def _from_bundle(self, named: Hash) -> LedgerState:
        state = begin(self._bundle(named))
        if state.log != self.state.log:
            message = f"the bundle {named} is what {state.log} starts from"
            raise NotAuthentic(message)
        return state

    def _bundle(self, named: Hash) -> bytes:
        """Give the bundle beside the log; it must be there and right also where the shard before gives the same."""
        bundle = self.terms.bundle(named)
        if bundle is None:
            message = f"the bundle {named} that the shard starts from is missing"
            raise Incomplete(message)
        if sha256(bundle) != named:
            message = f"the bundle beside the log is not {named}, which the opening names"
            raise NotAuthentic(message)
        return bundle

    def _take_saved(self, note: bytes, verifier: CheckpointVerifier) -> None:
        try:
            saved = verifier.verify(note).checkpoint
        except (Malformed, NotAuthentic) as error:
            self._found(verdict_of(error), "saved", str(error))
            return
        if saved.size > self.size:
            found = f"the log has {self.size} entries, the saved checkpoint {saved.size}: this is an older copy"
            self._found(Verdict.TAMPERED, "saved", found)
        else:
            self.saved = saved.size

    # -- 2. entries ------------------------------------------------------------------------------------------------

    def _bundles(self) -> Iterator[Bundle]:
        for n in range((self.held + TILE_WIDTH - 1) // TILE_WIDTH):
            entries: list[bytes] = []
            error = None
            if self.pruned:
                yield Bundle(n, entries, None)
                continue
            first = n * TILE_WIDTH
            try:
                entries.extend(raw for _, raw in self.reader.entries(first, first + width_at(None, n, self.held)))
            except Unavailable:
                raise
            except HandschlagError as caught:
                error = caught
            yield Bundle(n, entries, error, min(max(self.saved - first, 0), len(entries)), self.folds)

    def _take(self, bundle: Bundle, read: Sequence[Read], tree: TreeCheck) -> None:
        first = bundle.n * TILE_WIDTH
        tree.take(bundle.n, hash_entries(bundle.entries), self._stored(bundle.n))
        self.report.hashed += len(bundle.entries)
        if first < self.saved <= first + len(bundle.entries):
            self._check_saved(tree)
        if self.folds:
            for index, one in enumerate(read, first):
                self._leaf(index, one.leaf, one.check)
        if bundle.error is not None:
            self._lose(bundle, bundle.error)
        self.terms.progress(first + len(bundle.entries))

    def _stored(self, n: int) -> bytes:
        """Give what is stored for a tile of level 0; nothing when it is not there, which is a finding."""
        width = width_at(0, n, self.size)
        try:
            return self.reader.tile(0, n)[: width * HASH_BYTES]
        except Unavailable:
            raise
        except HandschlagError as error:
            self._found(verdict_of(error), "tile", str(error), path=tile_path(Tile(0, n, width)))
            return b""

    def _leaf(self, index: int, read: SignedLeaf | Broken, check: Check) -> None:
        if isinstance(read, Broken):
            self._unfolded(index, read)
            return
        if index < self.saved:
            self._fold_saved(index, read.leaf)
            return
        proven = prove_read(self.state, read, self.terms.pins, check)
        if isinstance(proven, Broken):
            self._unfolded(index, proven)
            return
        self.report.proven += 1
        if isinstance(proven.leaf.statement, st.RegistrySet):
            self._check_registry(index, proven.leaf.statement.registry)
        broken = self.judge(self.state, proven)
        self.report.decided += self.judge is not fold_claimed
        if broken is not None:
            self._broken(index, broken)
        self._observe(index, proven.leaf)

    def _check_saved(self, tree: TreeCheck) -> None:
        """Compare with the saved checkpoint as soon as its entries are hashed: what follows rests on them."""
        saved = unverified_checkpoint(self.terms.saved or b"")
        if tree.saved_root() not in {b"", saved.root}:
            found = f"another tree at {saved.size} entries than the saved checkpoint's"
            self._found(Verdict.TAMPERED, "saved", found, path="checkpoint")
            self.folds = False

    def _fold_saved(self, index: int, leaf: Leaf) -> None:
        """Fold in an entry that an earlier audit found sound; that it is the same entry is what the tree shows."""
        broken = fold(self.state, leaf)
        if broken is None:
            self._observe(index, leaf)
        else:
            self._broken(index, broken)

    def _unfolded(self, index: int, broken: Broken) -> None:
        """Report a leaf that proves nothing; it only takes up its index."""
        self._broken(index, broken)
        self.state.skip()

    def _observe(self, index: int, leaf: Leaf) -> None:
        if self.report.first_ms is None:
            self.report.first_ms = leaf.entry.time
        if index == self.saved > 0:
            self._check_saved_time(index, leaf.entry.time)
        self.completeness.observe(self.state, index, leaf)

    def _check_registry(self, index: int, registry: Hash | None) -> None:
        """Stop deciding where the law of the time is not at hand; signatures and numbers are still checked."""
        known = self.terms.registries
        if known is None or registry is None or registry in known:
            return
        found = f"registry/{registry}.json is missing: no decision from here on was made again"
        self._found(Verdict.INCOMPLETE, "registry", found, index)
        self.judge = fold_claimed

    def _lose(self, bundle: Bundle, error: HandschlagError) -> None:
        """Report entries that cannot be had; what follows rests on them and is hashed, but not folded any more."""
        index = bundle.n * TILE_WIDTH + len(bundle.entries)
        path = tile_path(Tile(None, bundle.n, width_at(None, bundle.n, self.size)))
        rests = "; signatures and decisions from here on were not checked" if self.folds else ""
        self._found(verdict_of(error), "entry", f"{error}{rests}", index, path)
        self.folds = False
        self.lost = 0 if bundle.entries else self.lost + 1
        if self.lost > _MAX_LOST:
            message = f"no entry after index {index} can be had either"
            raise Unavailable(message)

    # -- 3. to 5. --------------------------------------------------------------------------------------------------

    def _check_saved_time(self, index: int, time: int) -> None:
        """Check that what was logged after the saved checkpoint does not carry an earlier time than its witnesses."""
        times = cosigned(self.terms.saved or b"", witnesses(self.state, self.terms.policy), self.add).values()
        if times and time < min(times) * 1000 - SKEW_MS:
            self._found(Verdict.TAMPERED, "time", f"log time {time}, and witnesses cosigned all before it later", index)

    def _check_cosigners(self) -> None:
        times = cosigned(self.note, witnesses(self.state, self.terms.policy), self.add)
        self.report.cosigned_at_s = {key.name: at_s for key, at_s in times.items()}
        check_quorum(self.terms.policy, times, self.add)
        self.completeness.bracket(self.state, times.values())

    def _check_published(self, log_key: VerifierKey | None) -> None:
        """Compare the keys that lie beside the tiles with those the log itself names; a stranger would trust them."""
        said = self.terms.published
        if log_key is not None and said.get(LOG_VKEY, log_key.vkey).strip() != log_key.vkey:
            self._found(Verdict.TAMPERED, "published", "another key than the log's", path=LOG_VKEY)
        if self.folds and WITNESSES in said:
            named = {key.vkey for key in members_witnesses(self.state)}
            if set(said[WITNESSES].split()) != named:
                self._found(Verdict.TAMPERED, "published", "other keys than the log's key.added name", path=WITNESSES)

    def _broken(self, index: int, broken: Broken) -> None:
        self._found(Verdict.TAMPERED, broken.rule, broken.found, index)

    def _found(
        self, verdict: Verdict, rule: str, found: str, index: int | None = None, path: str | None = None
    ) -> None:
        self.add(Finding(verdict, rule, RULES[rule], found, index, path))
