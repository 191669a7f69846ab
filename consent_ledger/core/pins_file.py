"""The file of pins: what an auditor is told beforehand, over another way than the log, and takes from nobody.

A `federation.toml` is such a file. The copy that lies in an export is the export's own word.
"""

from typing import Annotated

from pydantic import Field

from consent_ledger.core.signed import Pins
from schemas import toml_files
from schemas.errors import Malformed
from schemas.ids import FederationName, LogId
from schemas.note import VerifierKey, parse_vkey
from schemas.statements import Vkey
from schemas.wire import Wire

_COMMENT = """What to know of this federation before believing anything of its log: its name and its steering keys.
This copy came with the log. Compare it with one that came another way, best by telephone."""


class PinsFile(Wire):
    """A file of pins.

    `steering` are the vkeys of two or more steering keys. `opened` holds `shard.opened` notes, which those keys signed
    and by which a receipt can be checked without a log. A `federation.toml` also says where the federation began
    (`log`) and how nodes reach it (`nats`, `steering_account`), which an audit does not ask.
    """

    name: FederationName
    steering: Annotated[tuple[Vkey, ...], Field(min_length=2, max_length=20)]
    opened: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    log: LogId | None = None
    nats: Annotated[str, Field(max_length=300)] | None = None
    steering_account: Annotated[str, Field(max_length=60)] | None = None

    @property
    def pins(self) -> Pins:
        """The federation and its steering keys."""
        return Pins(self.name, tuple(map(parse_vkey, self.steering)))


def parse_pins(text: str, file: str) -> PinsFile:
    """Read a file of pins; Malformed names file, line, key and rule."""
    found = toml_files.parse(PinsFile, text, file)
    try:
        keys = found.pins.steering
    except Malformed as error:
        message = f"{file}: steering: {error}"
        raise Malformed(message) from error
    if len({key.public for key in keys}) < len(keys):
        message = f"{file}: steering: the same key stands there twice"
        raise Malformed(message)
    return found


def write_pins(pins: Pins, opened: tuple[str, ...]) -> str:
    """Write a file of pins."""
    steering = tuple(key.vkey for key in pins.steering)
    return toml_files.write(PinsFile(name=pins.federation, steering=steering, opened=opened), comment=_COMMENT)


def witness_lines(witnesses: tuple[VerifierKey, ...]) -> str:
    """Write the vkeys of witnesses, one a line."""
    return "".join(f"{key.vkey}\n" for key in witnesses)


def majority_policy(log: VerifierKey, witnesses: tuple[VerifierKey, ...]) -> str:
    """Write a C2SP policy by which more than half of these agencies must have cosigned; without any, none.

    Of an agency with several keys one stands there, so that nobody counts twice; Ed25519's, which every tool reads.
    """
    one_each = {key.name.rpartition("/")[0]: key for key in sorted(witnesses, key=lambda key: key.type, reverse=True)}
    names = sorted(key.name for key in one_each.values())
    lines = [f"log {log.vkey}"]
    lines += [f"witness {key.name} {key.vkey}" for key in witnesses if key in one_each.values()]
    if names:
        lines.append(f"group members {len(names) // 2 + 1} {' '.join(names)}")
    lines.append(f"quorum {'members' if names else 'none'}")
    return "".join(f"{line}\n" for line in lines)
