"""The registry bundles that lie beside the log: a folder in which each file is named by the SHA-256 of its bytes.

A new bundle is put there before the steering group's `registry.set` names it; it is read when that statement comes.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from schemas import registry as law
from schemas.commitment import sha256
from schemas.errors import Malformed, Misuse
from schemas.ids import Hash

_SUFFIX = ".json"


@dataclass
class Bundles:
    """Bundles by hash: as bytes, for nodes and exports, and made ready for deciding. Both only ever grow."""

    folder: Path
    raw: dict[Hash, bytes] = field(default_factory=dict)
    ready: dict[Hash, law.Registry] = field(default_factory=dict)

    def load(self) -> None:
        """Read all that are there; Misuse when the folder cannot be read, Malformed naming a file that is no bundle."""
        try:
            paths = sorted(path for path in self.folder.iterdir() if path.suffix == _SUFFIX)
        except OSError as error:
            message = f"{self.folder}: cannot be read ({error.strerror})"
            raise Misuse(message) from error
        for path in paths:
            self._add(_read(path), path)

    async def hold(self, name: Hash) -> None:
        """Read a bundle that is not held yet, if it lies there; Malformed when the file is not the bundle it says."""
        path = bundle_path(self.folder, name)
        if name not in self.ready and await asyncio.to_thread(path.is_file):
            self._add(await asyncio.to_thread(_read, path), path)

    def _add(self, raw: bytes, path: Path) -> None:
        if path.name != f"{sha256(raw)}{_SUFFIX}":
            message = f"{path.name}: a registry bundle is named by the SHA-256 of its bytes, and this is another"
            raise Malformed(message)
        try:
            registry = law.load(raw)
        except Malformed as error:
            message = f"{path.name}: {error}"
            raise Malformed(message) from error
        self.raw[registry.hash], self.ready[registry.hash] = raw, registry


def bundle_path(folder: Path, name: Hash) -> Path:
    """Give where the bundle of this hash lies in a folder of bundles."""
    return folder / f"{name}{_SUFFIX}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"{path.name}: cannot be read ({error.strerror})"
        raise Misuse(message) from error
