"""Answers that pages of staff and clients have in common: a file to keep, and the way back in another language."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.web.texts import StaffLanguage, language_of

TEXT: Final = "text/plain; charset=utf-8"
_LANGUAGE: Final = "handschlag-language"
_YEAR_S: Final = 365 * 86_400


def to_keep(name: str) -> dict[str, str]:
    """Give the header by which a browser saves an answer as a file; the name says nothing of anybody."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def file(content: bytes, name: str, media_type: str = TEXT) -> Response:
    """Answer with a file to keep."""
    return Response(content, media_type=media_type, headers=to_keep(name))


def in_language(wish: str, way: str) -> Response:
    """Lead on to a page, in the language that a member of staff chose for all of them."""
    response = RedirectResponse(way, 303)
    chosen = language_of(wish, "")
    response.set_cookie(_LANGUAGE, chosen, max_age=_YEAR_S, secure=True, httponly=True, samesite="lax")
    return response


def staff_language(request: Request) -> StaffLanguage:
    """Tell in which language a member of staff reads."""
    return language_of(request.cookies.get(_LANGUAGE), request.headers.get("accept-language", ""))
