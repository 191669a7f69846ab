"""Writes the published JSON Schemas anew: `python -m tests.support.write_json_schemas`."""

from pathlib import Path
from typing import Final

from schemas.json_schemas import json_schemas

FOLDER: Final = Path(__file__).resolve().parents[2] / "schemas" / "json"


def main() -> None:
    """Write every file, and delete those of shapes that are no more."""
    texts = json_schemas()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
