"""Small parts of the broker: bundles beside the log, the log as files, metrics as text."""

from pathlib import Path

import pytest

from broker.bundles import Bundles, bundle_path
from broker.log_files import LogFiles
from broker.metrics import Family, Metrics, by_label, single, write
from consent_ledger.core import merkle
from consent_ledger.core.tiles import Tile, decode_bundle
from consent_ledger.store import ShardStore
from handschlag.registry_folder import read_bundle, shipped_bundle
from schemas.commitment import sha256
from schemas.errors import Code, Malformed, Misuse
from tests.support import keys

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders

LEAVES = [b"leaf %d" % number for number in range(300)]


async def test_bundles_are_found_by_their_hash(tmp_path: Path) -> None:
    """What lies in the folder at the start is held; what is put there later is read when it is named."""
    raw = shipped_bundle()
    name = sha256(raw)
    bundles = Bundles(tmp_path)
    bundles.load()
    await bundles.hold(name)
    assert not bundles.ready
    bundle_path(tmp_path, name).write_bytes(raw)
    (tmp_path / "notes.txt").write_text("left alone")
    await bundles.hold(name)
    assert (bundles.raw[name], bundles.ready[name].hash) == (raw, name)
    again = Bundles(tmp_path)
    again.load()
    assert again.ready.keys() == {name}


def test_a_bundle_under_another_name_is_refused(tmp_path: Path) -> None:
    """Bytes that are not those of the name, or are no registry, never become law."""
    path = bundle_path(tmp_path, sha256(b"something else"))
    path.write_bytes(shipped_bundle())
    with pytest.raises(Malformed, match=f"{path.name}: a registry bundle is named by the SHA-256"):
        Bundles(tmp_path).load()
    path.unlink()
    bundle_path(tmp_path, sha256(b"{}")).write_bytes(b"{}")
    with pytest.raises(Malformed, match=r"\.json: registry: .*Field required"):
        Bundles(tmp_path).load()


def test_a_bundle_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in a bundle's place, or no folder at all, is our own mistake and named."""
    bundle_path(tmp_path, sha256(b"")).mkdir()
    with pytest.raises(Misuse, match=r"\.json: cannot be read"):
        Bundles(tmp_path).load()
    with pytest.raises(Misuse, match="nowhere: cannot be read"):
        Bundles(tmp_path / "nowhere").load()


def test_a_registry_folder_lacks_no_file(tmp_path: Path) -> None:
    """A missing file is named."""
    with pytest.raises(Misuse, match=r"agency_kinds\.toml: cannot be read"):
        read_bundle(tmp_path)


async def test_only_what_is_signed_is_shown(tmp_path: Path) -> None:
    """Tiles and bundles have exactly the width that was asked for, and end where the signed log ends."""
    with ShardStore(tmp_path, keys.LOG) as store:
        store.append(LEAVES, [None] * len(LEAVES))
        files = LogFiles(store, lambda: 290)
        full = await files.read(Tile(0, 0))
        assert full == b"".join(map(merkle.leaf_hash, LEAVES[:256]))
        assert await files.read(Tile(0, 1, 34)) == b"".join(map(merkle.leaf_hash, LEAVES[256:290]))
        assert await files.read(Tile(0, 1, 35)) is None
        assert decode_bundle(await files.read(Tile(None, 1, 34)) or b"") == tuple(LEAVES[256:290])
        assert await files.read(Tile(None, 2, 1)) is None
        assert await files.read(Tile(1, 0, 1)) == merkle.root_of(map(merkle.leaf_hash, LEAVES[:256]))
        files.close()


def test_metrics_are_what_prometheus_reads() -> None:
    """Help, type and samples, with labels in quotes and whole numbers however large."""
    metrics = Metrics()
    metrics.report("witness", Code.UNAVAILABLE)
    text = write(
        (
            Family("log_entries", "gauge", "Entries.", single(12_345_678)),
            Family("answers_total", "counter", "Answers.", by_label("type", {"logged": 2, "failed": 1})),
            Family("reports_total", "counter", "Reports.", metrics.report_samples()),
        )
    )
    assert text == (
        "# HELP handschlag_broker_log_entries Entries.\n"
        "# TYPE handschlag_broker_log_entries gauge\n"
        "handschlag_broker_log_entries 12345678\n"
        "# HELP handschlag_broker_answers_total Answers.\n"
        "# TYPE handschlag_broker_answers_total counter\n"
        'handschlag_broker_answers_total{type="failed"} 1\n'
        'handschlag_broker_answers_total{type="logged"} 2\n'
        "# HELP handschlag_broker_reports_total Reports.\n"
        "# TYPE handschlag_broker_reports_total counter\n"
        'handschlag_broker_reports_total{where="witness",code="unavailable"} 1\n'
    )


def test_batch_sizes_are_a_histogram() -> None:
    """Buckets count up, the last holds all, and sum and count fit."""
    metrics = Metrics()
    metrics.batches.update([1, 1, 5, 256])
    samples = {(suffix, labels.get("le")): value for suffix, labels, value in metrics.batch_samples()}
    assert [samples["_bucket", bound] for bound in ("1", "4", "16", "64", "256", "+Inf")] == [2, 2, 3, 3, 4, 4]
    assert (samples["_sum", None], samples["_count", None]) == (263, 4)
