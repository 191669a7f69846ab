"""A node's settings: what a file may say, and that every slip is named by file, line, key and rule."""

import pytest

from adapters.node.identity import Roles
from adapters.node.settings import BusSettings, NodeSettings, parse_settings
from schemas import toml_files
from schemas.errors import Malformed
from tests.support.pens import PINS, signer

STEERING = [key.vkey for key in PINS.steering]
TEXT = f"""\
agency = "jobcenter"
kind = "jobcenter"

[federation]
name = "musterstadt.example"
steering = {STEERING}

[nats]
url = "tls://127.0.0.1:4222"

[roles]
holder = false
"""


def test_a_short_file_is_enough() -> None:
    """What is not said has its default; nothing listens beyond this machine unless it is said."""
    settings = parse_settings(TEXT, "node.toml")
    assert settings.pins == PINS
    assert settings.taken_roles == Roles(holder=False)
    assert settings.http.host == "127.0.0.1"
    assert settings.nats == BusSettings(url="tls://127.0.0.1:4222")
    assert settings.source.mapping is None


def test_settings_are_read_back_as_they_were_written() -> None:
    """Writing settings as TOML and reading them gives the same settings."""
    settings = parse_settings(TEXT, "node.toml")
    assert toml_files.parse(NodeSettings, toml_files.write(settings, comment="two\nlines"), "again") == settings


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('agency = "jobcenter"', 'agency = "Jobcenter"', "node.toml:1: agency: "),
        ('agency = "jobcenter"\n', "", "node.toml: agency: Field required"),
        ("[roles]", "[rolls]", "node.toml:11: rolls: Extra inputs"),
        ("holder = false", 'holder = "no"', "node.toml:12: roles.holder: "),
        ('url = "tls://127.0.0.1:4222"', 'url = "nats://127.0.0.1"', "node.toml:9: nats.url: "),
        ("[nats]", "[nats", "node.toml: "),
        (STEERING[0], STEERING[1], "node.toml:6: federation.steering: a key stands there twice"),
        (STEERING[0], signer("jobcenter", "dpo").key.vkey, "federation.steering: each must begin with"),
        (STEERING[0], STEERING[0][:-4] + "AAA=", "federation.steering: "),
        ('name = "musterstadt.example"', 'name = "anders.example"', "federation.steering: each must begin with anders"),
    ],
)
def test_a_slip_is_named(old: str, new: str, told: str) -> None:
    """The message names file, line where there is one, key and rule."""
    with pytest.raises(Malformed) as refused:
        parse_settings(TEXT.replace(old, new), "node.toml")
    assert told in str(refused.value)


def test_values_are_not_repeated() -> None:
    """A message names the rule, never what stood in the file."""
    with pytest.raises(Malformed) as refused:
        parse_settings(TEXT.replace('agency = "jobcenter"', 'agency = "Geheim!"'), "node.toml")
    assert "Geheim" not in str(refused.value)
