"""Exports with random damage: every ledger command ends in a sentence and a code, and none calls damage sound.

What the proof covers is every file below the export but three: the policy, which is the auditor's choice and is taken
from elsewhere here; the pins, likewise; and the list of earlier shards, without which a shard stands for itself. Two
files repeat what the log says itself, for strangers: they may be missing, but say nothing else. A file that lies there
and that no log has is no part of it. The law's bundles are asked for where decisions are made again, so by replay.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.support.audited_log import Files, sound
from tests.support.auditor import run, write, write_federation
from tests.support.two_shards import told_on

pytestmark = pytest.mark.slow  # each example writes and reads a whole log

COVERED: Final = ("checkpoint", "log.vkey", "witnesses.txt", "registry/", "tile/", "state/", "shards/")
REPEATING: Final = ("log.vkey", "witnesses.txt")
UNCOVERED: Final = ("policy.txt", "pins.toml", "shards.txt")
COMMANDS: Final = (("replay",), ("verify",), ("show", "--format", "json"))

Damage = Callable[[Files], Files]


def _said(path: str, files: Files, otherwise: Files | None = None) -> object:
    """Give what a file says; of one that repeats what the log says, its words, or those it had where it is missing."""
    if path.startswith("shards/") and "/registry/" in path:
        return files.get(path, (otherwise or files)[path])  # the newest shard's is the same
    if path.endswith("checkpoint"):
        return files.get(path, b"").rpartition(b"\n\n")[0]  # signature lines of unknown keys are passed over
    if not path.endswith(REPEATING):
        return files.get(path)
    return files.get(path, (otherwise or files)[path]).split()


def _covered(path: str) -> bool:
    return path.startswith(COVERED) and not path.endswith(UNCOVERED)


@some.composite
def _flips(draw: some.DrawFn) -> Damage:
    """Flip one to three bits of a file."""
    name, bits = draw(some.integers(0, 999)), draw(some.lists(some.integers(0, 10**6), min_size=1, max_size=3))

    def damage(files: Files) -> Files:
        path = _pick(files, name)
        content = bytearray(files[path])
        for bit in {bit % (8 * len(content)) for bit in bits}:
            content[bit // 8] ^= 1 << bit % 8
        return files | {path: bytes(content)}

    return damage


@some.composite
def _cuts(draw: some.DrawFn) -> Damage:
    """Cut a file short, or put something behind it."""
    name, at, more = draw(some.integers(0, 999)), draw(some.integers(0, 10**6)), draw(some.binary(max_size=3))

    def damage(files: Files) -> Files:
        path = _pick(files, name)
        return files | {path: files[path][: at % len(files[path])] + more}

    return damage


@some.composite
def _losses(draw: some.DrawFn) -> Damage:
    """Lose one file, or all below a folder."""
    name, whole = draw(some.integers(0, 999)), draw(some.booleans())

    def damage(files: Files) -> Files:
        path = _pick(files, name)
        lost = path.rpartition("/")[0] if whole and "/" in path else path
        return {one: content for one, content in files.items() if not one.startswith(lost)}

    return damage


@some.composite
def _swaps(draw: some.DrawFn) -> Damage:
    """Put the content of one file in the place of another's, and the other way round."""
    one, other = draw(some.integers(0, 999)), draw(some.integers(0, 999))

    def damage(files: Files) -> Files:
        first, second = _pick(files, one), _pick(files, other)
        return files | {first: files[second], second: files[first]}

    return damage


@some.composite
def _nonsense(draw: some.DrawFn) -> Damage:
    """Put anything in the place of a file."""
    name, content = draw(some.integers(0, 999)), draw(some.one_of(some.binary(max_size=200), _texts()))

    def damage(files: Files) -> Files:
        return files | {_pick(files, name): content}

    return damage


def _texts() -> some.SearchStrategy[bytes]:
    """Give what looks like something a log has."""
    return some.sampled_from(
        (
            b"",
            b"\n",
            b"{}",
            b"[" * 5000,
            b"musterstadt.example/log/2026-11\n9223372036854775807\n" + b"A" * 43 + b"=\n",
            "musterstadt.example/log/2026-11\n3\nAAAA\n\n\u2014 x AAAA\n".encode(),
            b"\xff" * 8192,
            b"\x00\x00" * 300,
            b"handschlag/state/v1\nhead {}\n",
        )
    )


def _pick(files: Files, number: int) -> str:
    """Give a file that the proof covers."""
    paths = sorted(path for path in files if _covered(path) and files[path])
    return paths[number % len(paths)]


DAMAGES: Final = some.lists(some.one_of(_flips(), _cuts(), _losses(), _swaps(), _nonsense()), min_size=1, max_size=2)
LOGS: Final = {"one shard": sound(), "two shards": told_on().files()}


@given(damages=DAMAGES, which=some.sampled_from(sorted(LOGS)), command=some.sampled_from(COMMANDS))
@settings(max_examples=200)
def test_damage_is_never_called_sound(damages: list[Damage], which: str, command: tuple[str, ...]) -> None:
    """Verify and replay give 1, 2 or 3 whenever something covered has changed; no command ends in a stack trace."""
    before = LOGS[which]
    after = dict(before)
    for damage in damages:
        if any(_covered(path) and content for path, content in after.items()):
            after = damage(after)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        pins = write_federation(root)
        (root / "policy.txt").write_bytes(before["policy.txt"])
        result = run(*command, write(root / "export", after), "--pins", pins, "--policy", root / "policy.txt")
    assert result.exit_code in range(4)
    changed = {path for path in before if _covered(path) and _said(path, before) != _said(path, after, before)}
    changed = {path for path in changed if command == ("replay",) or "registry/" not in path}
    if changed and command[0] != "show":
        assert result.exit_code != 0, (changed, result.output)
    if after == before:
        assert result.exit_code == 0, result.output
