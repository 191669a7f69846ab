"""A client before the broker's pages, with the two codes of a receipt and nothing else."""

import re
from dataclasses import dataclass
from typing import Final

import httpx

from schemas.errors import Unavailable

_SECRET: Final = re.compile(r'name="form_secret" value="([0-9a-f]+)"')
_DONE: Final = re.compile(r'kern-alert--success.*?kern-title">([^<]+)<', re.DOTALL)
TIMEOUT_S: Final = 20.0


@dataclass(frozen=True)
class ClientsPhone:
    """A browser as small as it gets: it keeps the visit's cookie and sends one form."""

    address: str

    def stop(self, view_code: str, withdraw_code: str) -> str:
        """Open the page by one code, end the consent by the other; give what the page says then.

        Raises Unavailable when the page does not say that it is over.
        """
        opened = httpx.get(f"{self.address}/c/{view_code}", timeout=TIMEOUT_S)
        cookies = {"cookie": opened.headers.get("set-cookie", "").partition(";")[0]}
        # German, so that whoever watches the demo can read what the page says.
        german = {"cookie": f"{cookies['cookie']}; handschlag-client-language=de"}
        page = httpx.get(f"{self.address}/c/view", headers=german, timeout=TIMEOUT_S)
        secret = _SECRET.search(page.text)
        form = {"form_secret": secret[1] if secret else "", "code": withdraw_code}
        said = httpx.post(f"{self.address}/c/stop", data=form, headers=german, timeout=TIMEOUT_S)
        done = _DONE.search(said.text)
        if done is None:
            message = "client's page: does not say that the consent is over"
            raise Unavailable(message)
        return done[1].strip()
