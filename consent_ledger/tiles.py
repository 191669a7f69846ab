"""A log read back from the files of C2SP tlog-tiles: from a folder, such as an export, or from an address.

The checkpoint is read once, when the log is opened; what is read is the tree of its size. Nothing of it is proven:
that is what `core/verify.py` is for.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import httpx

from consent_ledger.core.checkpoint import unverified_checkpoint
from consent_ledger.core.merkle import HASH_BYTES
from consent_ledger.core.tiles import TILE_BYTES, TILE_WIDTH, Tile, TileTree, tile_path, width_at
from schemas.errors import HandschlagError, Incomplete, Malformed, Misuse, Unavailable

CHECKPOINT: Final = "checkpoint"
MAX_FILE_BYTES: Final = 32 * 1024 * 1024
"""More than a bundle of 256 entries of 65,535 bytes; nothing larger is read."""
TIMEOUT_S: Final = 30.0

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_GONE: Final = (404, 410)
_FORBIDDEN: Final = (401, 403)

_LENGTH_BYTES: Final = 2

Fetch = Callable[[str], bytes | None]
"""Gives the content of a file by its path below the log's prefix, None when there is none.

Raises Unavailable when it cannot be read, Malformed when it is larger than anything a log has.
"""


_Bundle = tuple[tuple[bytes, ...], HandschlagError | None]


class TiledLog:
    """A `LogReader` over files; for one thread at a time.

    A file that is not there is Incomplete, one with too much or the wrong things in it Malformed.
    """

    def __init__(self, fetch: Fetch, name: str) -> None:
        """Read the checkpoint; `name` is what messages call the log.

        Raises Malformed when the checkpoint is none, Incomplete when it alone is missing, Malformed when nothing there
        looks like a log.
        """
        self.file = fetch
        self._name = name
        self._tree = TileTree(self.tile)
        self._kept: tuple[int, _Bundle] | None = None
        note = fetch(CHECKPOINT)
        if note is None:
            raise _no_checkpoint(fetch, name)
        try:
            checkpoint = unverified_checkpoint(note)
        except Malformed as error:
            message = f"{name}: the checkpoint is none: {error}"
            raise Malformed(message) from error
        self._note, self._origin, self._size = note, checkpoint.origin, checkpoint.size

    @property
    def origin(self) -> str:
        """The origin the checkpoint claims."""
        return self._origin

    @property
    def size(self) -> int:
        """The size the checkpoint claims."""
        return self._size

    def entry(self, index: int) -> bytes:
        """Give the bytes of one entry."""
        return next(self.entries(index, index + 1))[1]

    def entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of the entries from `start` up to `stop` in order.

        Of a bundle that is cut short, those before the cut come, then Incomplete is raised.
        """
        if not 0 <= start <= stop <= self._size:
            message = f"entries {start} to {stop}: the log has {self._size}"
            raise Misuse(message)
        return self._entries(start, stop)

    def kept(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Give (index, bytes) of entries, as `entries` does: files do not tell what was pruned from what is missing."""
        return self.entries(start, stop)

    def tile(self, level: int, n: int) -> bytes:
        """Give the hashes of a tile; one that is cut short is given as it is."""
        width = width_at(level, n, self._size) if level >= 0 and n >= 0 else 0
        if not width:
            message = f"tile {n} of level {level}: the tree of {self._size} has none"
            raise Misuse(message)
        path, content = self._read(Tile(level, n, width))
        if not content:
            message = f"{path}: is empty, and a tile of this width has {width * HASH_BYTES} bytes"
            raise Incomplete(message)
        if len(content) > (TILE_BYTES if path == tile_path(Tile(level, n)) else width * HASH_BYTES):
            message = f"{path}: {len(content)} bytes, and a tile of this width has {width * HASH_BYTES}"
            raise Malformed(message)
        return content[: width * HASH_BYTES]

    def checkpoint(self, size: int) -> bytes | None:
        """Give the checkpoint note of exactly this size; there is one only."""
        return self._note if size == self._size else None

    def last_checkpoint(self) -> bytes:
        """Give the checkpoint note."""
        return self._note

    def root(self, size: int) -> bytes:
        """Give the root of the tree at the log's size or an earlier one, as its tiles have it."""
        self._check_size(size)
        return self._tree.root(size)

    def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """Give the audit path of the entry at `index` in the tree of `size`."""
        self._check_size(size)
        return self._tree.inclusion_proof(index, size)

    def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """Give the proof that the tree of `new` extends that of `old`."""
        self._check_size(new)
        return self._tree.consistency_proof(old, new)

    def close(self) -> None:
        """Free what the log holds open."""

    def __enter__(self) -> Self:
        """Give the log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the log."""
        self.close()

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self._size:
            message = f"tree of {size}: the log has {self._size} entries"
            raise Misuse(message)

    def _entries(self, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        for n in range(start // TILE_WIDTH, (stop + TILE_WIDTH - 1) // TILE_WIDTH):
            first = n * TILE_WIDTH
            entries, error = self._bundle(n)
            last = min(stop - first, TILE_WIDTH)
            yield from enumerate(entries[max(start - first, 0) : last], max(start, first))
            if error is not None and (len(entries) < last or last == width_at(None, n, self._size)):
                raise error

    def _bundle(self, n: int) -> _Bundle:
        """Give the entries of a bundle, and why there are not more of them; the last one read is kept."""
        if self._kept is None or self._kept[0] != n:
            width = width_at(None, n, self._size)
            path, content = self._read(Tile(None, n, width))
            entries, error = _decode(path, content, width)
            if len(entries) > width and path != tile_path(Tile(None, n)):
                message = f"{path}: holds {len(entries)} entries, and its name says {width}"
                entries, error = (), Malformed(message)
            self._kept = n, (entries[:width], error)
        return self._kept[1]

    def _read(self, tile: Tile) -> tuple[str, bytes]:
        """Give path and content of a tile, or of the full one that a growing log has put in its place."""
        for path in dict.fromkeys((tile_path(tile), tile_path(Tile(tile.level, tile.n)))):
            content = self.file(path)
            if content is not None:
                return path, content
        message = f"{tile_path(tile)}: is missing"
        raise Incomplete(message)


class DirectoryLog(TiledLog):
    """A log in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open the log; raises as `TiledLog` does."""
        super().__init__(lambda path: read_file(folder / path), str(folder))


class UrlLog(TiledLog):
    """A log at an address; `token` is an auditor's, for the entries."""

    def __init__(self, address: str, token: str = "", transport: httpx.BaseTransport | None = None) -> None:
        """Open the log; raises as `TiledLog` does, and Misuse for a token that would travel in the clear."""
        try:
            parts = urlsplit(address)
        except ValueError as error:
            message = f"{address}: is no address"
            raise Malformed(message) from error
        if token and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            message = f"{address}: a token is sent by https only"
            raise Misuse(message)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT_S, transport=transport)
        self._prefix = address.rstrip("/")
        try:
            super().__init__(self._fetch, address)
        except BaseException:
            self._client.close()
            raise

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _fetch(self, path: str) -> bytes | None:
        try:
            with self._client.stream("GET", f"{self._prefix}/{path}") as answer:
                if answer.status_code in _GONE:
                    return None
                if answer.status_code in _FORBIDDEN:
                    message = f"{path}: {self._prefix} gives it to an auditor's token only"
                    raise Unavailable(message)
                answer.raise_for_status()
                return _bounded(path, answer.iter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"{self._prefix}/{path}: {str(error) or type(error).__name__}"
            raise Unavailable(message) from error


def read_file(path: Path) -> bytes | None:
    """Read a file of a log, None when there is none; raises Unavailable when it cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return _bounded(path.name, iter(lambda: file.read(1024 * 1024), b""))
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Unavailable(message) from error


def _bounded(path: str, parts: Iterator[bytes]) -> bytes:
    """Join the parts of a file; raises Malformed when it grows beyond what a log can have."""
    content = bytearray()
    for part in parts:
        content += part
        if len(content) > MAX_FILE_BYTES:
            message = f"{path}: larger than {MAX_FILE_BYTES} bytes"
            raise Malformed(message)
    return bytes(content)


def _no_checkpoint(fetch: Fetch, name: str) -> Malformed | Incomplete:
    begun = fetch("log.vkey") is not None or fetch(tile_path(Tile(0, 0))) is not None
    if begun:
        return Incomplete(f"{name}: the checkpoint is missing; an export that was begun and not finished has none")
    return Malformed(f"{name}: is no log: there is no checkpoint")


def _decode(path: str, content: bytes, width: int) -> _Bundle:
    """Split a bundle into its entries as far as that goes, and say what ends it before `width` of them came.

    An entry is two lines. Where two or more are left after the last whole entry, nothing was cut off: a length is
    wrong, and that is Malformed.
    """
    at, entries = 0, list[bytes]()
    while at < len(content) and len(entries) < TILE_WIDTH:
        start = at + _LENGTH_BYTES
        end = start + int.from_bytes(content[at:start])
        if end > len(content) or start > len(content):
            break
        entries.append(content[start:end])
        at = end
    found = tuple(entries)
    if at < len(content) and (content.count(b"\n", at + _LENGTH_BYTES) > 1 or len(found) >= width):
        return found, Malformed(f"{path}: entry {len(found)} of the bundle does not fit, or should not be there")
    if len(found) < width:
        return found, Incomplete(f"{path}: the bundle ends within or before its entry {len(found)}, and has {width}")
    return found, None
