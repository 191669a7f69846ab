"""An auditor at a terminal: `handschlag ledger` is run in this process, on files that lie in a test's folder."""

import tarfile
from io import BytesIO
from pathlib import Path

from click.testing import CliRunner, Result

from consent_ledger.core.checkpoint import Checkpoint, sign_checkpoint
from consent_ledger.core.pins_file import write_pins
from consent_ledger.store import ShardStore
from handschlag.cli import handschlag
from tests.support import keys
from tests.support.audited_log import Files, note_of
from tests.support.pens import LOG, PINS
from tests.support.small_law import BUNDLE, LAW
from tests.support.tampering import LEAVES


def run(*words: object) -> Result:
    """Run `handschlag ledger ...`; whatever comes out, it is never a stack trace."""
    result = CliRunner().invoke(handschlag, ["ledger", *map(str, words)])
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write(folder: Path, files: Files) -> Path:
    """Write files below a folder, and give the folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def write_federation(root: Path) -> Path:
    """Write the federation's pins, which came another way than the log, and give their file."""
    path = root / "federation.toml"
    path.write_text(write_pins(PINS, ()), "utf-8")
    return path


def write_shard(root: Path) -> Path:
    """Write a broker's SQLite files with the story in them into a federation's folder, and give theirs."""
    write_federation(root)
    write(root / "broker", {f"registry/{LAW.hash}.json": BUNDLE})
    folder = root / "broker" / "ledger"
    with ShardStore(folder, LOG) as store:
        log(store, LEAVES)
        store.put_checkpoint(note_of(LEAVES))
    return folder


def log(store: ShardStore, leaves: tuple[bytes, ...]) -> None:
    """Append entries to a shard and lock a checkpoint over all, signed by the key of the shard's name."""
    before = store.last_checkpoint()
    appended = store.append(leaves, [None] * len(leaves))
    checkpoint = Checkpoint(store.origin, appended.size, appended.root)
    store.swap_lock(before, sign_checkpoint(checkpoint, keys.signer(store.origin)))


def unpack(archive: bytes, folder: Path) -> None:
    """Unpack an export that came as one file; Debian 12's Python is too old for `extractall` with a filter."""
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None, member.name
            place = folder / member.name
            assert place.resolve().is_relative_to(folder.resolve()), member.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.read())
