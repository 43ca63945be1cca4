"""Child processes: timed commands, and daemons that are looked at and ended."""

import contextlib
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO


class Failure(Exception):
    """What a subject could not do; it is reported in the table."""


@dataclass(frozen=True)
class Outcome:
    seconds: float
    #: What was printed on standard output.
    byte_count: int
    #: The beginning of it.
    head: bytes


def run(words: list[str], directory: Path, *, timeout: float = 300) -> Outcome:
    """Runs a command to its end and reads all it prints, as `| cat` would.

    GNU grep and tar notice /dev/null and then leave work out.
    """
    # Its errors go to a file, which no command can block on.
    with open(os.memfd_create("errors"), "w+b") as errors:
        start = time.perf_counter()
        process = _start(words, errors, cwd=directory)
        try:
            byte_count, head = _drain(process.stdout.fileno(), start + timeout)
            status = process.wait(max(1, start + timeout - time.perf_counter()))
        except (TimeoutError, subprocess.TimeoutExpired):
            raise Failure(f"{words[0]}: more than {timeout:.0f} s") from None
        finally:
            # Also what an interruption leaves, with its children.
            if process.returncode is None:
                kill_group(process)
            process.stdout.close()
        seconds = time.perf_counter() - start
        if status:
            errors.seek(0)
            lines = errors.read(4096).decode(errors="replace").splitlines() or [""]
            raise Failure(f"{words[0]}: status {status}: {lines[0]}")
    return Outcome(seconds, byte_count, head)


def _start(words: list[str], errors: BinaryIO, **options) -> subprocess.Popen:
    """Starts it in a session of its own, out of reach of the terminal's Ctrl-C: what it is needed for ends first."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": errors}
    return subprocess.Popen(words, start_new_session=True, **streams, **options)


def _drain(descriptor: int, deadline: float) -> tuple[int, bytes]:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    byte_count, head = 0, b""
    while True:
        if not poll.poll(max(0, deadline - time.perf_counter()) * 1000):
            raise TimeoutError
        block = os.read(descriptor, 1 << 20)
        if not block:
            return byte_count, head
        byte_count += len(block)
        if len(head) < 4096:
            head += block[:4096]


def kill_group(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # One that hangs in a dead filesystem is left to it.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5)


class Daemon:
    """A process in the background."""

    def __init__(self, words: list[str], log: Path, environment: dict[str, str] | None = None) -> None:
        self.log = log
        with log.open("wb") as errors:
            self._process = _start(words, errors, env=environment)
        self.pid = self._process.pid

    def first_line(self) -> str:
        """The first line that it prints, which says that it is ready."""
        line = self._process.stdout.readline().decode()
        if not line:
            self.end()
            raise Failure(f"{Path(self._process.args[0]).name} did not start: {self._last_error()}")
        return line

    def wait_until(self, condition, what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise Failure(f"{what}: {self._last_error()}")
            time.sleep(0.002)

    def _last_error(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else f"status {self._process.returncode}"

    def wait(self, timeout: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.returncode is not None

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            if not self.wait(10):
                kill_group(self._process)
        self._process.stdout.close()

    # What /proc tells.

    def _tasks(self) -> list[Path]:
        return list(Path(f"/proc/{self.pid}/task").iterdir())

    def cpu_seconds(self) -> float:
        """Processor time of its threads, in nanoseconds' resolution."""
        total = 0
        for task in self._tasks():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def wake_ups(self, seconds: float) -> int:
        """How often its threads are woken up during so many seconds, by how often they go to sleep."""
        before = self._voluntary_switches()
        time.sleep(seconds)
        after = self._voluntary_switches()
        # A thread that has ended was woken up to end.
        ended = len(before.keys() - after.keys())
        return ended + sum(count - before.get(task, 0) for task, count in after.items())

    def _voluntary_switches(self) -> dict[str, int]:
        return {task.name: _field(task / "status", "voluntary_ctxt_switches") for task in self._tasks()}

    def resident_bytes(self) -> int:
        return _field(Path(f"/proc/{self.pid}/status"), "VmRSS") << 10

    def peak_bytes(self) -> int:
        return _field(Path(f"/proc/{self.pid}/status"), "VmHWM") << 10

    def private_bytes(self) -> int:
        """What would be free if it ended."""
        path = Path(f"/proc/{self.pid}/smaps_rollup")
        return (_field(path, "Private_Clean") + _field(path, "Private_Dirty")) << 10

    def set_processors(self, processors: set[int]) -> None:
        for task in self._tasks():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), processors)


def _field(path: Path, name: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    raise KeyError(name)


@contextlib.contextmanager
def one_processor(daemons: list[Daemon]):
    """Keeps this process, what it starts meanwhile, and `daemons` on one processor."""
    all_processors = os.sched_getaffinity(0)
    one = {min(all_processors)}
    try:
        os.sched_setaffinity(0, one)
        for daemon in daemons:
            daemon.set_processors(one)
        yield
    finally:
        os.sched_setaffinity(0, all_processors)
        for daemon in daemons:
            with contextlib.suppress(OSError):
                daemon.set_processors(all_processors)
