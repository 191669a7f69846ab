"""An audit's report for people and for programs: tables a lawyer can read, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from consent_ledger.core.findings import Finding, Verdict, worst
from consent_ledger.core.verify import Report
from handschlag.ledger_source import REMARKS
from schemas import canonical

SHOWN: Final = 50
"""How many findings the table has; the JSON report has them all, as far as they are kept."""

_WORDS: Final = {
    Verdict.SOUND: "remark",
    Verdict.TAMPERED: "tampered",
    Verdict.INCOMPLETE: "incomplete",
    Verdict.UNREADABLE: "unreadable",
}
_SENTENCES: Final = {
    Verdict.SOUND: "Sound: nothing here contradicts what the log's signers signed.",
    Verdict.TAMPERED: "Tampered: what stands here is not what was signed, or not what the rules allow.",
    Verdict.INCOMPLETE: "Incomplete: nothing contradicts itself, but something that must be here is missing.",
    Verdict.UNREADABLE: "Unreadable: the log could not be read to its end; this says nothing about the rest.",
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Audit:
    """A report with the command it answers, the log's place, and the codes of what must be said about its terms."""

    command: str
    source: str
    report: Report
    remarks: Sequence[str]
    pins_brought: bool


def instant(at_ms: int) -> str:
    """Write an instant in UTC, to the second."""
    return (_EPOCH + timedelta(milliseconds=at_ms)).strftime("%Y-%m-%d %H:%M:%SZ")


def show_audit(audit: Audit, console: Console) -> None:
    """Print what was audited, each finding, and the verdict."""
    report = audit.report
    facts = Table.grid(padding=(0, 2))
    for name, value in _facts(audit):
        facts.add_row(Text(name), Text(value))
    console.print(facts)
    console.print(_findings_table(report.findings.kept), end="\n" if report.findings.kept else "")
    hidden = sum(report.findings.counts.values()) - min(len(report.findings.kept), SHOWN)
    if hidden > 0:
        console.print(f"... and {hidden} more; --json writes up to 1000.", highlight=False)
    for remark in audit.remarks:
        console.print(f"Note: {REMARKS[remark]}", highlight=False, markup=False)
    console.print(_SENTENCES[report.verdict], style="bold", highlight=False)


def _facts(audit: Audit) -> list[tuple[str, str]]:
    report = audit.report
    times = "-" if report.first_ms is None else f"{instant(report.first_ms)} to {instant(report.last_ms or 0)}"
    cosigned = ", ".join(f"{name} {instant(at_s * 1000)}" for name, at_s in sorted(report.cosigned_at_s.items()))
    return [
        ("log", report.checkpoint.origin),
        ("source", audit.source),
        ("checkpoint", f"{report.checkpoint.size} entries, root {report.checkpoint.root.hex()}"),
        ("entries", f"{report.hashed} hashed, {report.proven} proven, {report.decided} decided again"),
        ("log time", times),
        ("cosigned by", cosigned or "nobody"),
    ]


def _findings_table(findings: Sequence[Finding]) -> Table | str:
    if not findings:
        return ""
    table = Table("what", "where", "rule", "expected", "found")
    for one in findings[:SHOWN]:
        table.add_row(*map(Text, (_WORDS[one.verdict], _where(one), one.rule, one.expected, one.found)))
    return table


def _where(finding: Finding) -> str:
    parts = ([] if finding.index is None else [f"entry {finding.index}"]) + ([finding.path] if finding.path else [])
    return "\n".join(parts) or "the log"


def as_json(audits: Sequence[Audit]) -> str:
    """Write the report on a log's shards, the oldest first, for programs; class and exit code are the command line's.

    It is that of the newest shard, those of the `earlier` ones stand in it; verdict and exit code are of all together.
    """
    verdict = worst(audit.report.verdict for audit in audits)
    *earlier, value = map(_report, audits)
    value |= {"verdict": _word(verdict), "exit_code": int(verdict)}
    return canonical.pretty(value | {"earlier": earlier} if earlier else value)


def _word(verdict: Verdict) -> str:
    return "sound" if verdict is Verdict.SOUND else _WORDS[verdict]


def _report(audit: Audit) -> dict[str, object]:
    report = audit.report
    return {
        "command": audit.command,
        "source": audit.source,
        "log": report.checkpoint.origin,
        "size": report.checkpoint.size,
        "root": report.checkpoint.root.hex(),
        "verdict": _word(report.verdict),
        "exit_code": int(report.verdict),
        "entries": {"hashed": report.hashed, "proven": report.proven, "decided": report.decided},
        "log_time_ms": {"first": report.first_ms, "last": report.last_ms},
        "cosigned_at_s": report.cosigned_at_s,
        "pins_brought": audit.pins_brought,
        "counts": {_WORDS[verdict]: count for verdict, count in report.findings.counts.items()},
        "findings": [_finding(one) for one in report.findings.kept],
        "notes": [{"code": remark, "text": REMARKS[remark]} for remark in audit.remarks],
    }


def _finding(one: Finding) -> dict[str, object]:
    return {
        "class": int(one.verdict),
        "what": _WORDS[one.verdict],
        "index": one.index,
        "path": one.path,
        "rule": one.rule,
        "expected": one.expected,
        "found": one.found,
    }
