"""New files that hold secrets: readable by their owner alone from the first byte on, and never written twice."""

import os
from pathlib import Path

from adapters.infra.files import sync_folder
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
    sync_folder(path.parent)
