"""What is measured, one experiment after the other."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from json import dumps, loads
from pathlib import Path

from . import kernel, processes
from .measuring import Bench, Cell, say
from .processes import Failure
from .servers import KEY, Emulator, FileServer, S3Server, Server
from .subjects import S3FS, Claro, DavFS, PlainDirectory, Rclone, SDKCopy, Subject, copy_tree, missing
from .workloads import Workload, workloads

WALKS = ["ls -lR", "find", "grep -r", "rg", "du", "cat of all", "tar", "cp -a", "16 readers"]


@dataclass
class Settings:
    binaries: Path
    #: With the SDK and moto; None: they could not be installed.
    python: Path | None
    scratch: Path
    latencies: list[int]
    #: Prompts in the library of the mount's own figures, and in the one for all subjects.
    prompts: int
    rival_prompts: int
    versions: int
    with_rivals: bool


@dataclass
class Results:
    cells: dict[str, list[Cell]] = field(default_factory=dict)
    #: Figures that are no cell, by name.
    figures: dict[str, object] = field(default_factory=dict)
    #: How each subject of `rivals` is made.
    subjects: dict[str, str] = field(default_factory=dict)


class Library:
    """A generated library: its servers, started when they are needed, and plain copies of it."""

    def __init__(self, settings: Settings, prompts: int, stack: ExitStack) -> None:
        self.settings = settings
        self.prompts = prompts
        self.versions = prompts * settings.versions
        self.scratch = settings.scratch / f"library-{prompts}"
        self.scratch.mkdir()
        self._memory = Path("/dev/shm") / f"{settings.scratch.name}-{prompts}"
        self._stack = stack
        self._emulators: dict[int, Emulator] = {}

    def emulator(self, latency: int) -> Emulator:
        """The one with this latency, which runs until the end."""
        if latency not in self._emulators:
            emulator = self.new_emulator(latency)
            self._stack.callback(emulator.stop)
            self._emulators[latency] = emulator
        return self._emulators[latency]

    def new_emulator(self, latency: int) -> Emulator:
        log = self.scratch / f"emulator-{time.monotonic_ns()}.log"
        program = self.settings.binaries / "claro-emulator"
        return Emulator(program, log, prompts=self.prompts, versions=self.settings.versions, latency=latency)

    @cached_property
    def copies(self) -> list[PlainDirectory]:
        """The library on the disk's filesystem, and in memory."""
        disk = PlainDirectory(kernel.filesystem_type(self.scratch), self.scratch / "copy" / "@library")
        memory = PlainDirectory("tmpfs", self._memory / "@library")
        self._stack.callback(shutil.rmtree, self._memory, ignore_errors=True)
        with contextlib.closing(self.claro(0, name="copied")) as claro:
            claro.make_cold()
            for copy in (disk, memory):
                copy_tree(claro.root, copy.root)
        return [disk, memory]

    @cached_property
    def workloads(self) -> dict[str, Workload]:
        return workloads(self.copies[0].root, self.scratch)

    def claro(self, latency: int, name: str = "claro") -> Claro:
        return Claro(self.settings.binaries / "mount.claro", self.scratch / name, self.emulator(latency))


