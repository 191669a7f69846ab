"""`handschlag texts`: the words clients read, to translators and back, and their approval."""

import asyncio
from pathlib import Path
from typing import Final, Literal, TypedDict, Unpack

import click

from adapters.infra.clock import SystemClock
from adapters.infra.files import write_atomic
from adapters.web.client_words import shipped_words
from handschlag.federation_folder import FederationFolder
from handschlag.registry_folder import shipped_bundle
from handschlag.steering_session import Reviewed, review_text
from handschlag.text_sheet import read_sheet, write_sheet
from schemas import registry as law
from schemas.client_text_checks import problems
from schemas.client_text_table import Beside, export_table, import_rows, import_table, table_of
from schemas.client_texts import LANGUAGES, parse_words, write_words
from schemas.commitment import sha256
from schemas.errors import Malformed, Misuse
from schemas.ids import Purpose

SHEET: Final = ".xlsx"
MAX_BYTES: Final = 1024 * 1024
LANGUAGE: Final = click.argument("language", metavar="LANGUAGE", type=click.Choice(LANGUAGES))
FILE: Final = click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))


class OwnForm(TypedDict):
    """The options of review that say which form of an agency's own is meant."""

    form: Path | None
    purpose: str | None


@click.group()
def texts() -> None:
    """Send the words clients read to translators, take them back, approve them."""


@texts.command("list")
def list_texts() -> None:
    """Name each language with the hash of its file, by which it is approved."""
    for language, shipped in shipped_words().items():
        click.echo(f"{shipped.hash}  {language:<10} {shipped.words.layer:<9} {shipped.words.name}")


@texts.command("export")
@LANGUAGE
@FILE
def export_texts(language: str, file: Path) -> None:
    """Write the table of LANGUAGE to FILE: key, German, English, and the text to translate.

    FILE is a spreadsheet where its name ends with .xlsx, and CSV otherwise.
    """
    words = shipped_words()
    one, beside = words[language].words, Beside(words["de"].words, words["en"].words, law.load(shipped_bundle()))
    if file.suffix == SHEET:
        raw = write_sheet(table_of(language, one, beside), right_to_left=one.direction == "rtl")
    else:
        raw = export_table(language, one, beside).encode()
    write_atomic(file, raw)
    click.echo(str(file))


@texts.command("import")
@LANGUAGE
@FILE
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The TOML file to write.")
def import_texts(language: str, file: Path, out: Path) -> None:
    """Take the table of LANGUAGE in FILE (CSV, or .xlsx) back, whole or not at all, as the language's file."""
    before = shipped_words()[language].words
    if file.suffix == SHEET:
        words = import_rows(read_sheet(_bytes(file), file.name), language, before, file.name)
    else:
        words = import_table(_read(file), language, before, file.name)
    text = write_words(words, language)
    lacks = problems(language, parse_words(text, out.name), law.load(shipped_bundle()))
    if lacks:
        raise Malformed("\n".join(f"{file.name}: {line}" for line in lacks))
    write_atomic(out, text.encode())
    click.echo(f"{sha256(text.encode())}  {out}")


@texts.command()
@click.argument("federation", metavar="FEDDIR", type=click.Path(file_okay=False, path_type=Path))
@LANGUAGE
@click.option("--sheet", required=True, type=click.Path(path_type=Path), help="The sheet a native reader signed.")
@click.option("--form", type=click.Path(path_type=Path), help="An agency's own printed form, in place of the text.")
@click.option("--purpose", help="The purpose the form asks for, with its version.")
@click.option("--withdraw", is_flag=True, help="Make it a draft again.")
def review(federation: Path, language: str, sheet: Path, *, withdraw: bool, **own: Unpack[OwnForm]) -> None:
    """Approve the shipped text of LANGUAGE in the federation of FEDDIR, while everything runs; all else is a draft."""
    verdict: Literal["approved", "withdrawn"] = "withdrawn" if withdraw else "approved"
    form, purpose = own["form"], own["purpose"]
    if (form is None) != (purpose is None):
        message = "--form, --purpose: a form is for one purpose; give both or neither"
        raise Misuse(message)
    text = shipped_words()[language].hash if form is None else sha256(_bytes(form))
    reviewed = Reviewed(language, text, sha256(_bytes(sheet)), verdict, None if purpose is None else Purpose(purpose))
    changed = asyncio.run(review_text(FederationFolder(federation, SystemClock()), reviewed))
    click.echo(f"{verdict}: {language} {text}" if changed else f"{language}: is so already")


def _read(file: Path) -> str:
    try:
        return _bytes(file).decode()
    except UnicodeDecodeError as error:
        message = f"{file}: is not in UTF-8; save it as CSV UTF-8"
        raise Malformed(message) from error


def _bytes(file: Path) -> bytes:
    try:
        raw = file.read_bytes()
    except OSError as error:
        message = f"{file}: cannot be read"
        raise Misuse(message) from error
    if len(raw) > MAX_BYTES:
        message = f"{file}: more than {MAX_BYTES} bytes"
        raise Malformed(message)
    return raw
