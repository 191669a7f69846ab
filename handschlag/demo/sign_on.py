"""Which made-up staff may log in at which node of the demo, written down for the demo's own sign-on."""

import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from handschlag.demo.processes import Processes

STAFF: Final = {
    "adviser": (("Ayla Berger", ""), ("Jonas Wirth", "Team 2")),
    "clerk_answer": (("Marta Lindner", ""), ("Emil Sommer", "")),
    "dpo": (("Dr. Hanno Feld", ""),),
    "access_steward": (("Nele Sander", ""),),
}
"""Invented names with their teams by role; each agency of the demo has these. Who has no team finds every client."""


@dataclass
class SignOnStage:
    """The sign-on's file as it grows."""

    file: Path
    port: int
    _parts: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        """The sign-on's address."""
        return f"http://localhost:{self.port}"

    def add(self, agency: str, title: str, home: Path, port: int) -> None:
        """Register a node: its secret beside its keys, the sign-on in its settings, and leave to show drafts."""
        secret, address = secrets.token_urlsafe(32), f"http://localhost:{port}"
        place = home / "keys" / "login.secret"
        place.touch(mode=0o600)
        place.write_text(secret + "\n", "utf-8")
        settings = home / "node.toml"
        text = settings.read_text("utf-8").replace("drafts = false", "drafts = true")
        login = f'\n[login]\nissuer = "{self.issuer}"\nclient = "{agency}"\naddress = "{address}"\nteam = "team"\n'
        settings.write_text(text + login, "utf-8")
        self._parts.append(f'[clients.{agency}]\ntitle = "{title}"\nsecret = "{secret}"\naddress = "{address}"\n')
        for role, names in STAFF.items():
            for number, (name, team) in enumerate(names, start=1):
                self._parts.append(
                    f'[[clients.{agency}.staff]]\nsub = "demo.{role}{number if number > 1 else ""}"\nname = "{name}"\n'
                    f'role = "{role}"\n' + (f'team = "{team}"\n' if team else "")
                )

    def start(self, processes: Processes) -> None:
        """Write the file, for its owner alone, and start the sign-on."""
        self.file.touch(mode=0o600)
        self.file.write_text(f"port = {self.port}\n\n" + "\n".join(self._parts), "utf-8")
        processes.start("sign-on", [sys.executable, "-m", "handschlag.demo.issuer", str(self.file)])
        processes.until_ready("sign-on", f"http://127.0.0.1:{self.port}/.well-known/openid-configuration")
