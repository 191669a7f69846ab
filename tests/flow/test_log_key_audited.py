"""A log that went on by log.key is audited over that end, and a thief who writes on with the old key is found."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from consent_ledger.core.findings import Verdict
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.pins_file import write_pins
from schemas import statements as st
from schemas.entries import Recorded, encode_entry
from schemas.ids import Hash
from schemas.note import Signer, sign_note
from tests.support.audited_log import MINUTE, Files
from tests.support.auditor import run, write, write_federation
from tests.support.ledger_world import Ledger
from tests.support.pens import DAY, KINDS, PINS, STEERING, changed
from tests.support.two_shards import closed, together, unclosed

pytestmark = pytest.mark.slow  # whole logs and folders

SOUND, TAMPERED, INCOMPLETE, _ = Verdict
WRONG = Hash("0" * 64)


def _told() -> tuple[Ledger, Ledger]:
    """Give a shard that was ended with a grant open, and the next one with its answer."""
    old, granted = unclosed()
    new = old.rekeyed()
    new.answer(granted)
    new.clock.ms += MINUTE
    for agency in KINDS:
        new.write(new.agency_head(agency))
    return old, new


def _audited(tmp_path: Path, files: Files, command: str = "replay") -> tuple[int, str]:
    tmp_path.mkdir(exist_ok=True)
    result = run(command, write(tmp_path / "export", files), "--pins", write_federation(tmp_path))
    return result.exit_code, " ".join(result.output.split())


def _newest(files: Files) -> Files:
    return {path: content for path, content in files.items() if not path.startswith("shards")}


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_both_shards_are_sound(tmp_path: Path, command: str) -> None:
    """Together, each alone: the old one as it stood, the new one from its bundle."""
    old, new = _told()
    files = together(old, new, new.bundle)
    code, output = _audited(tmp_path / "both", files, command)
    assert (code, output.count("Sound: "), "not at hand" in output) == (SOUND, 2, False), output
    code, output = _audited(tmp_path / "new", _newest(files), command)
    assert (code, "the word of two steering keys" in output) == (SOUND, True), output
    prefix = "shards/2026-11/"
    alone = {path.removeprefix(prefix): raw for path, raw in files.items() if path.startswith((prefix, "registry"))}
    assert _audited(tmp_path / "old", alone, command)[0] == SOUND


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_a_thief_who_writes_on_with_the_old_key_is_found(tmp_path: Path, command: str) -> None:
    """More entries than log.key names are none of the log, whatever they say and whoever signed them."""
    old, new = _told()
    ended = len(old.leaves)
    old.write(old.agency_head("kurse"))
    code, output = _audited(tmp_path, together(old, new, new.bundle), command)
    assert (code, f"log.key ends {old.log} with {ended} and" in output) == (TAMPERED, True), output
    assert f"there are {ended + 1} entries" in output


def test_a_thief_who_writes_another_history_is_found(tmp_path: Path) -> None:
    """As many entries, soundly signed and decided, but another tree than the steering group named."""
    old, granted = unclosed()
    twin = old.branch()
    new = old.rekeyed()
    new.answer(granted)
    twin.leaves.pop()
    twin = _retold(twin)
    code, output = _audited(tmp_path, together(twin, new, new.bundle))
    assert (code, "log.key ends" in output) == (TAMPERED, True), output


def _retold(ledger: Ledger) -> Ledger:
    """Have the log end with another entry than its last."""
    note = ledger.sign(ledger.agency_head("kurse")).decode()
    ledger.leaves.append(encode_entry("agency.head", Recorded(time=ledger.clock.ms, statement=note)))
    return ledger


def test_what_is_missing_of_the_ended_shard(tmp_path: Path) -> None:
    """An older copy of the ended shard lacks something; nobody is accused, and the new one is audited on its bundle."""
    old, new = _told()
    old.leaves.pop()
    code, output = _audited(tmp_path, together(old, new, new.bundle))
    assert (code, "log.key ends" in output, "the word of two steering keys" in output) == (INCOMPLETE, True, True), (
        output
    )


def test_a_state_that_the_ended_shard_does_not_give(tmp_path: Path) -> None:
    """Two steering keys may sign for a consent with more uses: whoever has the shard before finds it."""
    old, _ = unclosed()
    richer = old.branch()
    richer.state.evidence[next(iter(richer.state.evidence))].uses = 1000
    new = richer.rekeyed()
    files = together(old, new, new.bundle)
    code, output = _audited(tmp_path / "both", files)
    assert (code, "opened with the state" in output) == (TAMPERED, True), output
    assert _audited(tmp_path / "alone", _newest(files))[0] == SOUND


@pytest.mark.parametrize("command", ["verify", "replay"])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"root": WRONG}, "log.key ends musterstadt.example/log/2026-11 with"),
        ({"size": 5}, "with 5 and"),
        ({"ended": "musterstadt.example/log/2026-10"}, "log.key ends musterstadt.example/log/2026-10"),
    ],
)
def test_a_log_key_that_names_something_else(
    tmp_path: Path, command: str, changes: dict[str, object], sentence: str
) -> None:
    """Signed by two keys and by the new log: what it says of the old shard is held against the old shard."""
    old, _ = unclosed()
    new = old.ended()
    statement = changed(new.log_key(old.log, len(old.leaves), old.root()), **changes)
    forged = _opened_with(new, statement)
    code, output = _audited(tmp_path, together(old, forged, forged.bundle), command)
    assert (code, sentence in output) == (TAMPERED, True), output


def _opened_with(ledger: Ledger, statement: st.LogKey, pens: Sequence[Signer] = STEERING) -> Ledger:
    note = sign_note(st.statement_text(statement).encode(), pens).decode()
    ledger.leaves.append(encode_entry("log.key", Recorded(time=ledger.clock.ms, statement=note)))
    return ledger


def test_one_steering_key_ends_nothing(tmp_path: Path) -> None:
    """A log.key that a single key signed opens no shard: the key it names is nobody's word."""
    old, _ = unclosed()
    new = old.ended()
    forged = _opened_with(new, new.log_key(old.log, len(old.leaves), old.root()), STEERING[:1])
    code, output = _audited(tmp_path, together(old, forged, forged.bundle))
    assert (code, "2 different steering keys" in output) == (TAMPERED, True), output


