"""A log written out as plain C2SP tlog-tiles files, with all that a stranger needs beside them to check it.

    checkpoint, tile/<L>/<N>, tile/entries/<N>     C2SP tlog-tiles, full and partial, as of one checkpoint
    log.vkey, witnesses.txt, policy.txt            the log's key, the members' witness keys, a C2SP tlog-policy
    registry/<sha256>.json                         each registry bundle that was ever in force
    state/<sha256>.state                           what a later shard starts from
    shards.txt, shards/<shard>/                    the earlier shards, oldest first, each a log of its own
    pins.toml                                      the federation's name and steering keys: its own word, to be compared

Each file is written beside its place and renamed, the checkpoint last. What is there already with the same content
stays, so an export that was interrupted, or has grown old, is continued by doing it again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

from consent_ledger.core.checkpoint import Checkpoint, unverified_checkpoint
from consent_ledger.core.leaf import Leaf, read_leaf
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.pins_file import majority_policy, witness_lines, write_pins
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.quorum import cosigned, members_witnesses
from consent_ledger.core.signed import Pins, verify_signers
from consent_ledger.core.state import LedgerState
from consent_ledger.core.succession import begin
from consent_ledger.core.tiles import TILE_WIDTH, bundles_of, encode_bundle, tile_path, tiles_of
from consent_ledger.core.verify import LOG_VKEY, WITNESSES
from consent_ledger.ports import LogReader
from consent_ledger.shards import bundle_name
from consent_ledger.tiles import CHECKPOINT, read_file
from schemas import statements as st
from schemas.commitment import sha256
from schemas.errors import HandschlagError, Incomplete, LedgerInconsistent, Misuse, Pruned, Unavailable
from schemas.ids import Hash, LogId
from schemas.note import VerifierKey, parse_vkey, split_note

POLICY: Final = "policy.txt"
PINS: Final = "pins.toml"
SHARDS: Final = "shards"
SHARD_LIST: Final = "shards.txt"

_LOOK_BACK: Final = 32_768
"""How many sizes before the last are looked through for a checkpoint that the quorum has cosigned."""
_PART: Final = ".part"
_STEERING: Final = tuple(
    f"handschlag/entry/{kind}/".encode() for kind, shape in st.STATEMENTS.items() if issubclass(shape, st.Steered)
)
"""How the bytes of the steering group's entries begin."""


@dataclass(frozen=True)
class Publication:
    """What is published beside the tiles.

    `policy` is the text of a tlog-policy, None for one that asks for more than half of the members' witnesses;
    `bundle` gives a registry bundle and `state` what a shard starts from, None when it is not at hand; `progress` is
    told how many entries are written; `earlier` are the notes that opened the shards before, for receipts of theirs.
    """

    pins: Pins
    policy: str | None = None
    bundle: Callable[[Hash], bytes | None] = lambda _: None
    state: Callable[[Hash], bytes | None] = lambda _: None
    progress: Callable[[int], None] = lambda _: None
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """What an export came to: its checkpoint, how many later entries it leaves out, how many files are new."""

    checkpoint: Checkpoint
    left_out: int
    written: int


class Place(Protocol):
    """Where an export's files go; `written` counts those that are new."""

    written: int

    def below(self, path: str) -> Self:
        """Give a place below this one."""
        ...

    def claim(self, reader: LogReader, checkpoint: Checkpoint, log_key: VerifierKey) -> None:
        """Mark the place as this log's; raises Misuse or LedgerInconsistent when it holds anything else."""
        ...

    def put(self, path: str, content: bytes) -> None:
        """Have a file there with this content; raises Unavailable when it cannot be written."""
        ...


def export_shards(shards: Sequence[tuple[LogReader, Publication]], place: Place) -> list[Exported]:
    """Write the shards of a log, the oldest first: the last one to a place, the others below it; as `export`."""
    *earlier, (reader, publication) = shards
    openings = tuple(chain.from_iterable(_opening(one) for one, _ in reversed(earlier)))
    done = [export(reader, replace(publication, earlier=openings), place)]
    names = [reader.origin.rpartition("/")[2] for reader, _ in earlier]
    done += [export(*one, place.below(f"{SHARDS}/{name}")) for one, name in zip(earlier, names, strict=True)]
    if names:
        place.put(SHARD_LIST, "".join(f"{name}\n" for name in names).encode())
    return done


