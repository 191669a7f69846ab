"""`handschlag node`: set up, run and look after a node; DIR is the node's folder, with node.toml in it."""

from pathlib import Path
from typing import Final, TypedDict, Unpack

import click
from pydantic import ValidationError

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from adapters.node import main
from adapters.node.access import Role
from adapters.node.papers.officer import PAPERS
from adapters.node.settings import HttpSettings
from handschlag import node_folder
from handschlag.admission import FederationPins, read_paper
from handschlag.copying import copy_folder
from handschlag.node_client import call
from schemas.calendar import DAY_MS
from schemas.canonical import describe
from schemas.errors import LedgerInconsistent, Malformed, Unavailable

EXIT_LEDGER: Final = 3
"""The log contradicts itself: a supervisor must not simply start the node again."""

FOLDER = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


class PlanOptions(TypedDict):
    """The options of init that say what the node is made of."""

    agency: str
    kind: str
    mapping: str | None
    mldsa44: bool
    http_port: int


class ApproveOptions(TypedDict):
    """The options of approve that travel as they are."""

    purpose: str
    role: str
    fields: tuple[str, ...]
    automatic: bool
    conditions: tuple[str, ...]


@click.group()
def node() -> None:
    """Set up, run and look after a node, which connects one agency."""


@node.command()
@FOLDER
@click.option("--agency", required=True, help="The agency's id: lower-case letters, digits, hyphens.")
@click.option("--kind", required=True, help="Its kind, as the registry names it.")
@click.option("--federation", required=True, type=click.Path(dir_okay=False, path_type=Path), help="federation.toml")
@click.option("--mapping", help="The mapping file of the agency's own system, seen from DIR.")
@click.option("--http-port", type=int, default=HttpSettings().port, show_default=True, help="Port of the HTTP API.")
@click.option("--mldsa44", is_flag=True, help="Cosign by ML-DSA-44, too, which quantum computers do not break.")
def init(folder: Path, federation: Path, **plan_options: Unpack[PlanOptions]) -> None:
    """Make the folder of a new node, with its keys and the application for the steering group."""
    try:
        plan = node_folder.Plan.model_validate(plan_options)
    except ValidationError as error:
        raise Malformed(describe("node init", error)) from error
    application = node_folder.init(folder, plan, read_paper(FederationPins, federation))
    click.echo(f"give {application} to the steering group; compare the keys of {federation} with them by telephone")


@node.command()
@FOLDER
@click.argument("admission", type=click.Path(exists=True, path_type=Path))
def admit(folder: Path, admission: Path) -> None:
    """Install the ADMISSION the steering group answered with; given again, renew login and certificate."""
    paper = node_folder.admit(folder, admission)
    click.echo(f"{paper.agency} is ready to run in {paper.federation.name}")


@node.command()
@FOLDER
@click.pass_context
def run(context: click.Context, folder: Path) -> None:
    """Run the node until it is told to stop; exit code 3 when the ledger contradicts itself."""
    try:
        main.run(folder)
    except LedgerInconsistent as error:
        click.echo(f"handschlag: STOPPED, the ledger is inconsistent: {error}", err=True)
        context.exit(EXIT_LEDGER)


@node.command()
@FOLDER
@click.option("--purpose", required=True, help="The purpose with its version, Z16@1.")
@click.option("--role", required=True, help="The staff role that may use it, adviser.")
@click.option("--field", "fields", multiple=True, help="A field, once for each; all of the purpose unless given.")
@click.option("--days", type=click.IntRange(1, 365), default=365, show_default=True, help="How long it holds.")
@click.option("--automatic", is_flag=True, help="As holder of social data: certain matches are answered by machine.")
@click.option("--condition", "conditions", multiple=True, help="What each request must declare; single_case_release.")
def approve(folder: Path, days: int, **wish: Unpack[ApproveOptions]) -> None:
    """Approve a kind of access, as the data protection officer, through the running node."""
    until_ms = SystemClock().now_ms() + days * DAY_MS
    body = {**wish, "valid_until_ms": until_ms}
    click.echo(call(folder, Role.DPO, "POST", "/v1/approvals", body).json()["approval"])


@node.command()
@FOLDER
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
def papers(folder: Path, target: Path) -> None:
    """Write the papers for data protection into TARGET, from the running node: PDF, and Markdown to work on."""
    target.mkdir(parents=True, exist_ok=True)
    for name in PAPERS:
        for form in ("pdf", "md"):
            place = target / f"{name}.{form}"
            write_atomic(place, call(folder, Role.DPO, "GET", f"/v1/papers/{name}?form={form}").content)
            click.echo(place)


@node.command("consent-record")
@FOLDER
@click.argument("consent")
def consent_record(folder: Path, consent: str) -> None:
    """Print the record of CONSENT, which this agency collected, by ISO/IEC TS 27560 (JSON-LD), of the running node."""
    click.echo(call(folder, Role.DPO, "GET", f"/v1/consents/{consent}/record").text)


@node.command("copy")
@FOLDER
@click.argument("target", type=click.Path(path_type=Path))
def copy_(folder: Path, target: Path) -> None:
    """Copy DIR with its memory and keys to TARGET while the node runs: a backup, to be kept as safe as DIR itself.

    A node that starts from it learns from the log how far it had come. It holds personal data: a backup falls under the
    same periods as the agency's own.
    """
    click.echo(f"{copy_folder(folder, target)} files copied to {target}")


@node.command()
@FOLDER
def status(folder: Path) -> None:
    """Say whether the node is ready, and how many requests are in which state."""
    try:
        metrics = call(folder, Role.OPERATOR, "GET", "/metrics").text
    except Unavailable as error:
        click.echo(f"not ready: {error}")
        raise
    click.echo("ready")
    for line in metrics.splitlines():
        if not line.startswith("#"):
            click.echo(line.removeprefix("handschlag_node_"))
