"""A ministack of its own: a second AWS emulator, which has what moto lacks (global databases, S3 replication)."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request


class Ministack:
    """A process on a free port of the loopback; ends with `close`."""

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "GATEWAY_PORT": str(port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
            "LOG_LEVEL": "WARNING",
        }
        self._log = (folder / "ministack.log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment, cwd=folder, stdout=self._log, stderr=self._log
        )
        self._wait(60.0)

    def reset(self):
        """Forget everything."""
        request = urllib.request.Request(f"{self.endpoint}/_ministack/reset", method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._log.close()

    def _wait(self, seconds):
        end = time.monotonic() + seconds
        while True:
            try:
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2).close()
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > end:
                    self.close()
                    raise
                time.sleep(0.05)
            else:
                return
