"""Calls of the kernel that fail on purpose: strace makes the n-th call on certain files fail, or kills at it.

strace counts the calls of each thread for itself, and only those on the files it is given. It does not start as parent
of the program, so that signals and exit code are the program's own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYSCALLS: Final = ("write", "pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "rename")
FAULTS: Final = {
    "KILL": "signal=KILL:when={n}",
    "EIO": "error=EIO:when={n}",
    "ENOSPC": "error=ENOSPC:when={n}+",  # a full disk stays full
}

_CALL: Final = re.compile(rf"^(\d+) +({'|'.join(SYSCALLS)})\(", re.MULTILINE)


@dataclass(frozen=True, order=True)
class Point:
    """One fault: what happens at which call, counted from 1."""

    syscall: str
    fault: str
    n: int

    def __str__(self) -> str:
        """Name it as the report does."""
        return f"{self.fault} at {self.syscall} {self.n}"


def under_strace(trace: Path, files: Iterable[Path], point: Point | None = None) -> tuple[str | Path, ...]:
    """Give the words before a program that let a fault hit it, or none; what it calls on these files is traced."""
    words: list[str | Path] = ["strace", "--daemonize", "--follow-forks", "--output", trace]
    if point is None or point.fault != "KILL":
        words.append("--seccomp-bpf")  # stops at these calls only, which is faster, but lets no signal through
    for file in files:
        words += ["--trace-path", file]
    words.append(f"--trace={','.join(SYSCALLS)}")
    if point is not None:
        words.append(f"--inject={point.syscall}:{FAULTS[point.fault].format(n=point.n)}")
    return tuple(words)


def sqlite_files(*databases: Path) -> Iterator[Path]:
    """Give all files that SQLite makes for these databases, and their folders."""
    for database in databases:
        yield database.parent
        for ending in ("", "-wal", "-shm", "-journal"):
            yield database.with_name(database.name + ending)


def calls(trace: Path) -> dict[str, int]:
    """Count the calls in a trace: for each syscall those of the thread that made most."""
    counted = Counter(_CALL.findall(trace.read_text()))
    return {name: max((n for (_, one), n in counted.items() if one == name), default=0) for name in SYSCALLS}


def was_hit(trace: Path) -> bool:
    """Tell whether the fault came to pass."""
    text = trace.read_text()
    return "(INJECTED)" in text or "killed by SIGKILL" in text


def spread(most: int) -> Iterator[int]:
    """Give the numbers from 1 to `most`, each once, so that any beginning of the row is spread over all of them."""
    bits = max(most - 1, 0).bit_length()
    for step in range(1 << bits):
        n = int(f"{step:0{bits}b}"[::-1], 2) if bits else 0
        if n < most:
            yield n + 1
