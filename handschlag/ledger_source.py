"""Where an auditor's command reads a log from: an export's folder, an http(s) address, or a broker's SQLite folder.

None of it needs a key, NATS or a running broker. What lies beside the log (policy, pins, registry) is taken from there
unless the auditor brings their own; what is taken from there is the log's own word, and `remarks` say so.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict

from adapters.infra.files import read_private
from consent_ledger.core.findings import Finding, Verdict
from consent_ledger.core.leaf import read_leaf
from consent_ledger.core.pins_file import PinsFile, parse_pins
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.state_bundle import load_state
from consent_ledger.core.verify import LOG_VKEY, WITNESSES
from consent_ledger.core.verify_shards import is_pruned
from consent_ledger.export import PINS, POLICY, SHARD_LIST, SHARDS
from consent_ledger.ports import LogReader
from consent_ledger.shards import STATES, bundle_name, follow_each_other, shards_in
from consent_ledger.sqlite_files import LOCK_FILE, shard_path
from consent_ledger.store import ShardReader
from consent_ledger.tiles import DirectoryLog, Fetch, TiledLog, UrlLog, read_file
from schemas import registry as law
from schemas.commitment import sha256
from schemas.errors import HandschlagError, Malformed, Misuse
from schemas.ids import Hash
from schemas.steering_statements import Opening

_FEDERATION: Final = "federation.toml"
_FOR_ALL: Final = ("registry/", f"{STATES}/", PINS)
_SHARD: Final = re.compile(r"[a-z0-9.-]*[a-z0-9][a-z0-9.-]*")
"""The last part of an origin, by which a shard's folder is named."""


REMARKS: Final[Mapping[str, str]] = {
    "own_pins": (
        "The pins are the log's own word: whoever forged the log forged them, too. Give --pins with a file you have "
        "from elsewhere, such as the federation's federation.toml."
    ),
    "own_policy": "The witness policy is the log's own word; give --policy with one you have from elsewhere.",
    "no_policy": "No witness policy: cosignatures are verified, but how many there must be is not asked.",
}
"""What must be said about the terms of an audit, by the code that a report for programs has, too."""


class SourceOptions(TypedDict):
    """The options by which an auditor brings their own: pins, policy, registry; and a token, or the shard's origin."""

    pins: Path | None
    policy: Path | None
    registry: Path | None
    token_file: Path | None
    origin: str | None


