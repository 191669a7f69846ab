"""`handschlag source check`: what of an agency's source fits the law, what is lost, what is missing, what is wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from adapters.sources.conformance import Report, examine
from adapters.sources.mapping import SourceMapping, parse
from adapters.sources.opening import open_source
from adapters.sources.paper import is_paper, parse_paper
from adapters.sources.rest import RestSource
from schemas.errors import Malformed, Misuse
from schemas.ids import CodeName
from schemas.registry import Registry

LOOK_THROUGH_TIMEOUT_S: Final = 120.0


class Checked(NamedTuple):
    """The lines to print, and whether nothing has to be mended."""

    lines: tuple[str, ...]
    passed: bool


async def check_source(path: Path, registry: Registry, kind: CodeName | None) -> Checked:
    """Read a mapping file and look through its source; `kind` is the agency's, for what purposes will ask of it.

    Raises Malformed for a mapping that cannot be read, Unavailable when the source is not there now.
    """
    if kind is not None and kind not in registry.kinds:
        message = f"kind: the registry knows {', '.join(sorted(registry.kinds))}"
        raise Misuse(message)
    text = _text(path)
    known = frozenset(registry.fields)
    if is_paper(text):
        fields = sorted(parse_paper(text, path.name, known).fields)
        head = f"{path.name}: paper, answered by hand"
        return Checked((head, *_listed("fits", tuple(fields)), "passed"), passed=True)
    mapping = parse(text, path.name, known)
    report = await _looked_through(mapping, path.parent, registry, kind)
    place = f"{mapping.kind} {mapping.location}" + (f", {mapping.table}" if mapping.table else "")
    end = "passed" if report.passed else f"not passed: {len(report.wrong)} to mend"
    return Checked(
        (f"{path.name}: {place}", *(f"  {line}" for line in report.rows), *_told(report), end), report.passed
    )


async def _looked_through(mapping: SourceMapping, folder: Path, registry: Registry, kind: CodeName | None) -> Report:
    """Check the source, then count its rows where they can be looked through; what cannot be counted is wrong."""
    source = open_source(mapping, folder, timeout_s=LOOK_THROUGH_TIMEOUT_S)
    findings: tuple[str, ...] = ()
    survey = None
    try:
        try:
            await source.check()
        except Malformed as error:
            findings = tuple(str(error).splitlines())
        if not isinstance(source, RestSource):
            try:
                survey = await source.survey()
            except Malformed as error:
                findings = findings or tuple(str(error).splitlines())
    finally:
        await source.close()
    report = examine(mapping, registry, survey, kind)
    return report._replace(wrong=(*findings, *report.wrong))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name}: cannot be read as a text file ({type(error).__name__})"
        raise Malformed(message) from None


def _told(report: Report) -> Iterator[str]:
    for heading in ("fits", "lost", "missing", "wrong"):
        yield from _listed(heading, getattr(report, heading))


def _listed(heading: str, lines: tuple[str, ...]) -> Iterator[str]:
    if lines:
        yield heading
        yield from (f"  {line}" for line in lines)
