"""The page that shows how a source is connected is a transcript of what happens."""

from pathlib import Path

from tests.support.postgres import postgres
from tests.support.transcript import PAGE, run


def test_the_page_says_what_the_commands_say(tmp_path: Path) -> None:
    """Every command of docs/connect-a-source.md is typed, and answers line by line as the page says."""
    page = PAGE.read_text(encoding="utf-8")
    with postgres() as place:
        assert run(page, tmp_path, place) == page
