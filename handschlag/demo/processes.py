"""Child processes of the demo: started, watched, and ended with it whatever happens."""

import contextlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from handschlag.demo.patience import until
from schemas.errors import Unavailable

STOP_LIMIT_S: Final = 15.0


class Processes:
    """Every process the demo started, by name; all of them end when the block is left, the last started first."""

    def __init__(self, folder: Path) -> None:
        """Keep each process's output in `<folder>/<name>.log`."""
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Begin with nothing running."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that was started."""
        del kind, error, trace
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a program that is none of ours."""
        with (self._folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603  the demo's own commands

    def start_ours(self, name: str, *arguments: str) -> None:
        """Start one of our commands in a process of its own."""
        self.start(name, [sys.executable, "-m", "handschlag", *arguments])

    def until_ready(self, name: str, address: str) -> None:
        """Wait until a process answers its health address with 200; Unavailable with its log's end otherwise."""

        def look() -> bool | None:
            """Ask once; a process that ended is not waited for."""
            if self._running[name].poll() is not None:
                return False
            with contextlib.suppress(httpx.HTTPError):
                return httpx.get(address, timeout=1.0).status_code == httpx.codes.OK or None
            return None

        try:
            ready = until(look, name)
        except Unavailable:
            ready = False
        if not ready:
            last = (self._folder / f"{name}.log").read_text("utf-8", "replace").splitlines()[-5:]
            message = f"{name}: did not get ready; its log ends:\n" + "\n".join(last)
            raise Unavailable(message)

    def first_ended(self) -> str | None:
        """Give the name of a process that ended by itself, None while all run."""
        return next((name for name, process in self._running.items() if process.poll() is not None), None)
