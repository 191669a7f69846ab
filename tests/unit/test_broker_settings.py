"""The broker's settings: what they say when nothing is said, and how each mistake is named."""

import pytest

from broker.settings import BrokerSettings, BusSettings, parse_settings, parse_witnesses
from schemas import toml_files
from schemas.errors import Malformed
from schemas.ids import FederationName, LogId, NatsAccount
from tests.support import keys
from tests.support.pens import FEDERATION, STEERING

FILE = "broker.toml"
DPO, STEWARD = (pen.key.vkey for pen in STEERING)
OUTSIDER = keys.signer("andere.example/steering/dpo-1").key.vkey
WHOLE = f"""
federation = "{FEDERATION}"
log = "{keys.LOG}"
steering = ["{DPO}", "{STEWARD}"]
steering_account = "{"A" * 56}"

[nats]
url = "tls://nats.musterstadt.example:4222"
"""


def test_what_is_not_said_has_a_safe_default() -> None:
    """Files lie where `federation init` puts them, the pages are for this machine alone, no token opens the entries."""
    settings = parse_settings(WHOLE, FILE)
    assert (settings.http.host, settings.http.auditors) == ("127.0.0.1", ())
    assert (settings.ledger.folder, settings.ledger.key) == ("ledger", "keys/log.key")
    assert settings.nats.seed == "nats/user.key"
    assert settings.witnesses.policy is None


def test_the_pins_are_keys_that_can_verify() -> None:
    """The steering vkeys come out parsed, beside the federation's name."""
    pins = parse_settings(WHOLE, FILE).pins
    assert (pins.federation, pins.steering) == (FEDERATION, tuple(pen.key for pen in STEERING))


def test_settings_that_were_written_are_read_back() -> None:
    """What `toml_files.write` makes of settings is the same settings."""
    settings = BrokerSettings(
        federation=FederationName(FEDERATION),
        log=LogId(keys.LOG),
        steering=(DPO, STEWARD),
        steering_account=NatsAccount("A" * 56),
        nats=BusSettings(url="tls://[::1]:4222"),
    )
    assert parse_settings(toml_files.write(settings), FILE) == settings


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('log = "', 'logs = "', r"^broker\.toml(:\d+)?: log: Field required"),
        (keys.LOG, "andere.example/log/2026-11", r"broker\.toml:3: log: must begin with musterstadt\.example/log/$"),
        (STEWARD, OUTSIDER, r"broker\.toml:4: steering: must begin with musterstadt\.example/steering/$"),
        (STEWARD, DPO, r"broker\.toml:4: steering: a key stands there twice$"),
        (STEWARD, STEWARD[:-4] + "AAA=", r"broker\.toml:4: steering: "),
        (f', "{STEWARD}"', "", r"broker\.toml:4: steering: .*at least 2"),
        ("tls://nats", "nats://nats", r"broker\.toml:8: nats\.url: "),
        ('"tls', 'tls"', r"broker\.toml: .*line 8"),
        ("[nats]", "[http]\nport = 70000\n[nats]", r"broker\.toml:8: http\.port: .*less than or equal to 65535"),
        ("[nats]", '[http]\nport = "80"\n[nats]', r"broker\.toml:8: http\.port: .*integer"),
        ("[nats]", '[http]\nauditors = ["token"]\n[nats]', r"broker\.toml:8: http\.auditors"),
        ("[nats]", "[surprise]\n[nats]", r"broker\.toml:7: surprise: Extra inputs are not permitted"),
    ],
)
def test_each_mistake_is_named_with_file_line_key_and_rule(old: str, new: str, says: str) -> None:
    """The message leads to the place; it repeats no value."""
    with pytest.raises(Malformed, match=says):
        parse_settings(WHOLE.replace(old, new), FILE)


OUTSIDE_KEY = keys.signer("watch.example/witness", keys.witness(1).key.type).key
OUTSIDE = f"""
[[witnesses.outside]]
url = "https://watch.example/handschlag/"
vkey = "{OUTSIDE_KEY.vkey}"
"""


def test_an_outside_witness_is_named_by_address_and_key() -> None:
    """It may stand in the policy too, which otherwise names agencies alone."""
    (outside,) = parse_settings(WHOLE + OUTSIDE, FILE).witnesses.outside
    assert (outside.url, outside.vkey) == ("https://watch.example/handschlag/", OUTSIDE_KEY.vkey)
    policy = parse_witnesses(f"witness one {OUTSIDE_KEY.vkey}\nquorum one\n", "w.policy", FEDERATION, [OUTSIDE_KEY])
    assert policy.witnesses == {"one": OUTSIDE_KEY}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("https://", "ftp://", "witnesses.outside"),
        (OUTSIDE_KEY.vkey, DPO, "not a cosigner's"),
        (OUTSIDE_KEY.vkey, "nonsense-key", "witnesses.outside"),
    ],
)
def test_an_outside_witness_that_is_none_is_refused(old: str, new: str, says: str) -> None:
    """Neither another kind of address nor a key that does not cosign is taken."""
    with pytest.raises(Malformed, match=says):
        parse_settings(WHOLE + OUTSIDE.replace(old, new), FILE)


def test_witnesses_of_a_policy_are_agencies_of_the_federation() -> None:
    """A policy names who is asked at the start; a witness that is no agency could not be asked."""
    ours, other = keys.witness(1).key, keys.signer("andere.example/amt/witness-1", keys.witness(1).key.type).key
    policy = parse_witnesses(f"witness one {ours.vkey}\nquorum one\n", "w.policy", FEDERATION)
    assert policy.witnesses == {"one": ours}
    with pytest.raises(Malformed, match=r"^w\.policy: must begin with musterstadt\.example/$"):
        parse_witnesses(f"witness one {other.vkey}\nquorum one\n", "w.policy", FEDERATION)
    with pytest.raises(Malformed, match=r"^w\.policy: policy, line 1: "):
        parse_witnesses("quorum one\n", "w.policy", FEDERATION)
