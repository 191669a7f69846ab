"""Folders that are whole or not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import Misuse


@contextmanager
def whole_folder(root: Path) -> Iterator[Path]:
    """Give a folder (mode 0700) beside the wanted one, which takes its place when the block has succeeded.

    Raises Misuse when there is something already, or the disk or its rights do not allow it; nothing is left then.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        message = f"{root}: there is something already, and it is not overwritten"
        raise Misuse(message)
    draft = root.with_name(f".{root.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(mode=0o700, parents=True)
        yield draft
        draft.replace(root)
    except OSError as error:
        message = f"{root}: cannot be made ({error.strerror})"
        raise Misuse(message) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
