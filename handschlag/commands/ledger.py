"""`handschlag ledger`: what an auditor does with a log, which needs no key, no NATS and no running broker.

The last commands are the steering group's: they change the log itself, and need its keys and the broker.

Exit codes: 0 sound, 1 tampered, 2 incomplete, 3 unreadable; 3 is also that of a command that was wrongly used.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn, TypedDict, TypeVar, Unpack

import click
from rich.console import Console

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from broker.core.decide import decider
from broker.core.log_lines import Line, Wanted
from broker.core.replay import decide_again
from consent_ledger.archive import archived
from consent_ledger.core.ahead import here
from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.findings import Verdict, verdict_of, worst
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.verify import Terms
from consent_ledger.core.verify_shards import verify_shards
from consent_ledger.export import Folder, Publication, export_shards
from consent_ledger.reading_pool import ReadingPool
from handschlag import ledger_rows as rows
from handschlag import rekeying, shard_changes
from handschlag.federation_folder import FederationFolder
from handschlag.ledger_receipt import Parts, prove_receipt, write_receipt
from handschlag.ledger_report import Audit, as_json, instant, show_audit
from handschlag.ledger_source import REMARKS, Source, SourceOptions, brought, brought_pins, open_source
from handschlag.progress import Lines, Show, bar
from schemas.calendar import berlin_ms, end_of_day_ms, parse_day
from schemas.errors import HandschlagError, Malformed

MAX_ROWS: Final = 500
"""How many rows a table has at most; CSV and JSON have all."""
PIPE_WIDTH: Final = 160
STREAM: Final = Path("-")
"""In place of a folder: the export as one file on standard output."""

Command = TypeVar("Command", bound=Callable[..., None])

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


class AuditOptions(SourceOptions):
    """The options of verify and replay."""

    since: Path | None
    report: Path | None
    lines: bool
    processes: int


class ShowOptions(SourceOptions):
    """The options of show."""

    agency: str | None
    purpose: str | None
    from_day: str | None
    to_day: str | None
    outcome: str | None
    index: int | None
    form: str
    receipt: Path | None


class ReceiptOptions(TypedDict):
    """The options of prove."""

    pins: Path
    policy: Path | None
    entry: Path | None
    opened: Path | None


class VerdictGroup(click.Group):
    """Ends every failure in one sentence and an exit code of this group's, never in a stack trace."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command; what it raises is told by its kind."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            error.show()
            ctx.exit(Verdict.UNREADABLE)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except HandschlagError as error:
            # A file that has no form at all cannot be read; what contradicts a signature was tampered with.
            verdict = Verdict.UNREADABLE if isinstance(error, Malformed) else verdict_of(error)
            _fail(ctx, str(error), verdict)
        except KeyboardInterrupt:
            _fail(ctx, "interrupted; nothing was found out", Verdict.UNREADABLE)
        except Exception as error:  # noqa: BLE001 - bytes of a hostile log must end in a sentence, whatever they break
            _fail(ctx, f"this cannot be read as a log ({type(error).__name__})", Verdict.UNREADABLE)


def _fail(ctx: click.Context, message: str, verdict: Verdict) -> NoReturn:
    click.echo(f"handschlag: {message}", err=True)
    ctx.exit(verdict)


@click.group(cls=VerdictGroup)
def ledger() -> None:
    """Verify, replay, show and export the ledger; close and prune its shards.

    SOURCE is an export's folder, an http(s) address, or the folder of a broker's SQLite files. Exit codes: 0 sound, 1
    tampered, 2 incomplete, 3 unreadable.
    """


def _source_options(command: Command) -> Command:
    """Add the options of every command that reads a log."""
    for option in (
        click.option("--origin", help="Which log, where a folder of SQLite files has several."),
        click.option("--token-file", type=_FILE, help="Holds the auditor's token for an address (mode 0600)."),
        click.option("--registry", type=_FOLDER, help="Registry bundles; default: those beside the log."),
        click.option("--policy", type=_FILE, help="A tlog-policy of witnesses you trust; default: the log's own word."),
        click.option("--pins", type=_FILE, help="federation.toml or pins.toml that you have from elsewhere."),
    ):
        command = option(command)
    return command


