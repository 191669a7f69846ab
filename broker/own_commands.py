"""The commands of this program that a broker has other processes run over its own folder: snapshot, replay, export.

They are what an auditor types, too. They open the ledger's files for reading alone, and know no key of the broker's.
"""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from broker.elsewhere import done_elsewhere, pieces_from_elsewhere
from consent_ledger.core.pins_file import write_pins
from consent_ledger.core.signed import Pins
from schemas.errors import Unavailable


@dataclass(frozen=True)
class OwnCommands:
    """`program` is what starts this program; `policy` the file of the witness policy, None without one."""

    program: Sequence[str]
    folder: Path
    ledger: Path
    registry: Path
    policy: Path | None
    pins: Pins

    async def snapshot(self) -> None:
        """Have a snapshot of the ledger taken; Unavailable when none was."""
        await done_elsewhere((*self.program, "broker", "snapshot", str(self.folder)))

    async def replay(self, said: Callable[[str], None]) -> bytes:
        """Replay the log; give the report as JSON, whatever it found. Unavailable when there is none."""
        with self._terms() as (place, terms):
            report = place / "report.json"
            try:
                await done_elsewhere(
                    (*self.program, "ledger", "replay", str(self.ledger), "--lines", "--json", str(report), *terms),
                    said,
                )
            except Unavailable:  # its exit code is its verdict
                if not report.is_file():
                    raise
            return report.read_bytes()

    async def export(self) -> AsyncGenerator[bytes]:
        """Give the log as a .tar.gz of C2SP tiles, piece by piece; Unavailable when it breaks off."""
        with self._terms() as (_, terms):
            command = (*self.program, "ledger", "export", "-", "--source", str(self.ledger), *terms)
            async with aclosing(pieces_from_elsewhere(command)) as pieces:
                async for piece in pieces:
                    yield piece

    @contextmanager
    def _terms(self) -> Iterator[tuple[Path, list[str]]]:
        """Give a folder for the length of a command, and what it is to hold the log against: our pins, our policy."""
        with TemporaryDirectory(prefix="handschlag-") as name:
            place = Path(name)
            (place / "pins.toml").write_text(write_pins(self.pins, ()), "utf-8")
            policy = [] if self.policy is None else ["--policy", str(self.policy)]
            yield place, ["--pins", str(place / "pins.toml"), "--registry", str(self.registry), *policy]
