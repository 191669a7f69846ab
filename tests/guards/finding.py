"""Finds the guards of a module by their form, and writes the module without one of them."""

import ast
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_SAYS_NO: Final = ("_refuse", "_object", "_denied", "_rejected", "NotLogged", "Denial")
_CHECKS: Final = ("check", "_check", "verify", "_verify", "_compare", "demand")
_MOST_STEPS: Final = 4


class Guard(NamedTuple):
    """One guard: the line it begins in, its first words, and the stretch of the source that is replaced by `put`."""

    line: int
    words: str
    start: int
    end: int
    put: str

    def taken_out_of(self, source: str) -> str:
        """Give the module's source without this guard."""
        raw = source.encode()
        return (raw[: self.start] + self.put.encode() + raw[self.end :]).decode()


def guards_in(source: str) -> list[Guard]:
    """Give the guards of a module, in their order.

    A guard is a condition under which something is raised or denied (each of several joined by `or`), a call of a
    function that checks or verifies and gives nothing, and each row of a table named `checks`.
    """
    found = [guard for node in ast.walk(ast.parse(source)) for guard in _guards(node, source)]
    return sorted(found, key=lambda guard: guard.start)


def _guards(node: ast.AST, source: str) -> Iterator[Guard]:
    if isinstance(node, ast.If) and len(node.body) <= _MOST_STEPS and _says_no(node.body[-1]):
        yield from (_guard(condition, source, "False") for condition in _joined(node.test))
    elif isinstance(node, ast.Expr) and _is_check(node.value):
        yield _guard(node, source, "pass")
    elif isinstance(node, ast.Assign) and _names(node.targets) == ["checks"] and isinstance(node.value, ast.Tuple):
        for row in node.value.elts:
            if isinstance(row, ast.Tuple):
                yield _guard(row.elts[0], source, "True")


def _joined(test: ast.expr) -> Sequence[ast.expr]:
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else (test,)


def _says_no(step: ast.stmt) -> bool:
    if isinstance(step, ast.Raise):
        return True
    value = step.value if isinstance(step, ast.Expr | ast.Return) else None
    if isinstance(value, ast.Call):
        return _name(value.func) in _SAYS_NO
    return value is not None and _name(value).isupper()  # a constant: a code, or the rule that cuts


def _is_check(value: ast.expr) -> bool:
    inner = value.value if isinstance(value, ast.Await) else value
    return isinstance(inner, ast.Call) and _name(inner.func).startswith(_CHECKS)


def _names(targets: Sequence[ast.expr]) -> list[str]:
    return [_name(target) for target in targets]


def _name(expression: ast.expr) -> str:
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""


def _guard(node: ast.expr | ast.stmt, source: str, put: str) -> Guard:
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    start = starts[node.lineno - 1] + node.col_offset
    end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
    words = " ".join(source.encode()[start:end].decode().split())
    return Guard(node.lineno, words, start, end, put)
