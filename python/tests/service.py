"""The executable as a real service, on a port that stays its own over restarts."""

import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

EXECUTABLE = os.environ.get("ISOBASE_TEST_EXECUTABLE")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def wait_until(true, what, seconds=60):
    """Waits for something that comes by itself."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


class Service:
    """``isobase serve`` in a folder of its own."""

    def __init__(self, folder, settings="", environment=None):
        if EXECUTABLE is None:
            if os.environ.get("ISOBASE_TEST_REQUIRE_ALL") == "1":
                raise RuntimeError("ISOBASE_TEST_EXECUTABLE is not set: start with cargo xtask test")
            pytest.skip("no executable: start with cargo xtask test")
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "isobase.toml").write_text(settings)
        self.environment = {**os.environ, **(environment or {})}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = None

    def start(self):
        log = open(self.folder / "service.log", "ab")
        command = [EXECUTABLE, "serve", str(self.folder), "--port", str(self.port)]
        self._process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        log.close()
        wait_until(self._is_ready, "the service to be ready")
        return self

    def _is_ready(self):
        assert self._process.poll() is None, (self.folder / "service.log").read_text()
        try:
            return urllib.request.urlopen(self.url + "/readyz", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, how=signal.SIGTERM):
        self._process.send_signal(how)
        self._process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self._process.poll() is None:
            self.stop(signal.SIGKILL)
