"""A real nats-server for tests: the binary on this machine, or a container where there is an engine.

`NATS_BACKEND=docker` asks for the container. Otherwise a binary is looked for (`NATS_SERVER_BIN`, `build/bin`, the
PATH), and the container is the second choice. A server older than 2.12.7 is refused, not tested against.
"""

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from adapters.infra.nats_bus import LEAST_SERVER
from adapters.infra.nats_server_conf import RANDOM_PORT, ServerPlace

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 10.0
STOP_LIMIT_S = 10.0
IMAGE = "nats:2.15-alpine"
MOUNTED = "/etc/handschlag"
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  inside the container only

Conf = Callable[[ServerPlace], str]
"""Renders the configuration for the place where a server will find its files."""


class NatsServer(Protocol):
    """One server with its own folder, which holds `server.pem`, `server.key` and `ca.pem`."""

    port: int

    def start(self) -> None:
        """Start on any free port; returns when the server takes connections."""
        ...

    def kill(self) -> None:
        """End it as a power cut would."""
        ...

    def restart(self) -> None:
        """Start a killed server again on the port and with the configuration it had."""
        ...

    def stop(self) -> None:
        """End it for good; harmless when it is not running."""
        ...


def make_server(folder: Path, conf: Conf) -> NatsServer:
    """Give the server this machine can run, not started yet; fails the test when there is none."""
    wants_container = os.environ.get("NATS_BACKEND") == "docker"
    binary = None if wants_container else find_binary()
    if binary is not None:
        return LocalServer(binary, folder, conf)
    if wants_container or _engine_answers():
        return ContainerServer(folder, conf)
    pytest.fail("no nats-server: run `make build/bin/nats-server`, set NATS_SERVER_BIN, or start a container engine")


def find_binary() -> Path | None:
    """Give a nats-server on this machine; fails the test when the one found is too old."""
    named = os.environ.get("NATS_SERVER_BIN")
    built = ROOT / "build" / "bin" / "nats-server"
    found = named or (str(built) if built.exists() else shutil.which("nats-server"))
    if found is None:
        return None
    says = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"v(\d+)\.(\d+)\.(\d+)", says)
    if version is None or tuple(map(int, version.groups())) < LEAST_SERVER:
        pytest.fail(f"{found} says {says.strip()}; at least {LEAST_SERVER} is needed")
    return Path(found)


class LocalServer:
    """A process of this machine, listening on loopback only."""

    def __init__(self, binary: Path, folder: Path, conf: Conf) -> None:
        """Take a binary, a folder with the certificates and how to render the configuration."""
        self.port = RANDOM_PORT
        self._binary = binary
        self._folder = folder
        self._conf = conf
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> None:
        """Start the process with a configuration rendered now."""
        place = _place(str(self._folder), f"{self._folder}/jwt", "127.0.0.1", RANDOM_PORT)
        (self._folder / "server.conf").write_text(self._conf(place), encoding="utf-8")
        self._run()

    def _run(self) -> None:
        """Run the process and read its log up to the line that says it is ready."""
        command = [str(self._binary), "-c", str(self._folder / "server.conf"), "-p", str(self.port)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self._process = process
        too_slow = threading.Timer(START_LIMIT_S, process.kill)
        too_slow.start()
        log = self._read_until_ready(process)
        too_slow.cancel()
        if "Server is ready" not in log[-1]:
            self.stop()
            pytest.fail("nats-server did not start:\n" + "".join(log))
        listening = re.search(r"client connections on 127\.0\.0\.1:(\d+)", "".join(log))
        assert listening is not None
        self.port = int(listening.group(1))
        self._reader = threading.Thread(target=self._read_on, args=(process,), daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """End the process with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._finish()

    def restart(self) -> None:
        """Start again on the same port, with the old configuration and what the resolver's folder holds."""
        self._run()

    def stop(self) -> None:
        """End the process by its id, with force if it does not go by itself."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._finish()

    def _finish(self) -> None:
        assert self._process is not None
        self._process.wait(STOP_LIMIT_S)
        if self._reader is not None:
            self._reader.join(STOP_LIMIT_S)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = self._reader = None

    @staticmethod
    def _read_until_ready(process: "subprocess.Popen[str]") -> list[str]:
        assert process.stderr is not None
        log = [""]
        for line in process.stderr:
            log.append(line)
            if "Server is ready" in line:
                break
        return log

    @staticmethod
    def _read_on(process: "subprocess.Popen[str]") -> None:
        """Take the rest of the log, so that the server never waits for a full pipe."""
        assert process.stderr is not None
        for _line in process.stderr:
            pass


class ContainerServer:
    """The same server in a container, with the folder mounted read-only and its port bound to loopback."""

    def __init__(self, folder: Path, conf: Conf) -> None:
        """Take a folder with the certificates and how to render the configuration."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        place = _place(MOUNTED, "/jwt", ANY_ADDRESS, self.port)
        (folder / "server.conf").write_text(conf(place), encoding="utf-8")
        self._container = DockerContainer(IMAGE).with_volume_mapping(folder, MOUNTED, "ro")
        self._container.with_command(f"-c {MOUNTED}/server.conf")
        on_loopback = ("127.0.0.1", self.port)
        self._container.ports[f"{self.port}/tcp"] = on_loopback  # type: ignore[assignment]  # it takes a pair too

    def start(self) -> None:
        """Start the container and wait for the line that says the server is ready."""
        self._container.waiting_for(LogMessageWaitStrategy("Server is ready")).start()

    def kill(self) -> None:
        """End the container's process with SIGKILL."""
        self._container.get_wrapped_container().kill()

    def restart(self) -> None:
        """Start the same container again; clients reconnect when it is there."""
        self._container.get_wrapped_container().start()

    def stop(self) -> None:
        """Remove the container."""
        self._container.stop()


def _engine_answers() -> bool:
    """Say whether there is a container engine; the library raises one of several types when there is none."""
    try:
        return bool(DockerClient().client.ping())
    except Exception:  # noqa: BLE001  whatever is wrong with the engine, there is none to use
        return False


def _place(files: str, resolver_folder: str, host: str, port: int) -> ServerPlace:
    return ServerPlace(
        server_name="test",
        host=host,
        port=port,
        certificate=f"{files}/server.pem",
        key=f"{files}/server.key",
        authority=f"{files}/ca.pem",
        resolver_folder=resolver_folder,
    )
