"""A log over C2SP files, in a folder or at an address, reads as the store does, and says what is wrong with a file."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from consent_ledger.core.tiles import encode_bundle
from consent_ledger.core.verify import verify
from consent_ledger.tiles import MAX_FILE_BYTES, DirectoryLog, TiledLog, UrlLog
from schemas.errors import HandschlagError, Incomplete, Malformed, Misuse, Unavailable
from tests.support.audited_log import Files, files_of, note_of, sound, terms
from tests.support.memory_store import MemoryStore
from tests.support.pens import LOG
from tests.support.tampering import LEAVES, tall


def _write(folder: Path, files: Files) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _of_directory(folder: Path) -> TiledLog:
    _write(folder, files_of(tall()))
    return DirectoryLog(folder)


def _of_address(folder: Path) -> TiledLog:
    del folder
    return UrlLog("https://ledger.example/log/", "secret", _serve(files_of(tall())))


def _serve(files: Files, status: int = 404) -> httpx.MockTransport:
    """Give a web server in this process that serves files below /log/, entries only to the auditor's token."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/log/")
        if path.startswith("tile/entries/") and request.headers.get("Authorization") != "Bearer secret":
            return httpx.Response(401)
        return httpx.Response(200, content=files[path]) if path in files else httpx.Response(status)

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("make", [_of_directory, _of_address], ids=["directory", "address"])
def test_a_log_over_files_reads_as_the_store_does(tmp_path: Path, make: Callable[[Path], TiledLog]) -> None:
    """Entries, tiles, checkpoint, roots and proofs are the store's, and what was never there is Misuse."""
    note, store = note_of(tall()), MemoryStore(LOG)
    store.append(tall(), [None] * 300)
    with make(tmp_path) as log:
        assert (log.origin, log.size, log.last_checkpoint()) == (LOG, 300, note)
        assert (log.checkpoint(300), log.checkpoint(299)) == (note, None)
        for start, stop in ((0, 300), (0, 0), (250, 260), (256, 257), (255, 256), (299, 300)):
            assert list(log.entries(start, stop)) == list(store.entries(start, stop))
        assert log.entry(256) == tall()[256]
        for level, n in ((0, 0), (0, 1), (1, 0)):
            assert log.tile(level, n) == store.tile(level, n)
        assert [log.root(size) for size in (0, 1, 256, 300)] == [store.root(size) for size in (0, 1, 256, 300)]
        assert log.inclusion_proof(17, 300) == store.inclusion_proof(17, 300)
        assert log.consistency_proof(17, 300) == store.consistency_proof(17, 300)
        for ask in (
            lambda: log.entry(300),
            lambda: log.entries(3, 2),
            lambda: log.tile(0, 2),
            lambda: log.tile(-1, 0),
            lambda: log.root(301),
            lambda: log.inclusion_proof(0, 301),
            lambda: log.consistency_proof(1, 301),
        ):
            with pytest.raises(Misuse):
                ask()


def test_a_full_tile_stands_in_for_a_partial_one() -> None:
    """A growing log may have deleted the partial tile a checkpoint needs: the full one has all that it had."""
    files = files_of(tall()[:300])
    for kind, content in (("0", "tile/0/000"), ("entries", "tile/entries/000")):
        files[f"tile/{kind}/000"] = files_of(tall())[content]
    files["checkpoint"] = note_of(tall()[:200])
    log = TiledLog(files.get, "log")
    assert [raw for _, raw in log.entries(0, 200)] == list(tall()[:200])
    assert log.tile(0, 0) == files["tile/0/000"][: 200 * 32]


