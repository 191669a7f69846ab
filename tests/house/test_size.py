"""Files and functions stay small enough to be read in one go; arguments and branches are counted by ruff."""

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.house import tree

FILE_LINES = 500
MEDIAN_LINES = 160
FUNCTION_LINES = 50

_NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}


def _length(path: Path) -> int:
    return len(tree.text(path).splitlines())


def _code_lines(path: Path) -> set[int]:
    """Give the lines that hold code: not empty, not only a comment."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(tree.text(path)).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def _docstring_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[int]:
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is None:
        return set()
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


def _long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(tree.tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            own = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            if len(own) <= FUNCTION_LINES:
                continue
            count = len((_code_lines(path) & set(own)) - _docstring_lines(node))
            if count > FUNCTION_LINES:
                yield f"{tree.name(path)}:{node.lineno} {node.name} has {count} code lines"


def test_no_file_is_longer_than_500_lines() -> None:
    """A Python file has at most 500 lines."""
    long = [f"{tree.name(path)}: {_length(path)}" for path in tree.python_files() if _length(path) > FILE_LINES]
    assert long == []


def test_half_of_the_files_have_at_most_160_lines() -> None:
    """The median length of Python files is at most 160 lines; package files without code do not count."""
    lengths = [_length(path) for path in tree.python_files() if path.name != "__init__.py"]
    assert median(lengths) <= MEDIAN_LINES


def test_no_function_has_more_than_50_code_lines() -> None:
    """A function has at most 50 lines of code; its docstring, comments and empty lines do not count."""
    assert [finding for path in tree.python_files() for finding in _long_functions(path)] == []
