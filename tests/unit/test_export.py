"""An export is plain C2SP files and all a stranger needs; a log over such files reads as the store does."""

import gc
import gzip
import tarfile
from errno import ENOSPC
from io import BytesIO
from pathlib import Path

import pytest

from consent_ledger.archive import TOP, archived
from consent_ledger.core.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from consent_ledger.core.pins_file import majority_policy, parse_pins, write_pins
from consent_ledger.core.policy import parse_policy
from consent_ledger.core.tiles import encode_bundle
from consent_ledger.export import Folder, Publication, export
from consent_ledger.store import ShardReader, ShardStore, shard_origins
from consent_ledger.tiles import DirectoryLog, TiledLog
from schemas.commitment import sha256
from schemas.errors import Incomplete, LedgerInconsistent, Malformed, Misuse, NotAuthentic, Unavailable
from schemas.note import cosign, parse_vkey
from tests.support import keys
from tests.support.audited_log import COSIGNERS, Files, audit, files_of, note_of
from tests.support.auditor import unpack
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG, PINS, signer
from tests.support.small_law import BUNDLE, LAW
from tests.support.tampering import LEAVES, tall

PUBLICATION = Publication(PINS, bundle={LAW.hash: BUNDLE}.get)


def _stored(*batches: int, leaves: tuple[bytes, ...] = LEAVES) -> MemoryStore:
    """Give a store with so many of the story's entries in each batch, each under a checkpoint of its own."""
    store = MemoryStore(LOG)
    for count in batches:
        _grow(store, leaves[store.size : store.size + count])
    return store


def _grow(store: MemoryStore | ShardStore, leaves: tuple[bytes, ...]) -> None:
    before = store.last_checkpoint()
    appended = store.append(leaves, [None] * len(leaves))
    store.swap_lock(before, sign_checkpoint(Checkpoint(LOG, appended.size, appended.root), keys.log_signer()))


def _cosign(store: MemoryStore, size: int, count: int = 5) -> None:
    text = format_checkpoint(Checkpoint(LOG, size, store.root(size)))
    lines = [cosign(text, one, 1_795_168_900) for one in COSIGNERS[:count]]
    note = sign_checkpoint(Checkpoint(LOG, size, store.root(size)), keys.log_signer())
    store.put_checkpoint(b"".join([note, *lines]))