def _opening(reader: LogReader) -> Iterator[str]:
    """Give the note that opened a shard, nothing where its entry is not at hand."""
    with suppress(HandschlagError):  # whatever is the matter with it is told when that shard is exported
        yield read_leaf(reader.entry(0)).entry.statement


def export(reader: LogReader, publication: Publication, place: Place) -> Exported:
    """Write a log to a place; a folder must be new, empty, or an earlier export of the same log.

    It ends at the newest checkpoint that the policy's quorum has cosigned, or, if none of the latest has been, at the
    newest. Raises Misuse for a foreign folder, Incomplete when the log or a registry bundle is not there in full,
    NotAuthentic when the pins are not those of this log, LedgerInconsistent when the log contradicts itself or the
    earlier export, Unavailable when a file cannot be written.
    """
    note, steering = _newest_cosigned(reader, publication)
    checkpoint = unverified_checkpoint(note)
    if reader.root(checkpoint.size) != checkpoint.root:
        message = f"{reader.origin}: the tiles do not hash to the checkpoint's root; verify the log before exporting it"
        raise LedgerInconsistent(message)
    before = place.written
    place.claim(reader, checkpoint, steering.log_key)
    for path, content in _side_files(steering, publication):
        place.put(path, content)
    for path, content in _tiles(reader, checkpoint.size, publication.progress):
        place.put(path, content)
    place.put(CHECKPOINT, note)
    return Exported(checkpoint, reader.size - checkpoint.size, place.written - before)


class _Steering(NamedTuple):
    """What the steering group said up to some size: the state folded from it, with the notes that stay of use."""

    log_key: VerifierKey
    opened: str
    state: Hash | None
    registries: tuple[Hash, ...]
    witnesses: tuple[VerifierKey, ...]


def _newest_cosigned(reader: LogReader, publication: Publication) -> tuple[bytes, _Steering]:
    """Give the newest checkpoint note with a quorum, else the newest, and what the steering group said up to it."""
    last = reader.last_checkpoint()
    size = 0 if last is None else unverified_checkpoint(last).size
    if last is None or not size:
        message = f"{reader.origin}: the log is empty; there is nothing to export yet"
        raise Incomplete(message)
    leaves = _steering_leaves(reader, size, publication.pins)
    steering = _steering(reader.origin, [leaf for _, leaf in leaves], publication)
    policy = parse_policy(_policy(steering, publication))
    known = (*steering.witnesses, *policy.witnesses.values())
    for earlier in range(size, max(size - _LOOK_BACK, 0), -1):
        note = last if earlier == size else reader.checkpoint(earlier)
        if note is not None and policy.satisfied(cosigned(note, known, lambda _: None)):
            return note, _steering(reader.origin, [leaf for index, leaf in leaves if index < earlier], publication)
    return last, steering


def _steering_leaves(reader: LogReader, size: int, pins: Pins) -> list[tuple[int, Leaf]]:
    """Give index and leaf of each steering entry, its signatures verified."""
    found = []
    for index, raw in reader.kept(0, size):
        if raw.startswith(_STEERING):
            leaf = read_leaf(raw)
            verify_signers(split_note(leaf.entry.statement.encode()), leaf.statement, {}, pins)
            found.append((index, leaf))
    return found


def _steering(origin: str, leaves: Sequence[Leaf], publication: Publication) -> _Steering:
    opening = leaves[0].statement if leaves else None
    if not isinstance(opening, st.Opening):
        message = f"{origin}: the log does not begin with shard.opened or log.key"
        raise LedgerInconsistent(message)
    state = LedgerState(LogId(origin)) if opening.state is None else begin(_bundle(opening.state, publication))
    registries = [] if state.registry is None else [state.registry]
    for leaf in leaves:
        state.apply(leaf.raw, leaf.entry, leaf.statement)
    registries += [leaf.statement.registry for leaf in leaves if isinstance(leaf.statement, st.RegistrySet)]
    return _Steering(
        log_key=parse_vkey(opening.log_vkey),
        opened=leaves[0].entry.statement,
        state=opening.state,
        registries=tuple(dict.fromkeys(registries)),
        witnesses=members_witnesses(state),
    )