class Experiments:
    """All of them, on two libraries: a large one for this mount, and one that others get through in time."""

    def __init__(self, settings: Settings, bench: Bench, stack: ExitStack) -> None:
        self.settings = settings
        self.bench = bench
        self.results = Results()
        self._stack = stack
        self._libraries: dict[int, Library] = {}

    names = ["warm", "cold", "rivals", "remount", "offline", "first", "large", "process"]

    def run(self, name: str) -> None:
        say(f"{name} …")
        start = time.monotonic()
        getattr(self, f"run_{name}")()
        say(f"{name}: {time.monotonic() - start:.0f} s")

    def library(self, prompts: int) -> Library:
        if prompts not in self._libraries:
            self._libraries[prompts] = Library(self.settings, prompts, self._stack)
        return self._libraries[prompts]

    @property
    def large(self) -> Library:
        return self.library(self.settings.prompts)

    @contextlib.contextmanager
    def mounted(self, latency: int):
        """The large library, mounted anew with nothing cached."""
        with contextlib.closing(self.large.claro(latency)) as claro:
            claro.make_cold()
            yield claro

    def _warm_up(self, claro: Claro) -> None:
        for name in ("cat of all", "ls -lR"):
            self.bench.run(self.large.workloads[name], claro, self.large.prompts)

    # The experiments.

    def run_warm(self) -> None:
        """What was read before, beside filesystems of the kernel's own; free, and on one processor."""
        every = [self.large.workloads[name] for name in [*WALKS, "100 cats", "20,000 stats"]]
        with self.mounted(0) as claro:
            self._warm_up(claro)
            subjects: list[Subject] = [claro, *self.large.copies]
            self.results.cells["warm"] = self.bench.again(subjects, every, self.large.prompts, "warm", factor=4)
            with processes.one_processor([claro.daemon]):
                cells = self.bench.again(subjects, every, self.large.prompts, "warm", factor=2)
            self.results.cells["warm on one processor"] = cells
            counts = {workload.name: self.bench.kernel_requests(claro, workload) for workload in every}
            self.results.figures["kernel requests"] = counts

    def run_cold(self) -> None:
        """Nothing cached, at each latency."""
        for latency in self.settings.latencies:
            say(f" {latency} ms")
            names = ["first cat", *WALKS, "100 cats", "20,000 stats"]
            if latency:
                names = ["first cat", "ls -lR", "grep -r", "tar", "100 cats", "16 readers"]
            chosen = [self.large.workloads[name] for name in names]
            with ExitStack() as stack:
                subjects: list[Subject] = [stack.enter_context(contextlib.closing(self.large.claro(latency)))]
                cells = self.bench.cold(subjects, chosen, self.large.prompts)
                if self.settings.python and self.settings.with_rivals:
                    sdk = SDKCopy(self.settings.python, self.large.scratch, self.large.emulator(latency), 16)
                    stack.enter_context(contextlib.closing(sdk))
                    cells += self.bench.cold([sdk], [self.large.workloads["grep -r"]], self.large.prompts)
            self.results.cells[f"cold, {latency} ms"] = cells

    def run_rivals(self) -> None:
        """Everything side by side, on a library small enough for all."""
        library = self.library(self.settings.rival_prompts)
        for latency in self.settings.latencies:
            say(f" {latency} ms")
            names = ["first cat", *WALKS, "100 cats", "20,000 stats"]
            if latency:
                names = ["first cat", "ls -lR", "grep -r", "16 readers"]
            with ExitStack() as stack:
                subjects, absent = self._side_by_side(library, latency, stack)
                copied = [subject for subject in subjects if isinstance(subject, SDKCopy)]
                shown = [subject for subject in subjects if subject not in copied]
                chosen = [library.workloads[name] for name in names]
                cells = self.bench.cold(shown, chosen, library.prompts, allowance=4)
                if copied:
                    cells += self.bench.cold(copied, [library.workloads["grep -r"]], library.prompts, allowance=4)
                cells += [Cell(name, "*", latency, failure=reason) for name, reason in absent.items()]
                self.results.cells[f"rivals, {latency} ms"] = cells

    def _side_by_side(
        self, library: Library, latency: int, stack: ExitStack
    ) -> tuple[list[Subject], dict[str, str]]:
        """All subjects, and why the others are none."""
        subjects: list[Subject] = [library.claro(latency)]
        if latency == 0:
            subjects += library.copies
        absent = {}
        if self.settings.with_rivals:
            tree = library.copies[0].root
            python = self.settings.python
            for kind in (Rclone, DavFS, S3FS):
                try:
                    if reason := missing(kind):
                        raise Failure(reason)
                    if kind is S3FS and python is None:
                        raise Failure("moto is not installed")
                    log = library.scratch / f"{kind.name}-{latency}.log"
                    server: Server
                    server = S3Server(python, tree, log, latency) if kind is S3FS else FileServer(tree, log, latency)
                    stack.callback(server.stop)
                    subject = kind(library.scratch, server)
                    stack.callback(subject.close)
                    subject.make_cold()
                    subjects.append(subject)
                except (Failure, OSError) as failure:
                    absent[kind.name] = str(failure)
            for threads in (1, 16):
                if python is None:
                    absent["SDK" if threads == 1 else f"SDK, {threads} threads"] = "not installed"
                else:
                    subjects.append(SDKCopy(python, library.scratch, library.emulator(latency), threads))
        for subject in subjects:
            self.results.subjects[subject.name] = subject.description
            stack.callback(subject.close)
        return subjects, absent

    def run_remount(self) -> None:
        """A store that has everything, and a kernel that has nothing, beside a disk in the same state."""
        if not kernel.can_drop_caches():
            raise Failure("only root can drop the kernel's caches")
        chosen = [self.large.workloads[name] for name in ("grep -r", "ls -lR", "cat of all")]
        with self.mounted(0) as claro:
            self._warm_up(claro)
            subjects: list[Subject] = [claro, self.large.copies[0]]
            cells = self.bench.again(
                subjects, chosen, self.large.prompts, "remounted", prepare=lambda subject: subject.remount()
            )
            self.results.cells["remount"] = cells

    def run_offline(self) -> None:
        """The same commands on two mounts that have read everything, one of which has lost its server."""
        chosen = [self.large.workloads[name] for name in ("ls -lR", "grep -r", "tar")]
        program = self.settings.binaries / "mount.claro"
        server = self.large.new_emulator(0)
        self._stack.callback(server.stop)
        with ExitStack() as stack:
            subjects: list[Subject] = [self.large.claro(0), Claro(program, self.large.scratch / "offline", server)]
            for claro, name in zip(subjects, ("online", "offline"), strict=True):
                stack.callback(claro.close)
                claro.name = name
                claro.make_cold()
                self._warm_up(claro)
            server.stop()
            self.results.cells["offline"] = self.bench.again(subjects, chosen, self.large.prompts, "warm", factor=4)

    def run_first(self) -> None:
        """One text of a library that was just mounted, beside curl's second request on one connection."""
        latency = max(self.settings.latencies)
        workload = self.large.workloads["first cat"]
        claro_seconds, curl_seconds = [], []
        with self.mounted(latency) as claro:
            for _ in range(self.bench.repetitions):
                claro.make_cold()
                claro_seconds.append(self.bench.run(workload, claro, self.large.prompts))
                curl_seconds.append(_curl_of_a_version(claro.server.url))
        self.results.figures["first cat"] = {"latency": latency, "seconds": claro_seconds, "curl": curl_seconds}

    def run_large(self) -> None:
        """An attachment of 100 MiB beside curl of its signed URL, and the end of one of 1 GiB."""
        latency = max(self.settings.latencies)
        file = "hundred-mebibytes/v1/context/data.bin"
        seconds, first_bytes, curl, requests = [], [], [], None
        with self.mounted(latency) as claro:
            for _ in range(self.bench.repetitions):
                for measure, kept in ((_read_whole, seconds), (_first_byte, first_bytes)):
                    claro.make_cold()
                    path = claro.mount_point / "@large" / file
                    os.stat(path)
                    claro.server.mark()
                    kept.append(measure(path))
                    if requests is None:
                        requests = dict(claro.server.requests())
                signed = _signed_url(claro.server.url, "ctx_hundred-mebibytes")
                words = ["curl", "-sS", "-o", "/dev/null", signed]
                curl.append(processes.run(words, self.settings.scratch, timeout=self.bench.timeout).seconds)
            claro.make_cold()
            path = claro.mount_point / "@large/one-gibibyte/v1/context/data.bin"
            size = os.stat(path).st_size
            claro.server.mark()
            with path.open("rb", buffering=0) as opened:
                os.pread(opened.fileno(), 4096, size - 4096)
            tail = [{"operation": entry["operation"], "range": entry.get("range")} for entry in claro.server.entries()]
        self.results.figures["large"] = {
            "latency": latency,
            "seconds": seconds,
            "first byte": first_bytes,
            "curl": curl,
            "requests": requests,
            "tail of 1 GiB": tail,
        }

    def run_process(self) -> None:
        """Memory, processor time when idle, and how long mounting takes."""
        figures: dict[str, object] = {}
        with self.mounted(0) as claro:
            # It answers before it has put everything away that only its start needs.
            time.sleep(1)
            figures["resident after mounting"] = claro.daemon.resident_bytes()
            self.bench.run(self.large.workloads["grep -r"], claro, self.large.prompts)
            figures["resident after grep -r"] = claro.daemon.resident_bytes()
            # Threads that the last command needed end some seconds after it; then nothing may happen.
            time.sleep(12)
            figures["wake-ups a second when idle"] = claro.daemon.wake_ups(5) / 5
            claro.unmount()
            seconds = [self._mount_and_list(claro) for _ in range(self.bench.repetitions)]
            figures["mounted and answering"] = seconds
        figures["private with 100,000 listed"] = self._private_bytes_of_many()
        self.results.figures["process"] = figures

    def _mount_and_list(self, claro: Claro) -> float:
        """As one mounts by hand, in the background, then a look."""
        words = [word for word in claro.mount_words() if word != "--foreground"]
        start = time.perf_counter()
        subprocess.run(words, env=claro.environment(), check=True)
        os.listdir(claro.root)
        seconds = time.perf_counter() - start
        kernel.unmount(claro.mount_point)
        return seconds

    def _private_bytes_of_many(self) -> int:
        scratch = self.settings.scratch / "many"
        scratch.mkdir()
        program = self.settings.binaries
        server = Emulator(program / "claro-emulator", scratch / "log", prompts=100_000, versions=1, latency=0)
        self._stack.callback(server.stop)
        with contextlib.closing(Claro(program / "mount.claro", scratch, server)) as claro:
            claro.make_cold()
            if len(os.listdir(claro.root)) != 100_000:
                raise Failure("not all of 100,000 prompts are listed")
            return claro.daemon.private_bytes()


def _request(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def _signed_url(url: str, item: str) -> str:
    return loads(_request(f"{url}/api/v1/prompts/context/download-url?contextId={item}"))["url"]


def _curl_of_a_version(url: str) -> float:
    """Seconds of the second of two requests on one connection, by curl's own clock."""
    common = ["-sS", "-H", f"Authorization: Bearer {KEY}", "-o", "/dev/null", "-w", "%{time_total}\n"]
    body = dumps({"package_name": "@library/prompt-00000:v1"})
    words = ["curl", *common, f"{url}/v1/health", "--next", *common, "--json", body, f"{url}/v1/prompts/get"]
    return float(processes.run(words, Path("/")).head.split()[1])


def _read_whole(path: Path) -> float:
    words = ["dd", f"if={path}", "of=/dev/null", "bs=1M", "status=none"]
    return processes.run(words, Path("/")).seconds


_FIRST_BYTE = """
import os, sys, time
start = time.perf_counter()
os.read(os.open(sys.argv[1], os.O_RDONLY), 1)
print(time.perf_counter() - start)
"""


def _first_byte(path: Path) -> float:
    return float(processes.run([sys.executable, "-S", "-c", _FIRST_BYTE, str(path)], Path("/")).head)
