"""Repetition: every subject in turn within a repetition, so that what drifts hits all alike."""

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from . import processes
from .processes import Failure
from .subjects import Claro, Subject
from .workloads import Workload


@dataclass
class Cell:
    """One subject with one workload."""

    subject: str
    workload: str
    #: Milliseconds that the server adds to each request; nil where there is no server.
    latency: int | None
    #: Seconds of each repetition, by state: cold, second, third.
    seconds: dict[str, list[float]] = field(default_factory=dict)
    #: HTTP requests of the first repetition's cold run, by kind.
    requests: dict[str, int] | None = None
    #: The daemon's processor time in the cold runs, in seconds.
    cpu: list[float] = field(default_factory=list)
    #: The most memory that the daemon held after the cold runs, in bytes.
    peak: int | None = None
    failure: str | None = None

    def median(self, state: str) -> float | None:
        return statistics.median(self.seconds[state]) if self.seconds.get(state) else None

    @property
    def json(self) -> dict:
        return asdict(self)


class Bench:
    """Runs workloads, and checks that all subjects show the same bytes."""

    def __init__(self, repetitions: int, timeout: float = 300) -> None:
        self.repetitions = repetitions
        #: Seconds that a command may take.
        self.timeout = timeout
        self._printed: dict[tuple[int, str], int] = {}

    def run(self, workload: Workload, subject: Subject, library: int = 0) -> float:
        """The seconds that one run takes; `library` names the tree that the subject shows."""
        if workload.target:
            shutil.rmtree(workload.target, ignore_errors=True)
        try:
            outcome = processes.run(subject.words(workload.words), subject.directory, timeout=self.timeout)
        finally:
            if workload.target:
                shutil.rmtree(workload.target, ignore_errors=True)
        if workload.prints_same and subject.is_exact:
            expected = self._printed.setdefault((library, workload.name), outcome.byte_count)
            if outcome.byte_count != expected:
                raise Failure(f"{outcome.byte_count} bytes instead of {expected}")
        return float(outcome.head) if workload.tells_seconds else outcome.seconds

    def cold(
        self, subjects: list[Subject], workloads: list[Workload], library: int, *, allowance: float = 15
    ) -> list[Cell]:
        """Each workload cold, and twice again, on each subject; what has taken `allowance` seconds is not repeated."""
        cells = []
        for workload in workloads:
            row = {id(subject): _cell(subject, workload) for subject in subjects}
            spent = dict.fromkeys(row, 0.0)
            for repetition in range(self.repetitions):
                for subject in _rotated(subjects, repetition):
                    cell = row[id(subject)]
                    if cell.failure or spent[id(subject)] > allowance:
                        continue
                    start = time.monotonic()
                    try:
                        self._cold_once(subject, workload, cell, library, allowance)
                    except Failure as failure:
                        cell.failure = str(failure)
                    spent[id(subject)] += time.monotonic() - start
            cells += row.values()
            _progress(workload.name, row.values(), "cold")
        return cells

    def _cold_once(self, subject: Subject, workload: Workload, cell: Cell, library: int, allowance: float) -> None:
        subject.make_cold()
        counts_requests = subject.server is not None and cell.requests is None
        if counts_requests:
            subject.server.mark()
        cpu = subject.daemon.cpu_seconds() if subject.daemon else 0
        self._keep(cell, "cold", self.run(workload, subject, library))
        if counts_requests:
            cell.requests = dict(subject.server.requests())
        if subject.daemon:
            cell.cpu.append(subject.daemon.cpu_seconds() - cpu)
            cell.peak = max(cell.peak or 0, subject.daemon.peak_bytes())
        for state in ("second", "third"):
            # Who takes as long again is not waited for.
            if cell.seconds["cold"][-1] > allowance:
                return
            self._keep(cell, state, self.run(workload, subject, library))

    def again(
        self,
        subjects: list[Subject],
        workloads: list[Workload],
        library: int,
        state: str,
        *,
        prepare: Callable[[Subject], None] | None = None,
        factor: int = 1,
    ) -> list[Cell]:
        """Each workload on subjects that know everything; before each run `prepare(subject)`, if given."""
        cells = []
        for workload in workloads:
            row = {id(subject): _cell(subject, workload) for subject in subjects}
            for repetition in range(-1, self.repetitions * factor):
                for subject in _rotated(subjects, repetition):
                    cell = row[id(subject)]
                    if cell.failure:
                        continue
                    try:
                        if prepare:
                            prepare(subject)
                        seconds = self.run(workload, subject, library)
                        # The first round is for what the others have driven out of the processor's caches.
                        if repetition >= 0:
                            self._keep(cell, state, seconds)
                    except Failure as failure:
                        cell.failure = str(failure)
            cells += row.values()
            _progress(workload.name, row.values(), state)
        return cells

    def _keep(self, cell: Cell, state: str, seconds: float) -> None:
        cell.seconds.setdefault(state, []).append(seconds)

    def kernel_requests(self, subject: Claro, workload: Workload) -> dict[str, int]:
        """The fewest of three runs: others may have the kernel's caches dropped."""
        counts = [subject.kernel_requests_of(lambda: self.run(workload, subject)) for _ in range(3)]
        return min(counts, key=lambda each: sum(each.values()))


def _cell(subject: Subject, workload: Workload) -> Cell:
    return Cell(subject.name, workload.name, subject.server.latency if subject.server else None)


def _rotated(subjects: list[Subject], count: int) -> list[Subject]:
    start = count % len(subjects)
    return subjects[start:] + subjects[:start]


def _progress(workload: str, cells, state: str) -> None:
    texts = []
    for cell in cells:
        seconds = cell.median(state)
        texts.append(f"{cell.subject} " + ("failed" if seconds is None else f"{seconds * 1000:.1f} ms"))
    say(f"  {workload}, {state}: {', '.join(texts)}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
