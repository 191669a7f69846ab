"""A log read a bundle at a time, by this process or by several others: the findings stay the same."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from consent_ledger.core.ahead import Ahead, Bundle, Read, here
from consent_ledger.core.leaf import parse_leaf
from consent_ledger.core.prove import read_form
from consent_ledger.core.state import LedgerState
from consent_ledger.reading_pool import ReadingPool
from schemas.entries import Recorded, encode_entry
from schemas.errors import NotAuthentic, Unavailable
from schemas.note import verify_split
from tests.support.audited_log import audit, files_of, note_of, sound, terms, told
from tests.support.auditor import run, write, write_federation
from tests.support.ledger_world import Ledger
from tests.support.pens import changed, signer
from tests.support.tampering import LEAVES


def in_turn(bundles: Iterator[Bundle], state: LedgerState) -> Iterator[tuple[Bundle, Sequence[Read]]]:
    """Verify each signature when its entry's turn comes, and none before: what all others are compared with."""
    del state
    for bundle in bundles:
        yield bundle, [Read(read_form(raw), verify_split) for raw in bundle.entries] if bundle.folded else []


@pytest.fixture(scope="module")
def ways() -> Iterator[dict[str, Ahead]]:
    """Give the ways of reading ahead: in this process, and in one and two others, which are there."""
    with ReadingPool(1) as one, ReadingPool(2) as two:
        one.started.result()
        two.started.result()
        yield {"here": here, "one": one, "two": two}


@cache
def _leaves() -> tuple[bytes, ...]:
    """Give a log of two bundles; in the second, keys come and go, and one that is revoked signs once more."""
    ledger = told()
    while len(ledger.leaves) < 260:
        ledger.write(ledger.refusal("beratung", "jobcenter"))
    consent = ledger.consented(uses=3)
    ledger.answer(ledger.asked(consent))
    ledger.write(ledger.key("amt", "statement", 2))
    _write_by_second_key(ledger)
    ledger.answer(ledger.asked(consent), "unavailable")
    ledger.write(ledger.revocation("beratung", "statement"))
    note = ledger.sign(ledger.refusal("beratung", "jobcenter"))
    revoked = encode_entry("consent.refused", Recorded(time=ledger.clock.ms, statement=note.decode()))
    return (*ledger.leaves, revoked)


def _write_by_second_key(ledger: Ledger) -> None:
    """Have an agency sign with the key that has just come into force."""
    head = ledger.agency_head("amt")
    ledger.write(changed(head, key=head.key.replace("statement-1", "statement-2"), n=1, last=1))


@some.composite
def _damaged(draw: some.DrawFn) -> list[bytes]:
    """Give the log with one to four entries changed, lost, doubled, moved, spelled otherwise or signed by another."""
    leaves = list(_leaves())
    places = some.integers(0, len(leaves) - 5) | some.integers(250, len(leaves) - 5)
    for _ in range(draw(some.integers(1, 4))):
        at, other = draw(places), draw(places)
        match draw(some.sampled_from(("bit", "lost", "doubled", "moved", "spelling", "signature"))):
            case "bit":
                changed_leaf = bytearray(leaves[at])
                bit = draw(some.integers(0, 8 * len(changed_leaf) - 1))
                changed_leaf[bit // 8] ^= 1 << bit % 8
                leaves[at] = bytes(changed_leaf)
            case "lost":
                del leaves[at]
            case "doubled":
                leaves.insert(at, leaves[other])
            case "moved":
                leaves.insert(at, leaves.pop(other))
            case "spelling":
                leaves[at] = leaves[at].replace(b',"v":1', b', "v":1')
            case _:
                leaves[at] = _signature_of(leaves[other], leaves[at])
    return leaves


def _signature_of(leaf: bytes, other: bytes) -> bytes:
    """Put the signature line of one entry in the place of another's."""
    lines = [one.rpartition("\u2014 ".encode())[2].partition(b"\\n")[0] for one in (leaf, other)]
    return other.replace(lines[1], lines[0]) if all(lines) else other


@pytest.mark.slow
@settings(max_examples=30)
@given(leaves=_damaged(), saved=some.sampled_from((0, 100, 256, 258)))
def test_findings_do_not_depend_on_who_verifies(ways: dict[str, Ahead], leaves: list[bytes], saved: int) -> None:
    """A damaged log has the same report, finding by finding, whether signatures are verified ahead or in turn."""
    files = files_of(leaves)
    note = note_of(leaves[:saved]) if saved else None
    expected = audit(files, terms(saved=note, ahead=in_turn))
    assert [name for name, way in ways.items() if audit(files, terms(saved=note, ahead=way)) != expected] == []


def test_keys_that_come_and_go_within_a_bundle(ways: dict[str, Ahead]) -> None:
    """A key in force since an entry of the bundle itself signs; one revoked there does not, though it verifies."""
    files = files_of(_leaves())
    for way in (in_turn, *ways.values()):
        found = audit(files, terms(ahead=way))
        assert [(one.rule, one.index) for one in found.findings if one.verdict] == [("key", len(_leaves()) - 1)]
        assert found.report is not None
        assert found.report.proven == len(_leaves()) - 1


def test_the_command_audits_with_several_processes(tmp_path: Path) -> None:
    """With another process the command proves and decides as much as alone."""
    export = write(tmp_path / "export", sound())
    result = run("replay", export, "--pins", write_federation(tmp_path), "--processes", "2")
    assert (result.exit_code, "63 proven, 63 decided again" in result.output) == (0, True), result.output


def test_a_workers_word_counts_for_the_key_that_is_asked_for_only() -> None:
    """Where the fold asks for another key than the worker verified with, the signature is verified again."""
    ledger = told()
    key = ledger.state.keys[ledger.numbers.most_common(1)[0][0]].verifier
    assert key is not None
    at = next(index for index, raw in enumerate(LEAVES) if f'\\"key\\":\\"{key.name}\\"'.encode() in raw)
    with ReadingPool(1) as pool:
        pool.started.result()
        ((_, (known, unknown)),) = list(pool(iter([Bundle(0, [LEAVES[at], LEAVES[0]], None)]), ledger.state))
    assert unknown.check is verify_split
    note = parse_leaf(LEAVES[at]).note
    assert known.leaf == parse_leaf(LEAVES[at])
    assert known.check(note, (key,)).signers == (key,)
    with pytest.raises(NotAuthentic):
        known.check(note, (signer("amt", "dpo").key,))


def test_nobody_waits_for_a_worker_to_start() -> None:
    """Until a worker is there, the process that folds reads by itself; the findings are those of any other time."""
    with ReadingPool(1) as pool:
        pool.started = Future()
        found = audit(sound(), terms(ahead=pool))
    assert found == audit(sound(), terms(ahead=in_turn))


def test_a_worker_that_dies_is_told() -> None:
    """When a worker process is gone the audit says that it could not go on."""
    with ReadingPool(1) as pool:
        bundles = iter([Bundle(0, [LEAVES[0]], None)])
        pool.started.result()
        broken = pool._pool.submit(_die)  # noqa: SLF001 - a worker is made to die in the only way there is
        assert broken.exception() is not None
        with pytest.raises(Unavailable, match="a worker process ended"):
            list(pool(bundles, told().state))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
