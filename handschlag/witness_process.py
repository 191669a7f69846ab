"""A witness of other people's logs as a process: keys, the logs it knows, what it remembers, and HTTP put together.

Its folder holds `logs.txt`, the vkeys of the logs it knows, one a line (`#` begins a comment), read anew for each
request; and for each log a folder named by the SHA-256 of its origin, with `checkpoint`, the last one it cosigned, and
`evidence/`, requests by which the log contradicted itself.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from adapters.infra.http_server import listen, serving
from adapters.infra.key_files import load_signer
from adapters.infra.process import only_one, stop_signals
from adapters.web.witness import make_app
from consent_ledger.tiles import read_file
from consent_ledger.witness_service import WitnessService
from schemas.errors import Malformed, Misuse, Unavailable
from schemas.note import COSIGNATURES, SignatureType, Signer, VerifierKey, parse_vkey

LOGS: Final = "logs.txt"
MAX_EVIDENCE: Final = 100
"""How many contradictions of a log are kept; one is enough to convict it."""


class WitnessFolder:
    """What a witness remembers, in files; a `consent_ledger.witness_service.Memory`."""

    def __init__(self, root: Path) -> None:
        """Take the folder, which must exist."""
        self.root = root

    def logs(self) -> dict[str, VerifierKey]:
        """Give the keys of the logs this witness knows, by origin; Malformed naming the line of one that is none."""
        path = self.root / LOGS
        content = read_file(path)
        if content is None:
            message = f"{path}: there is no such file; it holds the vkeys of the logs to be witnessed, one a line"
            raise Misuse(message)
        found: dict[str, VerifierKey] = {}
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            word = line.partition("#")[0].strip()
            if word:
                key = _log_key(word, f"{path}, line {number}")
                found[key.name] = key
        return found

    def held(self, origin: str) -> bytes | None:
        """Give the last checkpoint that was kept."""
        return read_file(self._of(origin) / "checkpoint")

    def keep(self, origin: str, note: bytes) -> None:
        """Keep a checkpoint, flushed to the disk."""
        write_atomic(self._made(self._of(origin)) / "checkpoint", note)

    def accuse(self, origin: str, request: bytes) -> None:
        """Keep a contradiction, unless it is there already or there are enough."""
        folder = self._made(self._of(origin) / "evidence")
        path = folder / hashlib.sha256(request).hexdigest()
        if not path.exists() and sum(1 for _ in folder.iterdir()) < MAX_EVIDENCE:
            write_atomic(path, request)

    def _of(self, origin: str) -> Path:
        return self.root / hashlib.sha256(origin.encode()).hexdigest()

    def _made(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{folder}: cannot be made ({error.strerror})"
            raise Unavailable(message) from error
        return folder


def run(root: Path, keys: Sequence[Path], address: tuple[str, int], tell: Callable[[str], None]) -> None:
    """Serve until told to stop (SIGTERM, or Ctrl-C); `tell` is given the lines an operator wants to see.

    Raises Misuse for a folder, key or address that cannot be used or is in use, Malformed for a vkey that is none.
    """
    if not root.is_dir():
        message = f"{root}: there is no such folder"
        raise Misuse(message)
    folder, signers = WitnessFolder(root), [_cosigner(path) for path in keys]
    with ExitStack() as stack:
        stack.enter_context(only_one(root / "lock"))
        logs = folder.logs()
        for signer in signers:
            tell(f"witness {signer.key.vkey}")
        for origin in logs:
            tell(f"log     {origin}")
        asyncio.run(_serve(WitnessService(signers, folder.logs, folder, SystemClock()), address, tell))


async def _serve(service: WitnessService, address: tuple[str, int], tell: Callable[[str], None]) -> None:
    stop = stop_signals()
    with listen(*address) as listener:
        async with serving(make_app(service), listener):
            host, port = listener.getsockname()[:2]
            tell(f"serving add-checkpoint at http://{host}:{port}/")
            await stop.wait()


def _cosigner(path: Path) -> Signer:
    signer = load_signer(path)
    if signer.key.type not in COSIGNATURES:
        message = f"{path}: is no witness's key; make one by `handschlag keys new --role witness`"
        raise Misuse(message)
    return signer


def _log_key(word: str, where: str) -> VerifierKey:
    try:
        key = parse_vkey(word)
    except Malformed as error:
        message = f"{where}: {error}"
        raise Malformed(message) from error
    if key.type is not SignatureType.ED25519:
        message = f"{where}: is no log's key, but a witness's"
        raise Malformed(message)
    return key
