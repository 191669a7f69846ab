"""The broker's pages over made-up content: answers, headers, and who may read entries."""

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from broker.operator_api import BYTES, FOR_EVER, FOR_ONE_READER, JSON, TEXT, Health, Pages, may_read_entries
from consent_ledger.core.tiles import Tile
from schemas.ids import Hash
from tests.support.broker_site import own_of, visiting

TOKEN = "open sesame"  # noqa: S105 - opens nothing but this test's pages
AUDITORS = (Hash("0" * 64), Hash(hashlib.sha256(TOKEN.encode()).hexdigest()))
TILES = {Tile(0, 0): b"h" * 8192, Tile(1, 0, 3): b"r" * 96, Tile(None, 0, 2): b"entries"}


FILES = {"log.vkey": b"a key", "registry/0.json": b"a law"}


class Site:
    """What the pages show, to be changed by a test."""

    def __init__(self) -> None:
        """Begin with everything in order and no checkpoint."""
        self.state = Health(
            sequencer_runs=True,
            nats_connected=True,
            disk_writable=True,
            keys_loaded=True,
            witnessed=True,
            serves=True,
            uncosigned=0,
        )
        self.note: bytes | None = None

    async def health(self) -> Health:
        """Give the health."""
        return self.state

    async def tile(self, tile: Tile) -> bytes | None:
        """Give a tile that there is."""
        return TILES.get(tile)


@pytest.fixture
def site() -> Site:
    """Give a site in order."""
    return Site()


@pytest.fixture
async def client(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    """Ask the application directly, without a socket."""
    pages = Pages(
        site.health, lambda: "numbers 1\n", lambda: site.note, site.tile, FILES.get, own_of(), auditors=AUDITORS
    )
    async with visiting(pages) as client:
        yield client


PARTS = ["sequencer_runs", "nats_connected", "disk_writable", "keys_loaded", "witnessed", "serves"]


@pytest.mark.parametrize("broken", PARTS)
async def test_one_broken_part_is_enough(client: httpx.AsyncClient, site: Site, broken: str) -> None:
    """Health is 200 when every part works, 503 when one does not, and says which."""
    assert (await client.get("/health")).status_code == 200
    site.state = site.state.model_copy(update={broken: False})
    answer = await client.get("/health")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert [part for part in PARTS if not answer.json()[part]] == [broken]


async def test_late_cosignatures_do_not_make_it_unhealthy(client: httpx.AsyncClient, site: Site) -> None:
    """How long no witness has cosigned is told; whether that is too long is for others to judge."""
    site.state = site.state.model_copy(update={"cosigned_age_s": 12.5, "uncosigned": 7})
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()["cosigned_age_s"], answer.json()["uncosigned"]) == (200, 12.5, 7)


async def test_numbers_come_as_prometheus_reads_them(client: httpx.AsyncClient) -> None:
    """The text as it is, with the type of its format."""
    answer = await client.get("/metrics")
    assert (answer.text, answer.headers["content-type"]) == ("numbers 1\n", "text/plain; version=0.0.4; charset=utf-8")


async def test_the_checkpoint_is_never_kept(client: httpx.AsyncClient, site: Site) -> None:
    """A log without a checkpoint says 404; the checkpoint comes as text that nobody may keep."""
    assert (await client.get("/log/checkpoint")).status_code == 404
    site.note = "log\n1\nroot\n\n\u2014 log sig\n".encode()
    answer = await client.get("/log/checkpoint")
    assert (answer.content, answer.headers["content-type"]) == (site.note, TEXT)
    assert answer.headers["cache-control"] == "no-cache"


async def test_hash_tiles_are_open_and_kept_for_ever(client: httpx.AsyncClient) -> None:
    """Full and partial tiles of hashes come to anybody as bytes."""
    for path, tile in (("0/000", Tile(0, 0)), ("1/000.p/3", Tile(1, 0, 3))):
        answer = await client.get(f"/log/tile/{path}")
        assert (answer.status_code, answer.content) == (200, TILES[tile])
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (BYTES, FOR_EVER)


@pytest.mark.parametrize("path", ["0/001", "0/0", "0/000.p/256", "2/000", "64/000", "entry/000", "0//000"])
async def test_what_is_no_tile_is_not_there(client: httpx.AsyncClient, path: str) -> None:
    """Tiles beyond the log, and every spelling but the right one, are 404."""
    assert (await client.get(f"/log/tile/{path}")).status_code == 404


async def test_what_lies_beside_the_log_is_open(client: httpx.AsyncClient) -> None:
    """Who checks the log finds its key, the pins and the law beside it; anything else is not there."""
    for path, kind, lifetime in (("log.vkey", TEXT, "no-cache"), ("registry/0.json", JSON, FOR_EVER)):
        answer = await client.get(f"/log/{path}")
        assert (answer.status_code, answer.content) == (200, FILES[path])
        assert (answer.headers["content-type"], answer.headers["cache-control"]) == (kind, lifetime)
    for path in ("broker.toml", "registry/1.json", "registry/0.json/x"):
        assert (await client.get(f"/log/{path}")).status_code == 404


async def test_entries_are_for_auditors(client: httpx.AsyncClient) -> None:
    """Without a token, or with a wrong one, they are 401; with one they come for that reader alone."""
    path = "/log/tile/entries/000.p/2"
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
    ):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    answer = await client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.content, answer.headers["cache-control"]) == (b"entries", FOR_ONE_READER)


def test_without_auditors_no_token_opens() -> None:
    """Where the settings name no auditor, not even an empty token gets in."""
    assert not may_read_entries("Bearer ", ())
    assert not may_read_entries("", ())
    assert may_read_entries(f"bearer {TOKEN}", AUDITORS)
