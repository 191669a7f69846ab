"""Files put in place whole, and the clock."""

import stat
from pathlib import Path

import pytest

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from schemas.errors import Unavailable


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new content is in place with its mode, and nothing is left beside it."""
    path = tmp_path / "settings"
    write_atomic(path, b"old")
    write_atomic(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """When the file cannot be put in place the old one stays, and the attempt is cleared away."""
    path = tmp_path / "taken"
    path.mkdir()
    with pytest.raises(Unavailable, match=r"taken: cannot be written \(Is a directory\)"):
        write_atomic(path, b"content")
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Writing into a folder that is not there names the file."""
    with pytest.raises(Unavailable, match="file: cannot be written"):
        write_atomic(tmp_path / "none" / "file", b"content")


def test_the_clock_counts_milliseconds_since_1970() -> None:
    """The time lies between the day this was written and the year 2200, so its unit is right."""
    assert 1_763_000_000_000 < SystemClock().now_ms() < 7_258_118_400_000