def _audit_options(command: Command) -> Command:
    for option in (
        click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="2 is faster."),
        click.option("--json", "report", type=_FILE, metavar="FILE", help="Write the report for programs."),
        click.option("--lines", is_flag=True, help="Print how far it is, a line for each percent, and no report."),
        click.option("--since", type=_FILE, metavar="CHECKPOINT", help="A checkpoint kept from an earlier audit."),
        _source_options,
        click.argument("source"),
    ):
        command = option(command)
    return command


@ledger.command()
@_audit_options
@click.pass_context
def verify(ctx: click.Context, source: str, **options: Unpack[AuditOptions]) -> None:
    """Check tree, tiles, checkpoint, cosignatures, signatures and counters of SOURCE.

    With --since, what that checkpoint covers was found sound before: it is hashed and folded, not checked again.
    """
    with _opened(source, options) as log:
        ctx.exit(_audit("verify", log, options))


@ledger.command()
@_audit_options
@click.pass_context
def replay(ctx: click.Context, source: str, **options: Unpack[AuditOptions]) -> None:
    """Check SOURCE as verify does, and make every decision of the broker again."""
    with _opened(source, options) as log:
        ctx.exit(_audit("replay", log, options))


def _audit(command: str, log: Source, options: AuditOptions) -> Verdict:
    """Audit a log, print and write the report, give the verdict."""
    saved = None if options["since"] is None else brought(options["since"])
    covered = None if saved is None else _covered_by(saved, log)
    show: Show = Lines() if options["lines"] else bar
    with ExitStack() as stack:
        ahead = stack.enter_context(ReadingPool(options["processes"] - 1)) if options["processes"] > 1 else here
        terms = [
            replace(_terms(command, shard, stack, show), saved=saved if shard is covered else None, ahead=ahead)
            for shard in log.shards
        ]
        reports = verify_shards([(shard.reader, one) for shard, one in zip(log.shards, terms, strict=True)])
    audits = []
    for shard, report in zip(log.shards, reports, strict=True):
        for finding in shard.registries.wrong:
            report.findings.add(finding)
        audits.append(Audit(command, shard.name, report, shard.remarks, pins_brought=options["pins"] is not None))
        if not options["lines"]:
            show_audit(audits[-1], _console())
    if options["report"] is not None:
        write_atomic(options["report"], as_json(audits).encode())
    return worst(report.verdict for report in reports)


def _terms(command: str, shard: Source, stack: ExitStack, show: Show) -> Terms:
    """Give what a shard is held against; its progress is shown until the stack ends."""
    terms = Terms(
        pins=shard.need_pins().pins,
        policy=None if shard.policy is None else parse_policy(shard.policy),
        bundle=shard.state,
        opened=shard.opened,
        published=shard.published,
        progress=stack.enter_context(show(command, shard.reader.size)),
    )
    if command == "verify":
        return terms
    return replace(terms, judge=decide_again(decider(shard.registries)), registries=shard.registries)


def _covered_by(saved: bytes, log: Source) -> Source:
    """Give the shard that a saved checkpoint is of; the newest for what is none of this log, which is found there."""
    try:
        origin = unverified_checkpoint(saved).origin
    except Malformed:
        return log
    return next((shard for shard in log.shards if shard.reader.origin == origin), log)


