"""A copy of a running broker's or node's folder, as a backup needs it.

What lies in a database while it is written to cannot simply be copied: half of it may be in the file beside it. SQLite
copies its own files as of one moment. The ledger's lock comes first, so that it is never newer than the shard copied
after it; a start on such a copy checks what the lock does not speak of yet.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from adapters.infra.files import sync_folder
from adapters.infra.whole_folder import whole_folder
from consent_ledger.sqlite_files import LOCK_FILE, copy_database
from schemas.errors import Misuse, Unavailable

_DATABASE: Final = b"SQLite format 3\0"
_LEFT_OUT: Final = re.compile(r".*-(wal|shm|journal)|.*\.lock|\..*")
"""What belongs to a database, to the process that runs, or is a draft of a file."""


def copy_folder(source: Path, target: Path) -> int:
    """Copy a folder with its rights, whole or not at all, while a process works in it; give how many files it has.

    Raises Misuse when the source is no folder, holds the target, or there is something at the target already,
    Unavailable when a file cannot be read or written, LedgerInconsistent for a damaged database; then nothing is left.
    """
    source, target = source.resolve(), target.resolve()
    if not source.is_dir():
        message = f"{source}: is no folder"
        raise Misuse(message)
    if target.is_relative_to(source):
        message = f"{target}: lies in the folder that is to be copied"
        raise Misuse(message)
    with whole_folder(target) as draft:
        files = sorted(_files(source), key=lambda path: (path.name != LOCK_FILE, path))
        for path in files:
            place = draft / path.relative_to(source)
            _make_parents(source, draft, place)
            _copy(path, place)
        for folder in {place.parent for place in draft.rglob("*")} | {draft}:
            sync_folder(folder)
    return len(files)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if _LEFT_OUT.fullmatch(path.name) is None:
            yield from _files(path) if path.is_dir() else [path]


def _make_parents(source: Path, draft: Path, place: Path) -> None:
    for parent in reversed(place.relative_to(draft).parents):
        (draft / parent).mkdir(exist_ok=True)
        shutil.copymode(source / parent, draft / parent)


def _copy(path: Path, place: Path) -> None:
    """Copy one file to the disk, with the rights it has."""
    try:
        place.touch(mode=0o600)
        with path.open("rb") as file, place.open("wb") as copy:
            is_database = file.read(len(_DATABASE)) == _DATABASE
            if not is_database:
                file.seek(0)
                shutil.copyfileobj(file, copy)
                os.fsync(copy.fileno())
        if is_database:
            copy_database(path, place)
        shutil.copymode(path, place)
    except OSError as error:
        message = f"{path}: cannot be copied ({error.strerror})"
        raise Unavailable(message) from error
