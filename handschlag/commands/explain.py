"""`handschlag explain`: why something was decided so, or would be, in German and English. Exit code 0 yes, 1 no."""

from itertools import takewhile
from pathlib import Path
from typing import Final, TypedDict, Unpack, get_args

import click
from pydantic import ValidationError
from pydantic_core import to_json

from adapters.infra.clock import SystemClock
from adapters.node.explaining import sentences
from handschlag import explained
from handschlag.ledger_source import SourceOptions, open_source
from handschlag.registry_folder import read_bundle, shipped_bundle
from handschlag.what_if import ApprovalState, BasisState, Supposed, suppose
from schemas import registry as law
from schemas import statements as st
from schemas.calendar import berlin_ms, parse_day
from schemas.canonical import describe
from schemas.errors import Malformed, Misuse
from schemas.explain import Said
from schemas.explain import explain as say

_NOON: Final = 12
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_FORM: Final = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


class EntryOptions(TypedDict):
    """The options of `entry`."""

    index: int | None
    exchange: str | None
    registry: Path | None
    token_file: Path | None
    origin: str | None
    form: str


class QuestionOptions(TypedDict):
    """The options of `question`; a field list that is empty was not given."""

    requester: str
    holder: str
    purpose: str
    basis: str
    fields: tuple[str, ...]
    declared: tuple[str, ...]
    collector: str | None
    basis_state: str
    covered: tuple[str, ...]
    secrecy_release: bool
    approval: str
    approved: tuple[str, ...]
    conditions: tuple[str, ...]
    ceiling: int
    held: tuple[str, ...]


@click.group()
def explain() -> None:
    """Say why an exchange was permitted, cut or refused, or whether one would be; exit code 0 yes, 1 no."""


@explain.command()
@click.argument("source")
@click.option("--index", type=click.IntRange(0), help="The entry at this index.")
@click.option("--exchange", help="All that was decided about this exchange.")
@click.option("--registry", type=_FOLDER, help="A folder of registry bundles; default: those beside the log.")
@click.option("--token-file", type=_FILE, help="Holds the token for an address (mode 0600).")
@click.option("--origin", help="Which log, where a folder of SQLite files has several.")
@_FORM
@click.pass_context
def entry(ctx: click.Context, source: str, **options: Unpack[EntryOptions]) -> None:
    """Explain what SOURCE, a log's folder, file or address, decided. Nothing is verified by it."""
    index, exchange = options["index"], options["exchange"]
    if (index is None) == (exchange is None):
        message = "name either --index or --exchange"
        raise click.UsageError(message)

    def wanted(at: int, statement: st.Statement) -> bool:
        """Tell whether an entry was asked for."""
        return at == index or (exchange is not None and getattr(statement, "exchange", None) == exchange)

    brought: SourceOptions = {
        "pins": None,
        "policy": None,
        "registry": options["registry"],
        "token_file": options["token_file"],
        "origin": options["origin"],
    }
    log = open_source(source, brought)
    try:
        before = takewhile(lambda one: index is None or one[0] <= index, log.entries())
        found = list(explained.entries(before, wanted, log.registries, sentences()))
    finally:
        log.close_all()
    if not found:
        message = f"{source}: no decision about an exchange stands there"
        raise Misuse(message)
    for one in found:
        _tell(f"{one.at} {one.kind}", one.said, options["form"])
    ctx.exit(0 if explained.permitted(found[-1].said) else 1)


@explain.command()
@click.option("--requester", required=True, help="The kind of agency that asks, as the registry names it.")
@click.option("--holder", required=True, help="The kind of agency that is asked.")
@click.option("--purpose", required=True, help="The purpose with its version, Z16@1.")
@click.option("--basis", required=True, type=click.Choice(get_args(law.BasisKind)), help="What the request rests on.")
@click.option("--field", "fields", multiple=True, help="A field asked for, once for each; else all of the purpose.")
@click.option("--declare", "declared", multiple=True, help="A condition that is declared, once for each.")
@click.option("--collector", help="The kind of agency that took consent or request; default: the one that is asked.")
@click.option("--basis-state", type=click.Choice(get_args(BasisState)), default="given", show_default=True)
@click.option("--covers", "covered", multiple=True, help="A field the consent covers; else all that is asked.")
@click.option("--secrecy-release", is_flag=True, help="The consent releases the holder from secrecy.")
@click.option("--approval", type=click.Choice(get_args(ApprovalState)), default="given", show_default=True)
@click.option("--approved", multiple=True, help="A field the officer approved; else all of the purpose.")
@click.option("--condition", "conditions", multiple=True, help="What the officer's approval demands to be declared.")
@click.option("--ceiling", type=click.IntRange(0, 3), default=2, show_default=True, help="The approval's sensitivity.")
@click.option("--held", multiple=True, help="A field the holder keeps; else all.")
@click.option("--on", "day", metavar="YYYY-MM-DD", help="The day it is asked, at noon; default: now.")
@click.option("--registry", "folder", type=_FOLDER, help="A folder of registry files; default: those shipped.")
@_FORM
@click.pass_context
def question(
    ctx: click.Context, day: str | None, folder: Path | None, form: str, **options: Unpack[QuestionOptions]
) -> None:
    """Explain what would be decided. What is not said is supposed to be in order."""
    found = law.load(shipped_bundle() if folder is None else read_bundle(folder))
    at_ms = SystemClock().now_ms() if day is None else berlin_ms(parse_day(day, "--on"), _NOON)
    try:
        supposed = Supposed.model_validate(
            {**{name: one for name, one in options.items() if one != ()}, "at_ms": at_ms}
        )
    except ValidationError as error:
        raise Malformed(describe("question", error)) from error
    told, matter = suppose(supposed, found)
    said = say(told, matter, sentences())
    permitted = explained.permitted(said)
    label = "" if matter.rule is None else f" {matter.rule.row.label.en}"
    _tell(f"{'permitted' if permitted else 'refused'}: {matter.purpose}{label}", said, form)
    ctx.exit(0 if permitted else 1)


def _tell(head: str, said: tuple[Said, ...], form: str) -> None:
    if form == "json":
        click.echo(to_json(said).decode())
        return
    click.echo(head)
    for line in explained.lines(said):
        click.echo(line)
