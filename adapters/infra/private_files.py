"""Files that hold secrets: readable by their owner alone from the first byte on, and never half written."""

import os
from pathlib import Path

from schemas.errors import Misuse


def create_private(path: Path, content: bytes) -> None:
    """Write a new file with mode 0600 and make it durable; Misuse when there is a file already."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        message = f"{path}: there is such a file already, and it is not overwritten"
        raise Misuse(message) from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _make_name_durable(path.parent)


def replace_private(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that a crash leaves the old content or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    create_private(new, content)
    new.replace(path)
    _make_name_durable(path.parent)


def _make_name_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