@ledger.command()
@click.argument("receipt", type=_FILE)
@click.option("--pins", type=_FILE, required=True, help="federation.toml or pins.toml that you have from elsewhere.")
@click.option("--policy", type=_FILE, help="A tlog-policy whose quorum must have cosigned.")
@click.option("--entry", type=_FILE, help="The entry's bytes; default: RECEIPT with .entry for .tlog-proof.")
@click.option("--opened", type=_FILE, help="The log's shard.opened, as note or entry; default: as the pins have it.")
def prove(receipt: Path, **options: Unpack[ReceiptOptions]) -> None:
    """Prove a receipt offline: that its entry stands in the log, under a checkpoint the log signed.

    RECEIPT is a C2SP .tlog-proof; the entry's bytes lie in a file beside it.
    """
    policy = None if options["policy"] is None else parse_policy(brought(options["policy"]).decode(errors="replace"))
    opened = None if options["opened"] is None else brought(options["opened"])
    proved = prove_receipt(Parts.at(receipt, options["entry"]), brought_pins(options["pins"]), opened, policy)
    signed = proved.proven.checkpoint.checkpoint
    click.echo(f"log        {signed.origin}")
    click.echo(f"entry      {proved.proven.index} of {signed.size}: {proved.leaf.kind}")
    click.echo(f"log time   {instant(proved.leaf.entry.time)}")
    for key, at_s in proved.cosigned_at_s.items():
        click.echo(f"cosigned   {key.name} {instant(at_s * 1000)}")
    click.echo("Proven: these bytes stand in the log at this index.")


@ledger.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, allow_dash=True, path_type=Path))
@click.option("--source", required=True, help="A folder of a broker's SQLite files, an address, or another export.")
@_source_options
def write_export(folder: Path, source: str, **options: Unpack[SourceOptions]) -> None:
    """Write a log to DIR as plain C2SP tiles, with all beside them that a stranger needs to check it.

    DIR is new, empty, or an earlier export of the same log, which is continued. Of several shards the newest is written
    to DIR itself, the earlier ones to folders below it. DIR - is a .tar.gz on standard output.
    """
    with _opened(source, options) as log:
        with ExitStack() as stack:
            shards = [(shard.reader, _publication(shard, stack)) for shard in log.shards]
            place = stack.enter_context(archived(sys.stdout.buffer)) if folder == STREAM else Folder(folder)
            exported = export_shards(shards, place)
        for done in exported:
            said = f"{done.checkpoint.origin}: {done.checkpoint.size} entries, {done.written} files written"
            click.echo(said, err=folder == STREAM)
            if done.left_out:
                left = f"{done.left_out} later entries are left out: no quorum has cosigned them yet"
                click.echo(left, err=folder == STREAM)
        for remark in log.remarks:
            click.echo(f"Note: {REMARKS[remark]}", err=True)


def _publication(shard: Source, stack: ExitStack) -> Publication:
    return Publication(
        pins=shard.need_pins().pins,
        policy=shard.policy,
        bundle=shard.registries.raw_of,
        state=shard.state,
        progress=stack.enter_context(bar("export", shard.reader.size)),
    )


