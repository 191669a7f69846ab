"""Types the commands in docs/explained.md: `python -m tests.support.explained` writes their outputs anew."""

import re
import shlex
from pathlib import Path
from typing import Final

from click.testing import CliRunner, Result

from handschlag.cli import handschlag

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "explained.md"
_BLOCK: Final = re.compile(r"^```console\n\$ (handschlag [^\n]*)\n.*?^```$", re.MULTILINE | re.DOTALL)


def typed(command: str) -> Result:
    """Type one command."""
    return CliRunner().invoke(handschlag, shlex.split(command)[1:])


def run(page: str) -> tuple[str, list[Result]]:
    """Type every command of a page; give the page with what they say, and what came of each."""
    results: list[Result] = []

    def block(found: re.Match[str]) -> str:
        """Type one block's command."""
        results.append(typed(found[1]))
        return f"```console\n$ {found[1]}\n{results[-1].output}```"

    return _BLOCK.sub(block, page), results


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(run(PAGE.read_text(encoding="utf-8"))[0], encoding="utf-8")


if __name__ == "__main__":
    main()
