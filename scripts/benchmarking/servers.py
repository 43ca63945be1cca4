"""What the subjects are mounted from. Each server adds the latency itself, and logs each request."""

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

from .processes import Daemon

KEY = "sk_live_0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
_OWN = Path(__file__).parent


class Server:
    """A server on loopback that writes one line for each request to its log."""

    def __init__(self, words: list[str], log: Path, latency: int) -> None:
        #: Milliseconds added to each request.
        self.latency = latency
        self._daemon = Daemon(words, log)
        self.url = re.search(r"http://[0-9.:]+", self._daemon.first_line()).group()
        self._mark = 0

    def mark(self) -> None:
        """Begins counting anew, once nothing is under way any more."""
        self._wait_until_quiet()
        self._mark = self._daemon.log.stat().st_size

    def requests(self) -> Counter:
        """The requests since the mark, by kind, once nothing is under way any more."""
        self._wait_until_quiet()
        with self._daemon.log.open("rb") as log:
            log.seek(self._mark)
            return Counter(self._kind(line) for line in log.read().decode(errors="replace").splitlines())

    def _kind(self, line: str) -> str:
        return line.split()[0]

    def _wait_until_quiet(self) -> None:
        """Requests are logged when they are answered."""
        size, since = -1, time.monotonic()
        while time.monotonic() < since + 0.1 + 4 * self.latency / 1000:
            now = self._daemon.log.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            time.sleep(0.01)

    def stop(self) -> None:
        self._daemon.end()


class Emulator(Server):
    """Claro's API, with a generated library and a rate limit that is never reached."""

    def __init__(self, program: Path, log: Path, *, prompts: int, versions: int, latency: int) -> None:
        numbers = {"prompts": prompts, "versions": versions, "latency": latency, "requests-per-minute": 100_000_000}
        options = [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
        super().__init__([str(program), "--json-log", *options], log, latency)

    def _kind(self, line: str) -> str:
        return json.loads(line)["operation"]

    def entries(self) -> list[dict]:
        """The requests since the mark, each as the emulator logs it."""
        self._wait_until_quiet()
        with self._daemon.log.open("rb") as log:
            log.seek(self._mark)
            return [json.loads(line) for line in log]


class FileServer(Server):
    """A directory over HTTP and WebDAV."""

    def __init__(self, directory: Path, log: Path, latency: int) -> None:
        super().__init__([sys.executable, str(_OWN / "file_server.py"), str(directory), str(latency)], log, latency)


class S3Server(Server):
    """A directory as the bucket `library`."""

    def __init__(self, python: Path, directory: Path, log: Path, latency: int) -> None:
        super().__init__([str(python), str(_OWN / "s3_server.py"), str(directory), str(latency)], log, latency)
