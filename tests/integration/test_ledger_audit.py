"""An audit over the broker's own HTTP pages: the same verdicts as from files."""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from broker.log_files import LogFiles
from broker.operator_api import Pages, make_app
from schemas.ids import Hash
from tests.support.audited_log import files_of, note_of, sound
from tests.support.auditor import run, write_federation
from tests.support.broker_site import healthy, own_of
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG
from tests.support.tampering import tall

TOKEN = "an auditor's token"  # noqa: S105 - of a server that lives as long as one test


@contextmanager
def _serving(leaves: tuple[bytes, ...]) -> Iterator[str]:
    """Serve a log as a broker does; give its address."""
    store = MemoryStore(LOG)
    store.append(leaves, [None] * len(leaves))
    files = LogFiles(store, lambda: store.size)
    auditor = Hash(hashlib.sha256(TOKEN.encode()).hexdigest())
    beside = {path: content for path, content in sound().items() if not path.startswith(("tile/", "checkpoint"))}
    pages = Pages(healthy, lambda: "", lambda: note_of(leaves), files.read, beside.get, own_of(), auditors=(auditor,))
    server = uvicorn.Server(uvicorn.Config(make_app(pages), log_level="critical", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Who calls before the server is ready waits in the socket's queue.
        thread = Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/log/"
        finally:
            server.should_exit = True
            thread.join()
            files.close()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Give the file of an auditor's token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n", "utf-8")
    path.chmod(0o600)
    return path


def test_a_brokers_address_is_audited(tmp_path: Path, token_file: Path) -> None:
    """With pins and a token a log is replayed and exported over the broker's pages, registry and keys included."""
    pins = write_federation(tmp_path)
    options = ("--pins", pins, "--token-file", token_file)
    with _serving(tall()) as address:
        replayed = run("replay", address, *options)
        exported = run("export", tmp_path / "export", "--source", address, *options)
        without_token = run("verify", address, "--pins", pins)
        nowhere = run("verify", f"{address}nowhere", "--pins", pins)
    assert (replayed.exit_code, "300 decided again" in replayed.output) == (0, True), replayed.output
    assert exported.exit_code == 0, exported.output
    assert (tmp_path / "export" / "tile/entries/001.p/44").read_bytes() == files_of(tall())["tile/entries/001.p/44"]
    assert (without_token.exit_code, "auditor's token only" in without_token.output) == (3, True)
    assert (nowhere.exit_code, "is no log" in nowhere.output) == (3, True)
    assert run("replay", tmp_path / "export", "--pins", pins).exit_code == 0


def test_a_token_that_others_can_read_is_not_used(tmp_path: Path, token_file: Path) -> None:
    """A secret must be its owner's alone."""
    token_file.chmod(0o644)
    result = run("verify", "http://127.0.0.1:9/log", "--pins", write_federation(tmp_path), "--token-file", token_file)
    assert (result.exit_code, "holds a secret" in result.output) == (3, True)
