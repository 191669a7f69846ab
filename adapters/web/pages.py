"""From a template and values to a page. Everything is escaped unless a template says otherwise; none does."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from adapters.web.assets import Assets
from adapters.web.texts import LANGUAGES, Texts, load

BERLIN: Final = ZoneInfo("Europe/Berlin")


class Pages:
    """The templates of a package over the shared layout, with its texts."""

    def __init__(self, package: str, assets: Assets, languages: Iterable[str] = LANGUAGES) -> None:
        """Load templates and texts of `package`, which has folders `templates` and `texts`."""
        self.texts: Mapping[str, Texts] = load(package, languages)
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("adapters.web")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["asset"] = assets.url
        self._environment.filters["moment"] = moment
        self._environment.filters["day"] = day

    def html(self, template: str, language: str, **values: object) -> str:
        """Give a page; `t` in a template gives the texts of the language."""
        page = self._environment.get_template(template)
        return page.render(t=self.texts[language], language=language, **values)

    def show(self, template: str, language: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Answer with a page."""
        return HTMLResponse(self.html(template, language, **values), status)


def moment(at_ms: int) -> str:
    """Write an instant as day and time of the German clock."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(BERLIN).strftime("%d.%m.%Y %H:%M")


def day(date: str | None) -> str:
    """Write a date as it is known: a day, a month, a year; a dash for none."""
    return ".".join(reversed(date.split("-"))) if date else "\N{EN DASH}"
