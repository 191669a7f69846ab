"""Reading the registry's TOML files from a folder into a bundle."""

from importlib.resources import as_file, files
from pathlib import Path

from adapters.web.client_words import shipped_words
from schemas import registry_files
from schemas.client_text_checks import lacking
from schemas.errors import Malformed, Misuse
from schemas.registry import FILES


def read_bundle(folder: Path) -> bytes:
    """Make the bundle of a folder's files; Misuse when one cannot be read, Malformed with each finding on a line."""
    return registry_files.bundle_of(_texts(folder))


def check_texts(folder: Path) -> None:
    """Look for the words clients read of purposes, kinds and fields; Malformed with a line for each that is missing."""
    words = {language: one.words for language, one in shipped_words().items()}
    found = lacking(_texts(folder), words)
    if found:
        raise Malformed("\n".join(map(str, found)))


def _texts(folder: Path) -> dict[str, str]:
    texts: dict[str, str] = {}
    for stem in FILES:
        path = folder / f"{stem}.toml"
        try:
            texts[stem] = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"{path}: cannot be read as a text file"
            raise Misuse(message) from error
    return texts


def read_law(place: Path) -> bytes:
    """Make the bundle of a folder's files, or read the one that a file is; Misuse when it cannot be read."""
    if place.is_dir():
        return read_bundle(place)
    try:
        return place.read_bytes()
    except OSError as error:
        message = f"{place}: cannot be read"
        raise Misuse(message) from error


def shipped_bundle() -> bytes:
    """Make the bundle of the registry that comes with this program."""
    with as_file(files("schemas") / "registry") as folder:
        return read_bundle(folder)
