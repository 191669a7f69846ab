"""The documentation is in step with the code: what it names exists, and what exists is in the reference."""

import re
from pathlib import Path

import pytest

from handschlag.cli import GROUPS
from tests.house.tree import ROOT
from tests.support.write_reference import FILE, reference

PAGES = ("README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
ADR = sorted((ROOT / "docs" / "adr").glob("*.md"))
_PATH = re.compile(r"`((?:[a-z_.]+/)+[a-z_0-9.-]*)`")
_LINK = re.compile(r"\]\((?!http)([^)#]+)\)")
_PICTURE = re.compile(r'src="(?!http)([^"]+)"')
_COMMAND = re.compile(r"(?:^|`)handschlag ([a-z]+)", re.MULTILINE)


@pytest.mark.parametrize("page", [*(ROOT / name for name in PAGES), *ADR], ids=lambda page: page.name)
def test_every_path_named_exists(page: Path) -> None:
    """A path in backticks, behind a link or of a picture is one of this repository."""
    text = page.read_text("utf-8")
    for path in [*_PATH.findall(text), *_LINK.findall(text), *_PICTURE.findall(text)]:
        if not path.startswith(("build/", "core/", "handschlag/entry", "handschlag/<")):
            assert (ROOT / path).exists(), path


def test_each_decision_has_a_number_of_its_own() -> None:
    """Decisions are numbered through, in the file's name as in its heading."""
    numbers = [int(page.name[:4]) for page in ADR]
    assert numbers == [*range(1, len(ADR) + 1)]
    for page, number in zip(ADR, numbers, strict=True):
        assert page.read_text("utf-8").startswith(f"# {number}. ")


def test_the_readme_names_commands_that_exist() -> None:
    """Every `handschlag <group>` in the README is a command."""
    for group in _COMMAND.findall((ROOT / "README.md").read_text("utf-8")):
        assert group in GROUPS, group


@pytest.mark.slow
def test_the_reference_is_in_step() -> None:
    """The page of commands, settings, routes, topics, messages, entries and codes is what the code says."""
    assert FILE.read_text("utf-8") == reference(), "python -m tests.support.write_reference"