def test_a_chain_that_does_not_go_on(tmp_path: Path) -> None:
    """A log.key that leaves out a seq is found, however well it is signed."""
    old, _ = unclosed()
    new = old.ended()
    new.seq += 1
    forged = _opened_with(new, new.log_key(old.log, len(old.leaves), old.root()))
    for command in ("verify", "replay"):
        code, output = _audited(tmp_path / command, together(old, forged, forged.bundle), command)
        assert (code, "seq" in output) == (TAMPERED, True), output


def test_a_shard_that_was_closed_is_not_ended_by_log_key(tmp_path: Path) -> None:
    """Behind its last entry a shard is followed by what that entry names, in no other way."""
    old, _ = closed()
    new = old.branch()
    new.state.move_on(new.state.closed or pytest.fail("is closed"))
    new.log, new.leaves, new.handed_over = new.state.log, [], Hash(old.state.begun_with or "")
    forged = _opened_with(new, new.log_key(old.log, len(old.leaves), old.root()))
    code, output = _audited(tmp_path, together(old, forged, b""))
    assert code == TAMPERED, output


def _gone(files: Files, ledger: Ledger) -> Files:
    """Take the entries of a shard out of an export; what opened it is in the pins beside its tiles."""
    folder = f"shards/{ledger.log.rpartition('/')[2]}"
    note = read_leaf(ledger.leaves[0]).entry.statement
    kept = {path: raw for path, raw in files.items() if not path.startswith(f"{folder}/tile/entries")}
    return kept | {f"{folder}/pins.toml": write_pins(PINS, (note,)).encode()}


def _let_go(newest: Ledger, pruned: Ledger) -> None:
    """Log, long after, that a shard's entries may go."""
    newest.clock.ms += 160 * DAY
    newest.write(newest.pruning(pruned.log, len(pruned.leaves), Hash(pruned.root().hex())))
    for agency in KINDS:
        newest.write(newest.agency_head(agency))


def test_an_ended_shard_is_pruned_as_a_closed_one(tmp_path: Path) -> None:
    """Five months after the log.key its entries may go; its tree is the one that log.key named."""
    old, new = _told()
    _let_go(new, old)
    code, output = _audited(tmp_path, _gone(together(old, new, new.bundle), old), "verify")
    assert (code, "as the log allows" in output) == (SOUND, True), output


def test_a_pruned_shard_still_says_where_the_one_before_ended(tmp_path: Path) -> None:
    """The entries behind a log.key are gone, it is not: a thief who wrote on in the shard it ended is found."""
    old, new = _told()
    third = new.following("2027-01")
    _let_go(third, new)
    for thief in (False, True):
        if thief:
            old.write(old.agency_head("kurse"))
        first = {
            path: raw for path, raw in together(old, new, new.bundle).items() if path.startswith(("shards/", "state"))
        }
        files = first | together(new, third, third.bundle) | {"shards.txt": b"2026-11\n2026-12\n"}
        code, output = _audited(tmp_path / str(thief), _gone(files, new), "verify")
        assert (code, "log.key ends" in output) == ((TAMPERED, True) if thief else (SOUND, False)), output
