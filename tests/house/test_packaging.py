"""What is installed and shipped is what the repository says."""

import re
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import tree

LOCKS = ("requirements.lock", "requirements-dev.lock")

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HASHED = re.compile(
    r"^[A-Za-z0-9._-]+==\S+(?: ;[^\\]*)? \\\n(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.MULTILINE
)


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(tree.text(tree.ROOT / "pyproject.toml"))["project"]
    return project


def _pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in _PIN.findall(tree.text(tree.ROOT / lock))}


def test_each_locked_package_has_hashes() -> None:
    """Every package of both locks is pinned to one version and to the hashes of its files."""
    for lock in LOCKS:
        assert len(_HASHED.findall(tree.text(tree.ROOT / lock))) == len(_pins(lock)) > 0


def test_the_locks_fit_what_the_project_asks_for() -> None:
    """Each requirement of pyproject.toml is met by its pin: the lock was made again after the last change."""
    project = _project()
    for lock, wanted in zip(LOCKS, (project["dependencies"], project["optional-dependencies"]["dev"]), strict=True):
        pins = _pins(lock)
        for requirement in map(Requirement, wanted):
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement.name


def test_developers_run_what_is_shipped() -> None:
    """The runtime lock is part of the development lock, version for version."""
    assert _pins("requirements.lock").items() <= _pins("requirements-dev.lock").items()


def test_the_wheel_holds_all_files_of_the_packages_and_nothing_else(tmp_path: Path) -> None:
    """Templates, TOML and JSON files travel with the code; tests, keys and build results do not."""
    (wheel,) = WheelBuilder(str(tree.ROOT)).build(directory=str(tmp_path), versions=["standard"])
    shipped = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == {tree.name(path) for path in tree.files() if tree.name(path).split("/")[0] in tree.PRODUCT}
