"""Talking to a running node over its HTTP API, as the agency's own staff, with a token signed on the spot."""

import secrets
from pathlib import Path
from typing import Final

import httpx
from pydantic import ValidationError

from adapters.infra.clock import SystemClock
from adapters.infra.files import read_private
from adapters.node.access import Role
from adapters.node.main import load_settings
from adapters.node.settings import HttpSettings
from adapters.node.tokens import AUDIENCE, Claims, issue
from handschlag.node_folder import TOKEN_KEY
from schemas.canonical import describe
from schemas.errors import Code, Malformed, Misuse, Unavailable

TOKEN_LIFE_S: Final = 60
LIMIT_S: Final = 60.0
STAFF: Final = "command-line"


def token(folder: Path, staff: str, role: Role, life_s: int) -> str:
    """Sign a role token with the agency's key; Misuse or Malformed when it cannot be."""
    now_s = SystemClock().now_ms() // 1000
    agency, jti = load_settings(folder).agency, secrets.token_hex(16)
    try:
        claims = Claims(iss=agency, aud=AUDIENCE, sub=staff, role=role, iat=now_s, exp=now_s + life_s, jti=jti)
    except ValidationError as error:
        raise Malformed(describe("token", error)) from error
    return issue(read_private(folder / TOKEN_KEY), claims)


def address(http: HttpSettings) -> str:
    """Give the address a node is reached under from its own machine."""
    host = f"[{http.host}]" if ":" in http.host else http.host
    return f"http://{host}:{http.port}"


def call(folder: Path, role: Role, method: str, path: str, body: object = None) -> httpx.Response:
    """Call a node and give its answer.

    Raises Unavailable when it does not run or is not ready, Misuse with its own words when it refuses.
    """
    base = address(load_settings(folder).http)
    headers = {"Authorization": f"Bearer {token(folder, STAFF, role, TOKEN_LIFE_S)}"}
    try:
        with httpx.Client(base_url=base, headers=headers, timeout=LIMIT_S, trust_env=False) as client:
            response = client.request(method, path, json=body)
    except httpx.HTTPError as error:
        message = f"{base}: the node does not answer ({type(error).__name__}); is it running?"
        raise Unavailable(message) from error
    if response.is_success:
        return response
    problem = response.json()
    if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise Unavailable(problem["detail"])
    raise Misuse(problem["detail"], code=Code(problem["code"]))