def _read(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_export_has_the_files_of_the_specification(tmp_path: Path) -> None:
    """Bundles, tiles, full and partial, checkpoint and side files are, byte by byte, what they must."""
    store = _stored(300, leaves=tall())
    done = export(store, PUBLICATION, Folder(tmp_path / "new" / "export"))
    written = _read(tmp_path / "new" / "export")
    expected = files_of(tall(), store.last_checkpoint())
    expected["pins.toml"] = written["pins.toml"]
    assert written == expected
    assert (done.checkpoint.size, done.left_out, done.written) == (300, 0, len(expected))
    assert written["tile/entries/001.p/44"] == encode_bundle(tall()[256:])
    assert len(written["tile/1/000.p/1"]) == 32


def test_an_export_says_how_to_check_it(tmp_path: Path) -> None:
    """Keys, policy and pins beside the tiles can be read back, and a receipt's log key follows from the pins."""
    export(_stored(63), PUBLICATION, Folder(tmp_path))
    files = _read(tmp_path)
    assert parse_vkey(files["log.vkey"].decode().strip()) == keys.log_signer().key
    assert set(files["witnesses.txt"].decode().split()) == {one.key.vkey for one in COSIGNERS}
    policy = parse_policy(files["policy.txt"].decode())
    assert policy.logs == (keys.log_signer().key,)
    assert [policy.satisfied([one.key for one in COSIGNERS[:count]]) for count in (2, 3)] == [False, True]
    pins = parse_pins(files["pins.toml"].decode(), "pins.toml")
    assert pins.pins == PINS
    assert LEAVES[0].decode().count("shard.opened") == 2
    assert pins.opened[0].startswith("handschlag/shard.opened/v1\n")


def test_what_is_exported_is_sound(tmp_path: Path) -> None:
    """An audit of an export finds nothing."""
    store = _stored(63)
    _cosign(store, 63)
    export(store, PUBLICATION, Folder(tmp_path))
    found = audit(_read(tmp_path))
    assert (found.verdict, found.findings) == (0, [])


def test_an_export_ends_at_the_newest_checkpoint_with_a_quorum(tmp_path: Path) -> None:
    """Later entries, which no quorum has cosigned yet, are left out; without any quorum nothing is."""
    store = _stored(50, 5, 8)
    assert export(store, PUBLICATION, Folder(tmp_path / "none")).left_out == 0
    _cosign(store, 50)
    _cosign(store, 55, count=2)
    done = export(store, PUBLICATION, Folder(tmp_path / "some"))
    assert (done.checkpoint.size, done.left_out) == (50, 13)
    assert audit(_read(tmp_path / "some")).verdict == 0


def test_an_export_ends_by_the_policy_that_is_given(tmp_path: Path) -> None:
    """A policy of one's own decides what a quorum is, and is published as it is."""
    store = _stored(50, 13)
    _cosign(store, 50, count=1)
    key = COSIGNERS[0].key
    policy = f"witness amt {key.vkey}\nquorum amt\n"
    assert export(store, Publication(PINS, policy, PUBLICATION.bundle), Folder(tmp_path)).checkpoint.size == 50
    assert (tmp_path / "policy.txt").read_text("utf-8") == policy


def test_an_export_is_continued(tmp_path: Path) -> None:
    """Done again, an export writes what is new or was damaged and leaves the rest; an interrupted one is taken up."""
    store = _stored(60)
    export(store, PUBLICATION, Folder(tmp_path))
    assert export(store, PUBLICATION, Folder(tmp_path)).written == 0
    (tmp_path / "tile/0/000.p/60").write_bytes(b"cut")
    (tmp_path / "checkpoint").unlink()
    assert export(store, PUBLICATION, Folder(tmp_path)).written == 2
    _grow(store, LEAVES[60:])
    assert export(store, PUBLICATION, Folder(tmp_path)).written == 3
    assert DirectoryLog(tmp_path).size == 63
    assert list(DirectoryLog(tmp_path).entries(0, 63)) == list(enumerate(LEAVES))


def test_what_an_interrupted_export_left_does_not_keep_the_next_out(tmp_path: Path) -> None:
    """A half-written file of an export that was killed at once counts as nothing."""
    (tmp_path / ".log.vkey.part").write_bytes(b"half")
    assert export(_stored(63), PUBLICATION, Folder(tmp_path)).checkpoint.size == 63


def test_a_foreign_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with other files in it, or with another log's export, is refused and not touched."""
    (tmp_path / "letter.txt").write_bytes(b"to the town")
    with pytest.raises(Misuse, match="is not empty, and no earlier export"):
        export(_stored(63), PUBLICATION, Folder(tmp_path))
    assert _read(tmp_path) == {"letter.txt": b"to the town"}
    with pytest.raises(Unavailable, match=r"letter.txt: cannot be read as a folder"):
        export(_stored(63), PUBLICATION, Folder(tmp_path / "letter.txt"))


def test_another_history_is_not_written_over_an_export(tmp_path: Path) -> None:
    """What contradicts the export that is there, or is older, stops before anything is changed."""
    export(_stored(63), PUBLICATION, Folder(tmp_path))
    before = _read(tmp_path)
    with pytest.raises(LedgerInconsistent, match="holds 63 entries already, and this log has 60"):
        export(_stored(60), PUBLICATION, Folder(tmp_path))
    other = (*LEAVES[:60], LEAVES[61], LEAVES[60], *LEAVES[62:], LEAVES[60])
    with pytest.raises(LedgerInconsistent, match="another history"):
        export(_stored(64, leaves=other), PUBLICATION, Folder(tmp_path))
    assert _read(tmp_path) == before


def test_an_export_without_its_parts_is_not_begun(tmp_path: Path) -> None:
    """An empty log, a registry bundle not at hand, and pins of another federation each stop it with a reason."""
    with pytest.raises(Incomplete, match="the log is empty"):
        export(MemoryStore(LOG), PUBLICATION, Folder(tmp_path))
    with pytest.raises(Incomplete, match="this bundle was in force and is not at hand"):
        export(_stored(63), Publication(PINS), Folder(tmp_path))
    strangers = PINS.__class__(PINS.federation, (signer("amt", "dpo").key, signer("kurse", "dpo").key))
    with pytest.raises(NotAuthentic):
        export(_stored(63), Publication(strangers), Folder(tmp_path))
    with pytest.raises(LedgerInconsistent, match=r"does not begin with shard.opened"):
        export(_stored(1, leaves=(b"no entry",)), PUBLICATION, Folder(tmp_path))
    assert not (tmp_path / "checkpoint").exists()


def test_a_log_that_contradicts_its_checkpoint_is_not_exported(tmp_path: Path) -> None:
    """Tiles that do not hash to the signed root are not passed on."""
    files = files_of(LEAVES, note_of(LEAVES[:-1]).replace(b"\n62\n", b"\n63\n"))
    with pytest.raises(LedgerInconsistent, match="do not hash to the checkpoint's root"):
        export(TiledLog(files.get, "log"), PUBLICATION, Folder(tmp_path))


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """A file that cannot be written is named."""
    (tmp_path / "log.vkey").write_bytes(f"{keys.log_signer().key.vkey}\n".encode())
    (tmp_path / "tile").write_bytes(b"in the way")
    with pytest.raises(Unavailable, match="cannot be written"):
        export(_stored(63), PUBLICATION, Folder(tmp_path))


def test_a_shard_in_sqlite_is_exported(tmp_path: Path) -> None:
    """What a broker's SQLite files hold comes out the same as from memory."""
    with ShardStore(tmp_path / "ledger", LOG) as store:
        _grow(store, LEAVES)
    assert shard_origins(tmp_path / "ledger") == [LOG]
    with ShardReader(tmp_path / "ledger", LOG) as reader:
        export(reader, PUBLICATION, Folder(tmp_path / "one"))
    export(_stored(63), PUBLICATION, Folder(tmp_path / "other"))
    assert _read(tmp_path / "one") == _read(tmp_path / "other")


def test_pins_come_back() -> None:
    """A file of pins that was written is read back; a federation.toml, with what nodes need besides, is read too."""
    assert parse_pins(write_pins(PINS, ("a\nb\n",)), "pins.toml").opened == ("a\nb\n",)
    text = write_pins(PINS, ()) + f'log = "{LOG}"\nnats = "tls://127.0.0.1:4222"\nsteering_account = "{"A" * 56}"\n'
    assert parse_pins(text, "federation.toml").pins == PINS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("name = 1", "steering"),
        (write_pins(PINS, ()).replace("+AY", "+BY", 1), "steering"),
        (write_pins(PINS, ()).replace("steward-1+b392e3d8+AdazHv", "steward-1+b392e3d8+AdazH"), "steering"),
        (write_pins(PINS.__class__(PINS.federation, PINS.steering[:1] * 2), ()), "the same key stands there twice"),
        (write_pins(PINS, ()) + "unknown = 1\n", "unknown"),
        ("name = [", "pins.toml"),
    ],
    ids=["shape", "type", "key", "twice", "unknown", "toml"],
)
def test_pins_out_of_form_are_malformed(text: str, rule: str) -> None:
    """What is no file of pins is refused with file, key and rule."""
    with pytest.raises(Malformed, match=f"pins.toml.*{rule}" if rule != "pins.toml" else rule):
        parse_pins(text, "pins.toml")


