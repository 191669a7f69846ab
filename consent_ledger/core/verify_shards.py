"""A log of several shards audited from the first to the last: what one leaves in force the next must start from.

A shard whose entries were pruned is held against its tree, its checkpoint and its cosignatures; whether they were
allowed to go stands in a later shard, and is asked when that was audited.
"""

from collections.abc import Sequence

from consent_ledger.core.findings import RULES, Finding, Verdict
from consent_ledger.core.state import LedgerState
from consent_ledger.core.tiles import TILE_WIDTH
from consent_ledger.core.verify import Report, Terms, verify
from consent_ledger.ports import LogReader
from schemas.errors import HandschlagError, Incomplete, Pruned
from schemas.ids import LogId


def verify_shards(shards: Sequence[tuple[LogReader, Terms]]) -> list[Report]:
    """Audit the shards of a log, the oldest first, each on its terms; raises as `verify`.

    What is in force at the end of one is what the next must start from.
    """
    reports: list[Report] = []
    pruned: list[Report] = []
    before: Report | None = None
    for number, (reader, terms) in enumerate(shards, 1):
        gone = is_pruned(reader, newest=number == len(shards))
        report = verify(reader, terms, before, pruned=gone)
        reports.append(report)
        before = report
        if gone:
            pruned.append(report)
    for report in pruned:
        _judge(report, reports[-1].state)
    return reports


def is_pruned(reader: LogReader, *, newest: bool) -> bool:
    """Tell whether a shard's entries were taken out: its store says so, or none of its bundles is there.

    Of the newest shard nothing can be pruned; what is missing there is missing.
    """
    size = reader.size
    firsts = {0, size // 2 // TILE_WIDTH * TILE_WIDTH, max(size - 1, 0) // TILE_WIDTH * TILE_WIDTH}
    errors = [_error(reader, first, min(first + TILE_WIDTH, size)) for first in sorted(firsts)]
    if any(isinstance(error, Pruned) for error in errors):
        return True
    return not newest and all(isinstance(error, Incomplete) for error in errors)


def _error(reader: LogReader, first: int, stop: int) -> HandschlagError | None:
    """Give what reading these entries raises, None when at least one of them can be had from a file."""
    try:
        for _ in reader.entries(first, stop):
            pass
    except Pruned as error:
        return error
    except HandschlagError as error:
        return error if _lacks(reader, first) else None
    return None


def _lacks(reader: LogReader, index: int) -> bool:
    try:
        reader.entry(index)
    except HandschlagError as error:
        return isinstance(error, Incomplete)
    return False


def _judge(report: Report, state: LedgerState | None) -> None:
    """Say of a pruned shard whether the log has an entry that lets its entries go, for the very tree that is there."""
    checkpoint = report.checkpoint
    shard = None if state is None else state.shards.get(LogId(checkpoint.origin))
    what = f"entries 0 to {checkpoint.size - 1} are gone"
    if shard is None or shard.closed is None:
        _add(report, Verdict.INCOMPLETE, "pruned", f"{what}; whether they were allowed to go a later shard would tell")
    elif shard.pruned is None:
        _add(report, Verdict.TAMPERED, "pruned", f"{what}, and no entry of the log lets them go")
    elif (shard.pruned, shard.closed.end - shard.first) != (checkpoint.root.hex(), checkpoint.size):
        _add(report, Verdict.TAMPERED, "pruned", f"{what}, and the log let those of another tree go: {shard.pruned}")
    else:
        _add(report, Verdict.SOUND, "pruned", f"{what}, as the log allows; their hashes are here, and receipts hold")


def _add(report: Report, verdict: Verdict, rule: str, found: str) -> None:
    report.findings.add(Finding(verdict, rule, RULES[rule], found))
