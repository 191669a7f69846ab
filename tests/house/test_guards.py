"""The table of `make guards` is in step with the code: what it names is there, and the finder finds."""

from pathlib import Path

from tests.guards.__main__ import taken
from tests.guards.finding import guards_in
from tests.guards.table import MODULES, REPLACED, SPARED

SAMPLE = """
def f(a, b):
    if a or not b:
        raise ValueError("no")
    if a:
        return _denied(1)
    if b:
        return Code.NO
    if b:
        return a
    check_all(a)
    a.verify(b)
    checks = ((a, 1), (b, 2))
    return checks
"""


def test_guards_are_found_by_their_form() -> None:
    """Conditions before a raise or a denial, each of several; checks that give nothing; rows of a table of checks."""
    found = guards_in(SAMPLE)
    assert [guard.words for guard in found] == ["a", "not b", "a", "b", "check_all(a)", "a.verify(b)", "a", "b"]
    assert "if a or False:" in found[1].taken_out_of(SAMPLE)
    assert "    pass\n" in found[5].taken_out_of(SAMPLE)
    assert "((a, 1), (True, 2))" in found[7].taken_out_of(SAMPLE)


def test_every_guard_can_be_taken_out() -> None:
    """What is left when one is taken out is still Python, and another text than before."""
    for one in taken():
        compile(one.source, one.module, "exec")
        assert one.source != Path(one.module).read_text("utf-8"), one.what


def test_the_tests_of_a_guard_are_there() -> None:
    """A test file that was renamed would stop the round."""
    named = [one.tests for one in MODULES] + [one.tests for one in REPLACED]
    assert all(named)
    assert [test for tests in named for test in tests if not Path(test).is_file()] == []


def test_what_is_spared_is_there() -> None:
    """A guard that is gone needs no excuse."""
    there = {
        (kept.module, guard.words) for kept in MODULES for guard in guards_in(Path(kept.module).read_text("utf-8"))
    }
    assert there >= SPARED
