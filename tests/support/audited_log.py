"""A small log with a whole story in it, the files of its export, and an audit of whatever a test made of them.

`told()` is the story: founding, consents, grants and every end a grant can have, a withdrawal, a rejection, numbers
declared dead, and the daily heads. `files_of` writes leaves as C2SP files into a dict, with a checkpoint that the log's
key and the witnesses sign: what a thief of the log's key could do, too. `audit` reads such files as an auditor does.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from broker.core.decide import decider
from broker.core.replay import decide_again
from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from consent_ledger.core.findings import Finding, Verdict
from consent_ledger.core.merkle import HASH_BYTES, leaf_hash, root_of
from consent_ledger.core.pins_file import majority_policy, witness_lines, write_pins
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.tiles import TILE_WIDTH, Tile, bundles_of, encode_bundle, grow, tile_path
from consent_ledger.core.verify import LOG_VKEY, WITNESSES, Report, Terms, verify
from consent_ledger.tiles import TiledLog
from schemas.errors import HandschlagError, Malformed
from schemas.note import Signer, cosign
from schemas.statements import Request
from tests.support import keys
from tests.support.ledger_world import Ledger, founded
from tests.support.pens import KINDS, LOG, PINS, signer
from tests.support.small_law import BUNDLE, LAW

Files = dict[str, bytes]

MINUTE: Final = 60_000
COSIGNERS: Final = tuple(signer(agency, "witness") for agency in sorted(KINDS))


@cache
def _story() -> Ledger:
    ledger = founded()
    consent = ledger.consented(uses=5)
    first = ledger.asked(consent)
    ledger.answer(first)
    ledger.answer(ledger.asked(consent), "unavailable")
    ledger.clock.ms += MINUTE
    second = ledger.consented()
    pending = ledger.asked(second)
    ledger.write(ledger.withdrawal("beratung", second))
    ledger.answer(pending)
    ledger.asked(second)
    ledger.write(ledger.catalogue("kurse", ["course.nonsense"]))
    assert isinstance(first.leaf.statement, Request)
    ledger.write(ledger.acknowledgement("jobcenter", "kurse", [first.leaf.statement.exchange]))
    lost, lost_too = ledger.head("jobcenter")["n"], ledger.head("jobcenter")["n"]
    ledger.write(ledger.void("jobcenter", lost, lost_too))
    ledger.clock.ms += MINUTE
    for agency in KINDS:
        ledger.write(ledger.agency_head(agency))
    for agency in ("beratung", "jobcenter", "amt", "stadtplan"):
        ledger.write(ledger.agency_head(agency, "dpo"))
    return ledger


def told() -> Ledger:
    """Give a log with the story in it, which the test may continue."""
    return deepcopy(_story())


def index_of(leaves: Sequence[bytes], kind: str, number: int = 0) -> int:
    """Give the index of an entry type's entry, the first one, or the one of this number from 0 (-1 is the last)."""
    prefix = f"handschlag/entry/{kind}/".encode()
    return [index for index, raw in enumerate(leaves) if raw.startswith(prefix)][number]


def note_of(
    leaves: Sequence[bytes], cosigners: Iterable[Signer] = COSIGNERS, at_ms: int | None = None, origin: str = LOG
) -> bytes:
    """Give the checkpoint note over these leaves, signed by the log's key, and cosigned when the story ends."""
    checkpoint = Checkpoint(origin, len(leaves), root_of(map(leaf_hash, leaves)))
    at_s = (_story().clock.ms if at_ms is None else at_ms) // 1000
    lines = [cosign(format_checkpoint(checkpoint), one, at_s) for one in cosigners]
    return b"".join([sign_checkpoint(checkpoint, keys.signer(origin)), *lines])


def files_of(leaves: Sequence[bytes], note: bytes | None = None, origin: str = LOG) -> Files:
    """Give the files of an export of these leaves, whatever they hold."""
    witnesses, log_key = tuple(one.key for one in COSIGNERS), keys.signer(origin).key
    files = {
        "checkpoint": note_of(leaves, origin=origin) if note is None else note,
        LOG_VKEY: f"{log_key.vkey}\n".encode(),
        WITNESSES: witness_lines(witnesses).encode(),
        "policy.txt": majority_policy(log_key, witnesses).encode(),
        "pins.toml": write_pins(PINS, ()).encode(),
        f"registry/{LAW.hash}.json": BUNDLE,
    }
    for tile in bundles_of(len(leaves)):
        first = tile.n * TILE_WIDTH
        files[tile_path(tile)] = encode_bundle(leaves[first : first + tile.width])
    for (level, n), hashes in grow(0, (), [leaf_hash(leaf) for leaf in leaves]).items():
        files[tile_path(Tile(level, n, len(hashes) // HASH_BYTES))] = hashes
    return files


def cosigned_now(ledger: Ledger) -> Files:
    """Give the files of a log that a test continued, under a checkpoint cosigned at the log's own time."""
    return files_of(ledger.leaves, note_of(ledger.leaves, at_ms=ledger.clock.ms))


@cache
def _sound() -> Mapping[str, bytes]:
    return files_of(_story().leaves)


def sound() -> Files:
    """Give the files of the story's export."""
    return dict(_sound())


@dataclass(frozen=True)
class Verdicts:
    """What an audit came to; `unread` is the sentence of an audit that could not begin."""

    verdict: Verdict
    findings: Sequence[Finding] = ()
    report: Report | None = None
    unread: str = ""

    def has(self, rule: str, index: int | None = None, path: str | None = None) -> bool:
        """Tell whether a finding worse than a remark names this rule and, where given, this index and path."""
        return any(
            one.rule == rule
            and one.verdict is not Verdict.SOUND
            and index in {None, one.index}
            and path in {None, one.path}
            for one in self.findings
        )


def terms(*, decide: bool = True, **changes: object) -> Terms:
    """Give an auditor's terms: pins and policy from elsewhere, decisions made again unless told otherwise."""
    policy = parse_policy(_sound()["policy.txt"].decode())
    found = Terms(PINS, policy)
    if decide:
        found = replace(found, judge=decide_again(decider({LAW.hash: LAW})), registries={LAW.hash})
    return replace(found, **changes)  # type: ignore[arg-type]  # the fields of Terms, as the caller names them


def audit(files: Mapping[str, bytes], use: Terms | None = None) -> Verdicts:
    """Audit a log's files as the command line does."""
    published = {name: files[name].decode(errors="replace") for name in (LOG_VKEY, WITNESSES) if name in files}
    try:
        log = TiledLog(files.get, "log")
        report = verify(log, replace(use or terms(), published=published))
    except HandschlagError as error:
        return Verdicts(Verdict.UNREADABLE if isinstance(error, Malformed) else Verdict.INCOMPLETE, unread=str(error))
    return Verdicts(report.verdict, report.findings.kept, report)


def flip(files: Files, path: str, at: int, bit: int = 0) -> None:
    """Flip one bit of a file; a negative place counts from its end."""
    content = bytearray(files[path])
    content[at] ^= 1 << bit
    files[path] = bytes(content)
