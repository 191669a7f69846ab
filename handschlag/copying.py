"""A copy of a running broker's or node's folder, as a backup needs it.

What lies in a database while it is written to cannot simply be copied: half of it may be in the file beside it. SQLite
copies its own files as of one moment; of a ledger all files are copied together.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from adapters.infra.files import sync_folder, write_atomic
from adapters.infra.whole_folder import whole_folder
from consent_ledger.backup import copy_ledger
from consent_ledger.sqlite_files import LOCK_FILE, look, write_copy
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
        files = sorted(_files(source))
        ledgers = {path.parent for path in files if path.name == LOCK_FILE}
        places = {path: draft / path.relative_to(source) for path in files}
        for path, place in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.parent not in ledgers or path.suffix != ".db":
                _copy(path, place)
        for ledger in ledgers:
            copy_ledger(ledger, draft / ledger.relative_to(source))
        for place in draft.rglob("*"):
            shutil.copymode(source / place.relative_to(draft), place)
            sync_folder(place.parent)
        shutil.copymode(source, draft)
    return len(files)


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if _LEFT_OUT.fullmatch(path.name) is None:
            yield from _files(path) if path.is_dir() else [path]


def _copy(path: Path, place: Path) -> None:
    """Copy one file to the disk; who else may read it is nobody's right yet, in a draft that only its owner sees."""
    try:
        with path.open("rb") as file:
            is_database = file.read(len(_DATABASE)) == _DATABASE
        if is_database:
            with closing(look(path)) as seen:
                write_copy(seen, place)
        else:
            write_atomic(place, path.read_bytes())
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise Unavailable(message) from error