@ledger.command()
@click.argument("source")
@click.option("--agency", help="Signed by this agency, or concerning it.")
@click.option("--purpose", help="Such as Z16, or Z16@1 for one version.")
@click.option("--from", "from_day", metavar="YYYY-MM-DD", help="From this day on, in Berlin.")
@click.option("--to", "to_day", metavar="YYYY-MM-DD", help="Up to the end of this day, in Berlin.")
@click.option("--outcome", type=click.Choice(list(rows.OUTCOMES)), help="What came of a request.")
@click.option("--index", type=click.IntRange(0), help="This entry only.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option("--receipt", type=_FILE, metavar="FILE", help="With --index: write its receipt, FILE.tlog-proof.")
@_source_options
def show(source: str, **options: Unpack[ShowOptions]) -> None:
    """Show the entries of SOURCE, of all its shards, filtered. Nothing is verified by it."""
    if options["receipt"] is not None and options["index"] is None:
        message = "--receipt: is of one entry; give its --index"
        raise click.UsageError(message)
    with _opened(source, options) as log:
        if options["receipt"] is not None and options["index"] is not None:
            shard, index = log.at(options["index"])
            for path in write_receipt(shard.reader, index, options["receipt"]):
                click.echo(f"{path} written", err=True)
        _print_rows(_rows(log, options), options["form"])


def _rows(log: Source, options: ShowOptions) -> Iterator[Line]:
    to_day, from_day = options["to_day"], options["from_day"]
    wanted = Wanted(
        agency=options["agency"] or "",
        purpose=options["purpose"] or "",
        kind=rows.OUTCOMES.get(options["outcome"] or "", ""),
        from_ms=0 if from_day is None else berlin_ms(parse_day(from_day, "--from")),
        until_ms=None if to_day is None else end_of_day_ms(parse_day(to_day, "--to")),
    )
    return rows.Rows().of(log.entries(), wanted, options["index"])


def _print_rows(found: Iterator[Line], form: str) -> None:
    if form == "csv":
        for line in rows.as_csv(found):
            click.echo(line, nl=False)
    elif form == "json":
        click.echo(rows.as_json(found), nl=False)
    else:
        _console().print(rows.as_table(islice(found, MAX_ROWS)))
        if next(found, None) is not None:
            click.echo(f"... and more than these {MAX_ROWS}; csv and json have them all")


@contextmanager
def _opened(name: str, options: SourceOptions) -> Iterator[Source]:
    log = open_source(name, options)
    try:
        yield log
    finally:
        log.close_all()


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=PIPE_WIDTH)


@ledger.command()
@click.argument("folder", metavar="FEDDIR", type=_FOLDER)
@click.option("--next", "following", metavar="SHARD", required=True, help="The next shard's name, such as 2026-12.")
def close(folder: Path, following: str) -> None:
    """Close the open shard of a running log and open the next one, with a key of its own.

    FEDDIR is the federation's folder. Everything stays in force; while the broker goes on, agencies wait. Tell the
    operators of outside witnesses the new key. A command that was cut off is finished by repeating it.
    """
    opened = asyncio.run(shard_changes.close(FederationFolder(folder, SystemClock()), following))
    click.echo(f"{opened.log} is open, behind {opened.first} entries of the shards before it")
    click.echo(f"log key    {opened.vkey}")


@ledger.command()
@click.argument("folder", metavar="FEDDIR", type=_FOLDER)
@click.option("--next", "following", metavar="SHARD", required=True, help="The next shard's name, such as 2026-12.")
def rekey(folder: Path, following: str) -> None:
    """End the open shard whose key was lost or stolen, and have the next start of the broker open another.

    FEDDIR is the federation's folder; the broker must not run, and the old key is not needed. The shard ends at its
    last checkpoint, to which the broker has the witnesses cosign it when it starts; nothing that is signed with the old
    key beyond that counts. Everything stays in force. Tell the operators of outside witnesses the new key, and once the
    broker has gone on, that the old one is over. A command that was cut off is finished by repeating it.
    """
    ended = rekeying.rekey(FederationFolder(folder, SystemClock()), following)
    click.echo(f"{ended.log} ended with {ended.size} entries; start the broker, and it goes on as {ended.next}")
    click.echo(f"log key    {ended.vkey}")


@ledger.command()
@click.argument("folder", metavar="FEDDIR", type=_FOLDER)
@click.option("--shard", required=True, help="The closed shard's name, such as 2026-06.")
def prune(folder: Path, shard: str) -> None:
    """Let the entries of a closed shard go, five months after it was closed; the log gets an entry for it.

    FEDDIR is the federation's folder. The broker then takes the entries out of its files, but for members, keys, law,
    approvals and what is still in force. Hashes and checkpoints stay, and so every old receipt holds.
    """
    pruned = asyncio.run(shard_changes.prune(FederationFolder(folder, SystemClock()), shard))
    click.echo(f"{pruned.log}: {pruned.size} entries may go; the broker takes them out")
