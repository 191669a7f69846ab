"""Where the public test vectors lie, if they are there: every test passes without them."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def files(name: str, pattern: str) -> list[Path]:
    """Give the vector files of a collection in order; skips the calling test where there are none.

    They are looked for in the folder that HANDSCHLAG_VECTORS names, else in `shared/vectors` beside or above the
    repository.
    """
    named = os.environ.get("HANDSCHLAG_VECTORS")
    places = [Path(named)] if named else [folder / "shared" / "vectors" for folder in _ROOT.parents]
    found = next((sorted((place / name).rglob(pattern)) for place in places if (place / name).is_dir()), [])
    if not found:
        pytest.skip(f"the public vectors of {name} are not on this machine")
    return found
