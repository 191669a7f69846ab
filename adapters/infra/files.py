"""Files that are whole or not there, and secrets that only their owner may read."""

import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from schemas.errors import Misuse, Unavailable

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def write_atomic(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a file in place in one step: written beside it, flushed to disk, renamed, and the folder flushed.

    After a crash the path has the old content or the new one. Raises Unavailable naming the file when the disk or its
    rights do not allow it; nothing is left behind then.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink()
            raise
        sync_folder(path.parent)
    except OSError as error:
        message = f"{path}: cannot be written ({error.strerror})"
        raise Unavailable(message) from error


def writable(folder: Path) -> bool:
    """Tell whether a folder's disk takes anything, by trying: a file of one byte, flushed and gone again."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive the loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
    """Read a file that holds a secret.

    Raises Misuse when it cannot be read, or when its group or others may read or write it.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                message = f"{path}: holds a secret, and group or others have rights to it; make a new one, or chmod 600"
                raise Misuse(message)
            return file.read()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Misuse(message) from error
