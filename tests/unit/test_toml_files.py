"""One way to read a TOML file into its shape and one way to write it: nothing lost, every slip named."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from schemas import toml_files
from schemas.errors import Malformed
from schemas.wire import Wire


class Inner(Wire):
    """A table."""

    name: str
    on: bool = True


class Outer(Wire):
    """A file with all that a file may hold."""

    number: int
    text: str
    words: tuple[str, ...] = ()
    table: Inner | None = None
    tables: tuple[Inner, ...] = ()


TEXT = some.text(some.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: "\r" not in text)
OUTER = some.builds(
    Outer,
    number=some.integers(-(2**53), 2**53),
    text=TEXT,
    words=some.lists(TEXT, max_size=3).map(tuple),
    table=some.none() | some.builds(Inner, name=TEXT, on=some.booleans()),
    tables=some.lists(some.builds(Inner, name=TEXT, on=some.booleans()), max_size=2).map(tuple),
)


@settings(max_examples=40)
@given(OUTER)
@pytest.mark.slow
def test_what_is_written_is_read_back(outer: Outer) -> None:
    """Every shape comes back as it was, whatever its texts hold."""
    assert toml_files.parse(Outer, toml_files.write(outer), "file") == outer


def test_a_file_has_a_heading_and_plain_lines() -> None:
    """A file written for people to read: comment, values, then tables; long texts keep their lines."""
    outer = Outer(number=1, text='a "b"\\\nc\n', table=Inner(name="x"), tables=(Inner(name="y"), Inner(name="z")))
    assert toml_files.write(outer, comment="one\ntwo") == (
        '# one\n# two\nnumber = 1\ntext = """\na \\"b\\"\\\\\nc\n"""\nwords = []\n\n[table]\nname = "x"\non = true\n\n'
        '[[tables]]\nname = "y"\non = true\n\n[[tables]]\nname = "z"\non = true\n'
    )


def test_a_strange_key_is_quoted() -> None:
    """A key that TOML does not take bare is written in quotes."""

    class Open(Wire):
        """A file with names of its own."""

        names: dict[str, int]

    assert toml_files.write(Open(names={"a b": 1})) == '\n[names]\n"a b" = 1\n'


def test_findings_name_their_lines() -> None:
    """Each finding has its line where there is one; a missing key has that of its table."""
    text = 'number = "1"\ntext = "t"\n\n[table]\non = false\n\n[[tables]]\nname = 5\n'
    with pytest.raises(Malformed) as refused:
        toml_files.parse(Outer, text, "file")
    found = str(refused.value).splitlines()
    assert [line.partition(" ")[0] for line in found] == ["file:1:", "file:4:", "file:8:"]


def test_what_is_no_toml_or_too_large_is_refused() -> None:
    """A file that cannot be one of ours is not looked into."""
    with pytest.raises(Malformed, match="file: "):
        toml_files.parse(Outer, "= =", "file")
    with pytest.raises(Malformed, match="more than"):
        toml_files.parse(Outer, "#" * (toml_files.MAX_BYTES + 1), "file")