def test_without_witnesses_the_policy_asks_for_none() -> None:
    """A federation without witness keys gets a policy that can be met."""
    assert parse_policy(majority_policy(keys.log_signer().key, ())).satisfied([])


class Full(BytesIO):
    """A stream that takes no more after a while."""

    def write(self, content: object) -> int:
        """Take it, or not."""
        if self.tell() > 2000:
            raise OSError(ENOSPC, "No space left on device")
        return super().write(content)  # type: ignore[arg-type]  # bytes, as a stream is written


def test_an_archive_holds_what_the_folder_would(tmp_path: Path) -> None:
    """It unpacks to the same files, and the same log makes the same archive, byte for byte."""
    store, streams = _stored(300, leaves=tall()), [BytesIO(), BytesIO()]
    done = export(store, PUBLICATION, Folder(tmp_path / "folder"))
    for stream in streams:
        with archived(stream) as archive:
            assert export(store, PUBLICATION, archive) == done
    assert streams[0].getvalue() == streams[1].getvalue()
    unpack(streams[0].getvalue(), tmp_path)
    assert _read(tmp_path / TOP) == _read(tmp_path / "folder")


def test_shards_lie_below_each_other_in_an_archive_too() -> None:
    """The newest at the top, the others where a folder would have them."""
    stream = BytesIO()
    with archived(stream) as archive:
        archive.below("shards/2026-10").put("checkpoint", b"a note")
    with tarfile.open(fileobj=BytesIO(stream.getvalue())) as tar:
        assert tar.getnames() == [f"{TOP}/shards/2026-10/checkpoint"]


def test_a_stream_that_takes_no_more_is_told() -> None:
    """A full disk behind it, or whoever reads it gone."""

    def write() -> None:
        with archived(Full()) as archive:
            for number in range(200):
                archive.put(f"tile/{number}", b"".join(sha256(b"%d" % one).encode() for one in range(number, 2000)))

    with pytest.raises(Unavailable, match="archive: cannot be written"):
        write()


def test_an_archive_that_was_cut_off_has_no_end() -> None:
    """Whatever broke off the export: no program takes what came for a whole file."""
    stream = BytesIO()

    def write() -> None:
        with archived(stream) as archive:
            archive.put("checkpoint", b"a note")
            message = "registry: this bundle was in force and is not at hand"
            raise Incomplete(message)

    with pytest.raises(Incomplete):
        write()
    gc.collect()
    with pytest.raises(EOFError):
        gzip.decompress(stream.getvalue())
