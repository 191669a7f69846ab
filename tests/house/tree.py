"""The files of this repository as the house rules see them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("adapters", "broker", "consent_ledger", "handschlag", "schemas")

_NOT_OURS = {".git", "build", "__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _NOT_OURS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _walk(path)
        else:
            yield path


@cache
def files() -> tuple[Path, ...]:
    """Give every file of the repository, tracked or about to be; what tools make is left out."""
    return tuple(_walk(ROOT))


def name(path: Path) -> str:
    """Give a file's path as people write it, from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def python_files() -> list[Path]:
    """Give all Python files but the snippets of tests/typing, which are wrong on purpose."""
    return [path for path in files() if path.suffix == ".py" and not name(path).startswith("tests/typing/")]


def product_files() -> list[Path]:
    """Give the Python files that are shipped."""
    return [path for path in python_files() if name(path).split("/")[0] in PRODUCT]


def pure_files() -> list[Path]:
    """Give the files that take values and return values: schemas and every `core` folder."""
    return [path for path in product_files() if name(path).startswith("schemas/") or path.parent.name == "core"]


def test_files() -> list[Path]:
    """Give the Python files below tests."""
    return [path for path in python_files() if name(path).startswith("tests/")]


@cache
def text(path: Path) -> str:
    """Read a text file; a file that is no UTF-8 text reads as empty."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@cache
def tree(path: Path) -> ast.Module:
    """Parse a Python file."""
    return ast.parse(text(path), filename=name(path))


def dotted(node: ast.expr) -> str:
    """Give `a.b.c` for a name or an attribute of names, else an empty text."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def calls(path: Path) -> Iterator[tuple[int, str, ast.Call]]:
    """Give line, dotted name and node of every call in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func), node


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give line and module of every import in a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module