def _bundle(name: Hash, publication: Publication) -> bytes:
    bundle = publication.state(name)
    if bundle is None or sha256(bundle) != name:
        message = f"{bundle_name(name)}: the state that this shard starts from is not at hand"
        raise Incomplete(message)
    return bundle


def _policy(steering: _Steering, publication: Publication) -> str:
    return publication.policy or majority_policy(steering.log_key, steering.witnesses)


def _side_files(steering: _Steering, publication: Publication) -> Iterator[tuple[str, bytes]]:
    """Give path and content of all that lies beside the tiles."""
    yield WITNESSES, witness_lines(steering.witnesses).encode()
    yield POLICY, _policy(steering, publication).encode()
    yield PINS, write_pins(publication.pins, (steering.opened, *publication.earlier)).encode()
    if steering.state is not None:
        yield bundle_name(steering.state), _bundle(steering.state, publication)
    for name in steering.registries:
        bundle = publication.bundle(name)
        if bundle is None:
            message = f"registry/{name}.json: this bundle was in force and is not at hand"
            raise Incomplete(message)
        yield f"registry/{name}.json", bundle


def _tiles(reader: LogReader, size: int, progress: Callable[[int], None]) -> Iterator[tuple[str, bytes]]:
    """Give path and content of each bundle and tile of the tree of this size."""
    for tile in bundles_of(size):
        first = tile.n * TILE_WIDTH
        with suppress(Pruned):  # what the log keeps of a pruned shard is its tree
            yield tile_path(tile), encode_bundle([raw for _, raw in reader.entries(first, first + tile.width)])
        progress(first + tile.width)
    for tile in tiles_of(size):
        yield tile_path(tile), reader.tile(tile.level or 0, tile.n)[: tile.width * HASH_BYTES]


class Folder:
    """The files of one export in a folder; an earlier export of the same log is continued."""

    def __init__(self, folder: Path) -> None:
        """Name the folder, which need not be there yet."""
        self._folder = folder
        self.written = 0

    def below(self, path: str) -> Self:
        """Give a folder below this one."""
        return type(self)(self._folder / path)

    def claim(self, reader: LogReader, checkpoint: Checkpoint, log_key: VerifierKey) -> None:
        """Make sure that the folder is new, empty, or an earlier export of this log, and mark it as this log's."""
        mark = f"{log_key.vkey}\n".encode()
        if _holds_something(self._folder) and read_file(self._folder / LOG_VKEY) != mark:
            message = f"{self._folder}: is not empty, and no earlier export of {reader.origin}; choose another folder"
            raise Misuse(message)
        note = read_file(self._folder / CHECKPOINT)
        if note is not None:
            self._compare(reader, checkpoint, unverified_checkpoint(note))
        self.put(LOG_VKEY, mark)

    def _compare(self, reader: LogReader, checkpoint: Checkpoint, earlier: Checkpoint) -> None:
        if earlier.size > checkpoint.size:
            message = f"{self._folder}: holds {earlier.size} entries already, and this log has {checkpoint.size}"
            raise LedgerInconsistent(message)
        if reader.root(earlier.size) != earlier.root:
            message = f"{self._folder}: holds another history of {reader.origin}; keep both and have them compared"
            raise LedgerInconsistent(message)

    def put(self, path: str, content: bytes) -> None:
        """Put a file in place in one step, unless it is there already."""
        target = self._folder / path
        if read_file(target) == content:
            return
        part = target.with_name(f".{target.name}{_PART}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(target)
        except OSError as error:
            message = f"{target}: cannot be written ({error.strerror})"
            raise Unavailable(message) from error
        self.written += 1


def _holds_something(folder: Path) -> bool:
    """Tell whether a folder holds more than what an interrupted export left; False when it does not exist."""
    try:
        return folder.exists() and any(not path.name.endswith(_PART) for path in folder.iterdir())
    except OSError as error:
        message = f"{folder}: cannot be read as a folder ({error.strerror})"
        raise Unavailable(message) from error
