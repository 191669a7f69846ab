"""An export as one file, written to a stream as it is made: nothing is kept, so that it needs no disk.

A tar (POSIX.1-2001) compressed with gzip (RFC 1952). The same log makes the same bytes: no time of day stands in it.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from gzip import GzipFile
from typing import BinaryIO, Final

from consent_ledger.core.checkpoint import Checkpoint
from consent_ledger.core.verify import LOG_VKEY
from consent_ledger.ports import LogReader
from schemas.errors import Unavailable
from schemas.note import VerifierKey

TOP: Final = "export"
"""The folder that it unpacks to."""
_MADE_S: Final = 315_532_800
"""1980-01-01: some programs take 1970 for a mistake."""


@dataclass
class Archive:
    """A folder in an archive, whose files are written one after the other; none is looked at again."""

    stream: GzipFile
    top: str = TOP
    written: int = 0

    def below(self, path: str) -> "Archive":
        """Give a folder below this one."""
        return Archive(self.stream, f"{self.top}/{path}")

    def claim(self, _: LogReader, __: Checkpoint, log_key: VerifierKey) -> None:
        """Mark it as this log's; there is no earlier export that it could contradict."""
        self.put(LOG_VKEY, f"{log_key.vkey}\n".encode())

    def put(self, path: str, content: bytes) -> None:
        """Add a file; Unavailable when the stream takes no more."""
        head = tarfile.TarInfo(f"{self.top}/{path}")
        head.size, head.mtime = len(content), _MADE_S
        self.add(head.tobuf(tarfile.PAX_FORMAT), content, bytes(-len(content) % tarfile.BLOCKSIZE))
        self.written += 1

    def add(self, *blocks: bytes) -> None:
        """Write whole blocks; raises as `put`."""
        try:
            self.stream.write(b"".join(blocks))
        except OSError as error:
            message = f"archive: cannot be written ({error.strerror})"
            raise Unavailable(message) from error


@contextmanager
def archived(stream: BinaryIO) -> Iterator[Archive]:
    """Give an archive that is written to a stream, which stays open.

    Its end is written when the block ends well: after a failure there is none, and nobody takes a part for the whole.
    """
    packed = GzipFile("", "wb", fileobj=stream, mtime=0)
    try:
        archive = Archive(packed)
        yield archive
        archive.add(bytes(2 * tarfile.BLOCKSIZE))
        packed.close()
    finally:
        packed.fileobj = None  # type: ignore[assignment]  # or the end would be written once nobody holds it any more
