"""`handschlag witness run` as a process: it serves, remembers across a kill, and says in a line what it cannot use."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.merkle import leaf_hash
from consent_ledger.witness import format_addition
from handschlag.cli import handschlag
from tests.support import keys
from tests.support.pens import LOG

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def invoke(*arguments: str | Path) -> str:
    """Run a command here; give what it printed, or the error it ended with."""
    result = CliRunner().invoke(handschlag, [str(one) for one in arguments])
    return result.output if result.exception is None else str(result.exception)


@contextmanager
def running(folder: Path, key: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run a witness and give its address."""
    command = [sys.executable, "-m", "handschlag", "witness", "run", str(folder), "--key", str(key), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("serving"))
            yield process, line.split()[-1]
        finally:
            process.kill()


def test_a_witness_remembers_across_a_kill(tmp_path: Path) -> None:
    """What it cosigned before `kill -9` it holds afterwards: another history of the same size is refused."""
    key = tmp_path / "witness.key"
    assert "watch.example/city/witness-1" in invoke(
        "keys", "new", "--role", "witness", "--name", "watch.example/city/witness-1", "--out", key
    )
    (tmp_path / "logs.txt").write_text(keys.signer(LOG).key.vkey + "\n", "utf-8")
    one, other = (
        format_addition(0, (), sign_checkpoint(Checkpoint(LOG, 1, leaf_hash(text)), keys.signer(LOG)))
        for text in (b"one", b"other")
    )
    with running(tmp_path, key) as (process, address):
        assert httpx.post(address + "add-checkpoint", content=one).status_code == 200
        assert "another process holds it" in invoke("witness", "run", tmp_path, "--key", key, "--port", "0")
        process.kill()
    with running(tmp_path, key) as (_, address):
        answer = httpx.post(address + "add-checkpoint", content=other)
        assert (answer.status_code, answer.text) == (409, "1\n")


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A missing folder, a key that does not cosign, no list of logs: one line each."""
    key = tmp_path / "log.key"
    invoke("keys", "new", "--role", "log", "--name", LOG, "--out", key)
    assert "no such folder" in invoke("witness", "run", tmp_path / "none", "--key", key)
    assert "is no witness's key" in invoke("witness", "run", tmp_path, "--key", key)
    key.unlink()
    (tmp_path / "log.key.pub").unlink()
    invoke("keys", "new", "--role", "witness", "--name", "watch.example/city/witness-1", "--out", key)
    assert "logs.txt: there is no such file" in invoke("witness", "run", tmp_path, "--key", key)
