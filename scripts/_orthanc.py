"""An Orthanc server with DICOMweb on this machine, for tests and measurements."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
PLUGINS = (Path("/usr/share/orthanc/plugins"), Path("/usr/local/share/orthanc/plugins"))
DICOMWEB = "libOrthancDicomWeb.so"
USER, PASSWORD = "reader", "open sesame"  # of a server that lives for seconds on loopback
LIMIT_S = 60.0


def orthanc_problem() -> str:
    """Return why no server can be started, in a sentence; empty if one can."""
    if _program() is None:
        return "Orthanc is not installed; on Debian and Ubuntu: apt-get install orthanc orthanc-dicomweb"
    if _plugin() is None:
        return "the DICOMweb plugin of Orthanc is not installed; on Debian and Ubuntu: apt-get install orthanc-dicomweb"
    return ""


class Orthanc:
    """A server with a folder, port and configuration of its own, which answers on this machine only.

    Args:
        folder: made by the server, with its database.
        options: of its configuration, beside those of loopback and password.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.folder = folder
        self.port = _free_port()
        self.options = options
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        """Of its DICOMweb service."""
        return f"http://localhost:{self.port}/dicom-web"

    @property
    def address(self) -> str:
        """The same as the command line takes it."""
        return f"dicomweb+{self.url}"

    def __enter__(self) -> Orthanc:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()  # ending in order takes seconds, and nobody asks for its data again
            self._process.wait()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "orthanc.json"
        path.write_text(json.dumps({**self._configuration(), **self.options}))
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen([str(_program()), str(path)], stdout=log, stderr=log)
        deadline = time.monotonic() + LIMIT_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Orthanc did not start: {(self.folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it; what it stored stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def upload(self, paths: Iterable[Path]) -> None:
        """Store DICOM files."""
        for path in paths:
            self.ask("POST", "/instances", path.read_bytes())

    def delete_study(self, uid: str) -> None:
        """Delete a study."""
        (found,) = json.loads(self.ask("POST", "/tools/lookup", uid.encode()))
        self.ask("DELETE", found["Path"])

    def studies(self) -> list[str]:
        """Return its own names of its studies."""
        return json.loads(self.ask("GET", "/studies"))

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Ask its own interface."""
        request = urllib.request.Request(f"http://{LOOPBACK}:{self.port}{path}", body, method=method)
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, request.full_url, USER, PASSWORD)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPBasicAuthHandler(manager)
        )
        with opener.open(request, timeout=LIMIT_S) as answer:
            return answer.read()

    def _configuration(self) -> dict[str, Any]:
        return {
            "Name": "test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "DicomServerEnabled": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "Plugins": [str(_plugin())],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
            "StableAge": 1,
        }

    def _listens(self) -> bool:
        try:
            socket.create_connection((LOOPBACK, self.port), 1.0).close()
        except OSError:
            return False
        return True


def _program() -> str | None:
    return shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")


def _plugin() -> Path | None:
    return next((path for folder in PLUGINS if (path := folder / DICOMWEB).exists()), None)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((LOOPBACK, 0))
        return listening.getsockname()[1]
