"""`handschlag demo`: the main job, played in a whole town on this machine."""

from pathlib import Path

import click

from handschlag.demo.patience import pause
from handschlag.demo.stage import ROLES, Stage, nats_server, raised
from handschlag.demo.story import Story
from handschlag.demo.telling import Teller
from schemas.errors import Unavailable

LOOK_S = 0.5


@click.command()
@click.option("--keep", is_flag=True, help="Leave everything running afterwards and print the addresses.")
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("build/demo"), show_default=True,
    help="Made anew each time.",
)  # fmt: skip
def demo(folder: Path, *, keep: bool) -> None:
    """Start NATS, a broker and four nodes, tell the story, and end all of it."""
    tell = Teller()
    tell.chapter("The stage")
    with raised(folder, nats_server(), tell) as stage:
        story = Story(stage, tell)
        story.play()
        if keep:
            story.leave_work()
            _show_addresses(stage, tell)
            _show_receipt(stage, story, tell)
            lines = [f"{_pages(stage.broker_address)}/audit", f"token {stage.auditor}"]
            tell.box("an auditor: open the address and type the token", lines)
            _wait(stage)


def _show_addresses(stage: Stage, tell: Teller) -> None:
    tell.chapter("Everything goes on running; Ctrl-C ends it")
    tell.table(
        ("what", "address"),
        [("broker", stage.broker_address), *((o.name, _pages(o.address)) for o in stage.offices.values())],
    )
    tell("Pages: open a node's address with localhost in it and choose a made-up member of staff; no password")
    for office in stage.offices.values():
        tell.box(f"{office.agency}: tokens for two hours", [f"{role}: {office.tokens[role]}" for role in ROLES])


def _show_receipt(stage: Stage, story: Story, tell: Teller) -> None:
    """Print what stands on a client's receipt: the address of the QR code, and the code that ends the consent."""
    if story.receipt is not None:
        lines = [
            f"{_pages(stage.broker_address)}/c/{story.receipt['view_code']}",
            f"withdrawal code {story.receipt['withdraw_code']}",
        ]
        tell.box("a client's receipt: open the address as on a phone, and stop it there", lines)


def _pages(address: str) -> str:
    """Give an address by the name under which browsers keep a login on plain HTTP: that of this very machine."""
    return address.replace("127.0.0.1", "localhost")


def _wait(stage: Stage) -> None:
    """Wait for Ctrl-C; Unavailable when a process ends by itself."""
    try:
        while (ended := stage.processes.first_ended()) is None:
            pause(LOOK_S)
    except KeyboardInterrupt:
        return
    message = f"{ended}: ended by itself; see {stage.folder / 'logs' / ended}.log"
    raise Unavailable(message)