@pytest.mark.parametrize(
    ("content", "error", "rule"),
    [
        (None, Incomplete, "is missing"),
        (b"", Incomplete, "ends within or before its entry 0"),
        (encode_bundle(LEAVES)[:-1], Incomplete, "ends within or before its entry 62"),
        (encode_bundle(LEAVES[:-1]), Incomplete, "ends within or before its entry 62"),
        (encode_bundle(LEAVES) + b"\0", Malformed, "entry 63 of the bundle does not fit"),
        (encode_bundle([*LEAVES, b"more"]), Malformed, "holds 64 entries, and its name says 63"),
        (b"\xff\xff" + encode_bundle(LEAVES)[2:], Malformed, "entry 0 of the bundle does not fit"),
        (encode_bundle([b""] * 257), Malformed, "holds 256 entries, and its name says 63"),
    ],
    ids=["missing", "empty", "cut", "short", "tail", "long", "length", "over"],
)
def test_a_bundle_out_of_form_is_told(content: bytes | None, error: type[HandschlagError], rule: str) -> None:
    """A bundle that is missing or cut short is Incomplete, one that holds something else Malformed; it is named."""
    files = sound()
    del files["tile/entries/000.p/63"]
    if content is not None:
        files["tile/entries/000.p/63"] = content
    with pytest.raises(error, match=f"^tile/entries/000.p/63: .*{rule}"):
        list(TiledLog(files.get, "log").entries(0, 63))


def test_a_tile_that_is_too_long_is_told() -> None:
    """A tile with more in it than its name says is Malformed; one that is missing Incomplete."""
    files = sound()
    files["tile/0/000.p/63"] += b"\0"
    log = TiledLog(files.get, "log")
    with pytest.raises(Malformed, match="2017 bytes, and a tile of this width has 2016"):
        log.tile(0, 0)
    del files["tile/0/000.p/63"]
    with pytest.raises(Incomplete, match=r"^tile/0/000.p/63: is missing"):
        log.tile(0, 0)


def test_what_is_no_log_is_told() -> None:
    """Without a checkpoint nothing is a log, unless an export was begun there; a checkpoint that is none is refused."""
    with pytest.raises(Malformed, match="is no log"):
        TiledLog(dict[str, bytes]().get, "log")
    with pytest.raises(Incomplete, match="was begun and not finished"):
        TiledLog({"log.vkey": b"x"}.get, "log")
    with pytest.raises(Malformed, match="the checkpoint is none"):
        TiledLog({"checkpoint": b"x"}.get, "log")


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A file without form or bounds is not read into memory without end, and a folder in a file's place is no file."""
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(Malformed, match="is no log"):
        DirectoryLog(tmp_path)
    (tmp_path / "checkpoint").rmdir()
    with (tmp_path / "checkpoint").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(Malformed, match="larger than"):
        DirectoryLog(tmp_path)


@pytest.mark.parametrize(
    ("token", "status", "rule"),
    [("", 404, "to an auditor's token only"), ("secret", 500, "500"), ("secret", 302, "302")],
    ids=["token", "error", "redirect"],
)
def test_an_address_that_does_not_give_is_told(token: str, status: int, rule: str) -> None:
    """Entries without the auditor's token, a server's error and a redirection are Unavailable, each with its reason."""
    files = sound()
    if token:
        del files["tile/entries/000.p/63"]
    with (
        UrlLog("https://ledger.example/log", token, _serve(files, status)) as log,
        pytest.raises(Unavailable, match=rule),
    ):
        log.entry(0)


def test_an_address_out_of_reach_is_told() -> None:
    """Where no server answers, or the address is none, the log is Unavailable."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("", request=request)  # noqa: EM101 - the message is empty on purpose

    with pytest.raises(Unavailable, match="ConnectError"):
        UrlLog("https://ledger.example/log", transport=httpx.MockTransport(refuse))
    with pytest.raises(Malformed, match="is no address"):
        UrlLog("https://[nonsense/log")
    with pytest.raises(Unavailable, match="Invalid port"):
        UrlLog("https://ledger.example:x/log")


def test_a_token_does_not_travel_in_the_clear() -> None:
    """Over http a token goes to this machine only."""
    with pytest.raises(Misuse, match="https only"):
        UrlLog("http://ledger.example/log", "secret", _serve(sound()))
    assert UrlLog("http://127.0.0.1/log", "secret", _serve(sound())).size == 63


def test_the_audit_of_an_address_is_that_of_its_files() -> None:
    """An audit over an address finds what it finds in a folder."""
    with UrlLog("https://ledger.example/log", "secret", _serve(sound())) as log:
        assert verify(log, terms()).verdict == 0
