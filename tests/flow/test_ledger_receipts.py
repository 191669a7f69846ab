"""Receipts and exports on the command line: what an agency or a stranger can prove with files alone."""

from pathlib import Path

import pytest

from consent_ledger.core.pins_file import write_pins
from consent_ledger.core.signed import Pins
from consent_ledger.store import ShardStore
from schemas.ids import FederationName
from tests.support import keys
from tests.support.auditor import log, run, write_shard
from tests.support.pens import LOG, PINS
from tests.support.tampering import LEAVES, tall

pytestmark = pytest.mark.slow  # many examples, or whole logs and folders


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    """Give the folder of a broker's SQLite files, in a federation's folder."""
    return write_shard(tmp_path)


@pytest.fixture
def receipt(tmp_path: Path, shard: Path) -> Path:
    """Give the receipt of a disclosure, written from the broker's folder, and an export's pins beside it."""
    result = run("show", shard, "--index", 43, "--receipt", tmp_path / "proof.tlog-proof")
    assert result.exit_code == 0, result.output
    assert run("export", tmp_path / "export", "--source", shard).exit_code == 0
    return tmp_path / "proof.tlog-proof"


def test_a_receipt_is_proven_offline(receipt: Path) -> None:
    """Proof and entry as files, and the log's key by the pins, are all it takes; C2SP's form is kept."""
    result = run("prove", receipt, "--pins", receipt.parent / "export" / "pins.toml")
    assert result.exit_code == 0, result.output
    assert "entry      43 of 63: exchange.disclosed" in result.output
    assert "Proven: " in result.output
    assert receipt.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\nindex 43\n")
    assert (receipt.parent / "proof.entry").read_bytes() == LEAVES[43]


def test_a_receipt_with_the_opening_and_a_policy(receipt: Path) -> None:
    """Where the pins have no opening it is given as note or entry; a policy's quorum can be asked for."""
    folder, pins = receipt.parent, receipt.parent / "federation.toml"
    (folder / "opened").write_bytes(LEAVES[0])
    policy = folder / "export" / "policy.txt"
    result = run("prove", receipt, "--pins", pins, "--opened", folder / "opened", "--policy", policy)
    assert result.exit_code == 0, result.output
    assert "cosigned   musterstadt.example/amt/witness-1 2026-11-20 10:02:00Z" in result.output
    assert run("prove", receipt, "--pins", pins).exit_code == 2
    policy.write_text(f"witness w {keys.witness(1).key.vkey}\nquorum w\n", "utf-8")
    result = run("prove", receipt, "--pins", pins, "--opened", folder / "opened", "--policy", policy)
    assert (result.exit_code, "the quorum of witnesses has not cosigned" in result.output) == (2, True)


def test_a_receipt_that_does_not_hold(receipt: Path, tmp_path: Path) -> None:
    """Another entry is tampering, a missing one incomplete, and what is no proof cannot be read."""
    pins = tmp_path / "export" / "pins.toml"
    (tmp_path / "other").write_bytes(LEAVES[44])
    assert run("prove", receipt, "--pins", pins, "--entry", tmp_path / "other").exit_code == 1
    (tmp_path / "proof.entry").unlink()
    assert run("prove", receipt, "--pins", pins).exit_code == 2
    assert run("prove", tmp_path / "other", "--pins", pins, "--entry", tmp_path / "other").exit_code == 3
    assert run("prove", tmp_path / "nowhere", "--pins", pins).exit_code == 3


def test_a_receipt_of_another_federation(receipt: Path, tmp_path: Path) -> None:
    """The opening of another federation's log does not make its receipts ours."""
    pins = Pins(FederationName("kleinstadt.example"), PINS.steering)
    (tmp_path / "pins.toml").write_text(write_pins(pins, ()), "utf-8")
    assert run("prove", receipt, "--pins", tmp_path / "pins.toml").exit_code == 1


def test_no_receipt_without_an_entry(shard: Path, tmp_path: Path) -> None:
    """A receipt is of one entry, which must be there."""
    assert run("show", shard, "--receipt", tmp_path / "r").exit_code == 3
    result = run("show", shard, "--index", 63, "--receipt", tmp_path / "r")
    assert (result.exit_code, "the log has 63" in result.output) == (3, True)


# -- export -----------------------------------------------------------------------------------------------------------


def test_an_export_from_a_brokers_folder(shard: Path, tmp_path: Path) -> None:
    """It is sound, it can be exported again, and a foreign folder is refused with a sentence."""
    result = run("export", tmp_path / "export", "--source", shard)
    assert result.exit_code == 0, result.output
    assert "musterstadt.example/log/2026-11: 63 entries, " in result.output
    assert run("replay", tmp_path / "export").exit_code == 0
    assert run("export", tmp_path / "again", "--source", tmp_path / "export").exit_code == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_bytes(b"x")
    result = run("export", tmp_path / "full", "--source", shard)
    assert (result.exit_code, "is not empty, and no earlier export" in result.output) == (3, True)


def test_an_export_says_what_it_leaves_out(shard: Path, tmp_path: Path) -> None:
    """Entries that no quorum has cosigned yet are counted."""
    with ShardStore(shard, LOG) as store:
        log(store, tall()[63:70])
    result = run("export", tmp_path / "export", "--source", shard)
    assert result.exit_code == 0, result.output
    assert "7 later entries are left out" in result.output


def test_help_names_every_exit_code() -> None:
    """An auditor finds what an exit code means in the help."""
    text = " ".join(run("--help").output.split())
    assert "0 sound, 1 tampered, 2 incomplete, 3 unreadable" in text
