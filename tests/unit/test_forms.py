"""Forms of the pages: read whole or not at all."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from adapters.web.forms import MAX_FORM_BYTES, declared_length, read_form, said


def request(body: bytes, *, length: str | None, kind: bytes = b"application/x-www-form-urlencoded") -> Request:
    """Give a request with a form, whose body nobody may read when it says nothing right of its length."""

    async def receive() -> Message:
        assert length is not None
        assert len(length) < 7
        return {"type": "http.request", "body": body, "more_body": False}

    told = [] if length is None else [(b"content-length", length.encode("latin-1"))]
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind), *told], "app": None}
    return Request(scope, receive)


async def test_a_form_is_read_by_field() -> None:
    """Each field with all it says; a blank around a word is none of it."""
    form = await read_form(request(b"code=+ab+&other=1&other=2", length="26"))
    assert (said(form, "code"), form["other"], said(form, "none")) == ("ab", ["1", "2"], "")


@pytest.mark.parametrize("length", [None, "", "-1", "\u00b2", "1e3", "9" * 5000, str(MAX_FORM_BYTES * 10)])
async def test_what_may_be_too_long_is_not_begun(length: str | None) -> None:
    """A form that does not say its length in digits, or says too much, is as empty as none: not a byte is read."""
    assert await read_form(request(b"code=x", length=length)) == {}


async def test_what_cannot_be_read_is_empty() -> None:
    """A form of parts that are none."""
    assert await read_form(request(b"--y", length="3", kind=b"multipart/form-data")) == {}


def test_a_length_is_digits() -> None:
    """Other alphabets have digits, too; they are none here."""
    assert [declared_length(text) for text in ("0", "12", "\u0663", "+1", "1" * 16)] == [0, 12, None, None, None]
