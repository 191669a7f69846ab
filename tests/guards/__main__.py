"""`make guards`: take each guard out of a copy of the code, one at a time, and see that a test falls.

The tests of a guard must pass while it stands, or it would not be the guard they notice. Names of modules as arguments
try those alone. Exit code 1: something went unnoticed.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import click

from schemas.errors import Misuse
from tests.guards.finding import guards_in
from tests.guards.table import MODULES, REPLACED, SOURCES, SPARED

_FAILED: Final = 1
_LIMIT_S: Final = 300
_PYTEST: Final = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-m", "not long")


class Taken(NamedTuple):
    """A module without one of its guards, and the tests that must notice."""

    promises: str
    module: str
    what: str
    source: str
    tests: tuple[str, ...]


def taken() -> Iterator[Taken]:
    """Give every guard that is to be taken out; Misuse where the table names words that are not there."""
    for kept in MODULES:
        source = Path(kept.module).read_text("utf-8")
        for guard in guards_in(source):
            if (kept.module, guard.words) not in SPARED:
                what = f"{guard.line}: {guard.words}"
                yield Taken(kept.promises, kept.module, what, guard.taken_out_of(source), kept.tests)
    for one in REPLACED:
        source = Path(one.module).read_text("utf-8")
        if source.count(one.words) != 1:
            message = f"{one.module}: holds {one.words!r} not exactly once; mend tests/guards/table.py"
            raise Misuse(message)
        what = f"{source[: source.index(one.words)].count(chr(10)) + 1}: {' '.join(one.words.split())}"
        yield Taken(one.promises, one.module, what, source.replace(one.words, one.put), one.tests)


def _noticed(copy: Path, tests: Sequence[str]) -> str | None:
    """Run tests in the copy; give the first that fell, or None."""
    try:
        done = subprocess.run(
            [*_PYTEST, *tests], cwd=copy, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return "ran for ever"
    if done.returncode == 0:
        return None
    fell = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return fell[0].split(" - ")[0] if fell else f"pytest ended with {done.returncode}"


def main(wanted: Sequence[str]) -> int:
    """Try them; gives the exit code."""
    tried = [one for one in taken() if not wanted or one.module in wanted]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for source in map(Path, SOURCES):
            if source.is_dir():
                shutil.copytree(source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy / source)
        for tests in dict.fromkeys(one.tests for one in tried):
            fell = _noticed(copy, tests)
            if fell is not None:
                click.echo(f"with every guard in its place: {fell}")
                return _FAILED
        unnoticed = [one for one in tried if not _try(copy, one)]
    click.echo(f"{len(tried)} guards taken out, {len(unnoticed)} unnoticed")
    for one in unnoticed:
        click.echo(f"unnoticed  promise {one.promises}  {one.module}:{one.what}")
    return _FAILED if unnoticed else 0


def _try(copy: Path, one: Taken) -> bool:
    """Tell whether a test notices that a guard is gone."""
    place = copy / one.module
    stood = place.read_text("utf-8")
    place.write_text(one.source, "utf-8")
    fell = _noticed(copy, one.tests)
    place.write_text(stood, "utf-8")
    click.echo(f"{'UNNOTICED' if fell is None else 'noticed  '}  {one.module}:{one.what[:80]}  {fell or ''}")
    return fell is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