class Registries(Mapping[Hash, law.Registry]):
    """Registry bundles fetched by hash when they are asked for; one with another hash is not there, and is wrong."""

    def __init__(self, fetch: Callable[[str], bytes | None]) -> None:
        """Take what gives the content of a file by its name, None when there is none."""
        self._fetch = fetch
        self._ready: dict[Hash, law.Registry | None] = {}
        self.raw: dict[Hash, bytes] = {}
        self.wrong: list[Finding] = []

    def __getitem__(self, name: Hash) -> law.Registry:
        """Give a bundle, ready for deciding; KeyError when it is not there."""
        if name not in self._ready:
            self._ready[name] = self._load(name)
        found = self._ready[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[Hash]:
        """Give the hashes that were asked for and found."""
        return (name for name, found in self._ready.items() if found is not None)

    def __len__(self) -> int:
        """Count the bundles that were asked for and found."""
        return sum(1 for _ in self)

    def _load(self, name: Hash) -> law.Registry | None:
        path = f"{name}.json"
        raw = self._fetch(path)
        if raw is None:
            return None
        if sha256(raw) != name:
            finding = Finding(Verdict.TAMPERED, "registry", f"a bundle with the hash {name}", sha256(raw), None, path)
            self.wrong.append(finding)
            return None
        try:
            registry = law.load(raw)
        except Malformed as error:
            self.wrong.append(Finding(Verdict.TAMPERED, "registry", "a registry bundle", str(error), None, path))
            return None
        self.raw[name] = raw
        return registry

    def raw_of(self, name: Hash) -> bytes | None:
        """Give the bytes of a bundle, None when it is not there."""
        return self.raw.get(name) if self.get(name) is not None else None


@dataclass
class Source:
    """A log that is open, and what lies beside it. `published` has the texts of those files of it that name keys.

    `opened` are the `shard.opened` notes there; `state` gives the bundle that the shard starts from; `earlier` are the
    shards before it, the oldest first. `remarks` are codes of `REMARKS`.
    """

    name: str
    reader: LogReader
    close: Callable[[], None]
    registries: Registries
    pins: PinsFile | None
    policy: str | None
    published: Mapping[str, str]
    opened: Sequence[str] = ()
    state: Callable[[Hash], bytes | None] = lambda _: None
    remarks: list[str] = field(default_factory=list)
    earlier: list["Source"] = field(default_factory=list)

    @property
    def shards(self) -> list["Source"]:
        """Those of the earlier shards that are at hand, the oldest first, and this one."""
        return [*self.earlier, self]

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries of all shards in order, counted over all of them.

        Those of a shard that was pruned are passed over.
        """
        for shard, first, size in self._counted():
            if not is_pruned(shard.reader, newest=shard is self):
                yield from ((first + index, raw) for index, raw in shard.reader.entries(0, size))

    def at(self, index: int) -> tuple["Source", int]:
        """Give the shard that has the entry of an index, and the entry's own index there; Misuse where none has it."""
        end = 0
        for shard, first, size in self._counted():
            end = first + size
            if first <= index < end:
                return shard, index - first
        message = f"entry {index}: the log has {end}, or begins behind it here"
        raise Misuse(message)

    def _counted(self) -> Iterator[tuple["Source", int, int]]:
        """Give each shard, the oldest first, with the index of its entry 0 over all shards, and how many entries count.

        A shard whose key was lost may hold more than the next one began with.
        """
        firsts, end = list[int](), 0
        for shard in self.shards:
            firsts.append(_counted_from(shard, end))
            end = firsts[-1] + shard.reader.size
        for shard, first, stop in zip(self.shards, firsts, [*firsts[1:], end], strict=True):
            yield shard, first, max(0, min(shard.reader.size, stop - first))

    def close_all(self) -> None:
        """Close this shard and the earlier ones."""
        for shard in self.shards:
            shard.close()

    def need_pins(self) -> PinsFile:
        """Give the pins; Misuse where there are none."""
        if self.pins is None:
            message = f"{self.name}: no pins lie beside it; give --pins with the federation's federation.toml"
            raise Misuse(message)
        return self.pins


def _counted_from(shard: Source, before: int) -> int:
    """Give the index of a shard's entry 0 by what it starts from; `before` where that is nothing, or not at hand."""
    try:
        opened = read_leaf(shard.reader.entry(0)).statement
        bundle = shard.state(opened.state) if isinstance(opened, Opening) and opened.state is not None else None
        return before if bundle is None else load_state(bundle).first
    except HandschlagError:
        return before


def open_source(name: str, options: SourceOptions) -> Source:
    """Open a log.

    Raises Malformed when there is no log, Incomplete when it lacks its checkpoint, Misuse when an option does not fit,
    Unavailable when it cannot be read.
    """
    if name.startswith(("http://", "https://")):
        token = "" if options["token_file"] is None else read_private(options["token_file"]).decode().strip()
        return _with_earlier(name, lambda place: UrlLog(place, token), options)
    path = Path(name)
    if path.suffix == ".db" or (path / LOCK_FILE).is_file():
        return _shard(path, options)
    if path.is_file():
        message = f"{name}: is no log, but a file of another kind"
        raise Malformed(message)
    if not path.is_dir():
        message = f"{name}: there is no such file or folder"
        raise Malformed(message)
    return _with_earlier(name, lambda place: DirectoryLog(Path(place)), options)


def _with_earlier(name: str, open_log: Callable[[str], TiledLog], options: SourceOptions) -> Source:
    """Open a log of tiles, and the earlier shards that lie below it; what is beside it is beside them, too."""
    log = open_log(name)
    newest = _finish(name, log, log.close, log.file, options)
    try:
        for shard in _listed(_text(log.file(SHARD_LIST)) or "", name):
            place = f"{name.rstrip('/')}/{SHARDS}/{shard}"
            earlier = open_log(place)
            newest.earlier.append(_finish(place, earlier, earlier.close, _first_of(earlier.file, log.file), options))
    except BaseException:
        newest.close_all()
        raise
    return newest


def _listed(unverified: str, name: str) -> list[str]:
    """Read the list of earlier shards; Malformed when a line could lead out of their folder."""
    shards = unverified.splitlines()
    wrong = next((shard for shard in shards if _SHARD.fullmatch(shard) is None), None)
    if wrong is not None:
        message = f"{name}/{SHARD_LIST}: {wrong[:40]!r} is no name of a shard"
        raise Malformed(message)
    return shards


def _first_of(own: Fetch, of_newest: Fetch) -> Fetch:
    """Look for a file beside a shard, and for what is the same for all shards beside the newest one, too."""

    def fetch(path: str) -> bytes | None:
        """Give the file's content."""
        found = own(path)
        return of_newest(path) if found is None and path.startswith(_FOR_ALL) else found

    return fetch


def _shard(path: Path, options: SourceOptions) -> Source:
    """Open a broker's SQLite shards: of a folder with its lock file, or one by its own file or origin."""
    folder = path.parent if path.suffix == ".db" else path
    origins = [origin for origin in shards_in(folder) if options["origin"] in {None, origin}]
    if folder != path:
        origins = [origin for origin in origins if shard_path(folder, origin) == path]
    if not origins or not follow_each_other(folder, origins):
        message = f"{path}: choose one of its logs with --origin: {', '.join(origins) or 'none that fits'}"
        raise Misuse(message)

    def beside(file: str) -> bytes | None:
        """Read what belongs to a federation's folder, of which the ledger is `broker/ledger`."""
        if file.startswith(f"{STATES}/"):
            return read_file(folder / file)
        return read_file(folder.parent.parent / _FEDERATION if file == PINS else folder.parent / file)

    sources: list[Source] = []
    try:
        for origin in origins:
            reader = ShardReader(folder, origin)
            sources.append(_finish(str(path), reader, reader.close, beside, options))
    except BaseException:
        for source in sources:
            source.close()
        raise
    sources[-1].earlier = sources[:-1]
    return sources[-1]


def _finish(
    name: str,
    reader: LogReader,
    close: Callable[[], None],
    beside: Callable[[str], bytes | None],
    options: SourceOptions,
) -> Source:
    """Read what lies beside the log, or what the auditor brought in its place."""
    try:
        registry = options["registry"]
        own = _text(beside(PINS))
        pins, remarks = _pins(name, own, options["pins"])
        policy = _text(beside(POLICY)) if options["policy"] is None else _text(brought(options["policy"]))
        if options["policy"] is None:
            remarks.append("no_policy" if policy is None else "own_policy")
        if policy is not None:
            parse_policy(policy)
        return Source(
            name=name,
            reader=reader,
            close=close,
            registries=Registries((lambda file: read_file(registry / file)) if registry else _registry_of(beside)),
            pins=pins,
            policy=policy,
            opened=() if own is None else parse_pins(own, f"{name}, pins").opened,
            state=lambda name: beside(bundle_name(name)),
            published={file: text for file in (LOG_VKEY, WITNESSES) if (text := _text(beside(file))) is not None},
            remarks=remarks,
        )
    except BaseException:
        close()
        raise


def _registry_of(beside: Callable[[str], bytes | None]) -> Callable[[str], bytes | None]:
    return lambda file: beside(f"registry/{file}")


def _pins(name: str, own: str | None, path: Path | None) -> tuple[PinsFile | None, list[str]]:
    if path is not None:
        return brought_pins(path), []
    return (None, []) if own is None else (parse_pins(own, f"{name}, pins"), ["own_pins"])


def brought(path: Path) -> bytes:
    """Read a file the auditor named; Misuse when there is none."""
    content = read_file(path)
    if content is None:
        message = f"{path}: there is no such file"
        raise Misuse(message)
    return content


def brought_pins(path: Path) -> PinsFile:
    """Read the pins the auditor has from elsewhere; raises as `brought`, and Malformed naming line, key and rule."""
    return parse_pins(brought(path).decode(errors="replace"), str(path))


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")
