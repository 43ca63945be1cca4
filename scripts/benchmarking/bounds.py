"""What the mount must show: each figure with the bound that it is held to."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from .experiments import Results, Settings
from .measuring import Cell

#: How many requests the mount has in flight at most.
WIDTH = 64
_MIB = 1 << 20
_SECOND_RUNS = ["grep -r", "ls -lR", "find", "rg", "tar", "du", "cat of all"]
_MOUNTS = ["rclone", "davfs2", "s3fs"]


@dataclass(frozen=True)
class Bound:
    what: str
    bound: str
    measured: str
    #: None: there is nothing to hold it to.
    holds: bool | None


def bounds(results: Results, settings: Settings) -> list[Bound]:
    """All that the results have figures for."""
    rows = _warm(results) + _remount(results) + _cold(results, settings) + _first(results)
    return rows + _large(results) + _process(results) + _offline(results)


def find(cells: list[Cell], subject: str, workload: str) -> Cell | None:
    """The subject's figures; for one that could not be had the cell that says why, whatever the workload."""
    return next((cell for cell in cells if cell.subject == subject and cell.workload in (workload, "*")), None)


def _seconds(cells: list[Cell], subject: str, workload: str, state: str) -> float | None:
    cell = find(cells, subject, workload)
    return cell.median(state) if cell else None


def _at_most(what: str, value: float | None, bound: float, show: Callable[[float], str]) -> list[Bound]:
    return [] if value is None else [Bound(what, f"≤ {show(bound)}", show(value), value <= bound)]


def _ratio(value: float) -> str:
    return f"{value:.2f} ×"


def _mebibytes(value: float) -> str:
    return f"{value / _MIB:.0f} MiB"


def _milliseconds(value: float) -> str:
    return f"{value * 1000:.0f} ms"


def _quotient(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


def _warm(results: Results) -> list[Bound]:
    rows = []
    cells = results.cells.get("warm", [])
    for name in _SECOND_RUNS:
        slower = [cell.median("warm") for cell in cells if cell.workload == name and cell.subject != "mount.claro"]
        slower = [seconds for seconds in slower if seconds]
        ratio = _quotient(_seconds(cells, "mount.claro", name, "warm"), max(slower, default=None))
        rows += _at_most(f"second `{name}`, beside the slower of disk and tmpfs", ratio, 1.10, _ratio)
    if counts := results.figures.get("kernel requests"):
        asked = {
            f"{count} {opcode} of {name}"
            for name in _SECOND_RUNS
            for opcode, count in counts[name].items()
            if opcode != "statfs"
        }
        text = ", ".join(sorted(asked)) or "0"
        rows.append(Bound("FUSE requests of these, but statfs", "0", text, not asked))
    return rows


def _remount(results: Results) -> list[Bound]:
    cells = results.cells.get("remount", [])
    disk = next((cell.subject for cell in cells if cell.subject != "mount.claro"), "")

    def ratio(name: str) -> float | None:
        return _quotient(*(_seconds(cells, subject, name, "remounted") for subject in ("mount.claro", disk)))

    beside = f"beside {disk}, the kernel's caches dropped"
    rows = _at_most(f"`grep -r` after a remount, {beside}", ratio("grep -r"), 1.5, _ratio)
    if value := ratio("cat of all"):
        rows.append(Bound(f"reading all through the store, {beside}", "–", _ratio(value), None))
    return rows


def _cold(results: Results, settings: Settings) -> list[Bound]:
    latency = max(settings.latencies)
    cell = find(results.cells.get(f"cold, {latency} ms", []), "mount.claro", "grep -r")
    rows = []
    if cell and cell.requests is not None:
        ideal = sum(cell.requests.values()) * latency / 1000 / WIDTH
        what = f"cold `grep -r` at {latency} ms, beside requests × round trip / {WIDTH}"
        rows += _at_most(what, _quotient(cell.median("cold"), ideal), 1.5, _ratio)
        attachments = -(-settings.prompts // 50) * settings.versions
        needed = settings.prompts * settings.versions + attachments
        made = sum(count for kind, count in cell.requests.items() if kind != "storage")
        what = "API requests of a cold `grep -r` after mounting: versions and attachments"
        rows.append(Bound(what, f"≤ {needed}", str(made), made <= needed))
    cells = results.cells.get(f"rivals, {latency} ms", [])
    others = [(_seconds(cells, name, "grep -r", "cold"), name) for name in _MOUNTS]
    fastest, name = min(((seconds, name) for seconds, name in others if seconds), default=(None, ""))
    if times := _quotient(fastest, _seconds(cells, "mount.claro", "grep -r", "cold")):
        what = f"cold `grep -r` at {latency} ms: faster than the fastest other mount ({name})"
        rows.append(Bound(what, "≥ 10 ×", f"{times:.1f} ×", times >= 10))
    return rows


def _first(results: Results) -> list[Bound]:
    figures = results.figures.get("first cat")
    if not figures:
        return []
    ratio = _quotient(median(figures["seconds"]), median(figures["curl"]))
    what = f"first `cat` after mounting at {figures['latency']} ms, beside curl's on a warm connection"
    return _at_most(what, ratio, 1.15, _ratio)


def _large(results: Results) -> list[Bound]:
    figures = results.figures.get("large")
    if not figures:
        return []
    latency = figures["latency"]
    ratio = _quotient(median(figures["seconds"]), median(figures["curl"]))
    rows = _at_most(f"100 MiB at {latency} ms, first read, beside curl of its signed URL", ratio, 1.1, _ratio)
    if latency:
        trips = median(figures["first byte"]) / (latency / 1000)
        rows += _at_most("its first byte, in round trips", trips, 2.5, lambda value: f"{value:.1f}")
    tail = figures["tail of 1 GiB"]
    ranges = [entry["range"] for entry in tail if entry["operation"] == "storage"]
    signed = sum(entry["operation"] == "downloadURL" for entry in tail)
    sizes = [_range_size(text, 1 << 30) for text in ranges]
    text = f"{signed} signed URL, " + (" + ".join(_mebibytes(size) for size in sizes) or "nothing")
    holds = len(tail) == 2 and signed == 1 and len(sizes) == 1 and sizes[0] <= _MIB
    rows.append(Bound("4 KiB from the end of 1 GiB", "1 signed URL, ≤ 1 MiB", text, holds))
    return rows


def _range_size(text: str | None, total: int) -> int:
    if not text:
        return total
    first, _, last = text.removeprefix("bytes=").partition("-")
    if not first:
        return int(last)
    return (int(last) + 1 if last else total) - int(first)


def _process(results: Results) -> list[Bound]:
    figures = results.figures.get("process")
    if not figures:
        return []
    rows = []
    for what, bound in (
        ("resident after mounting", 20 * _MIB),
        ("resident after grep -r", 40 * _MIB),
        ("private with 100,000 listed", 100 * _MIB),
    ):
        rows += _at_most(what, figures.get(what), bound, _mebibytes)
    seconds = median(figures["mounted and answering"])
    rows += _at_most("mounted and answering, with a warm store", seconds, 0.05, _milliseconds)
    wakeups = figures["wake-ups a second when idle"]
    rows.append(Bound("wake-ups a second of an idle mount", "0", f"{wakeups:g}", wakeups == 0))
    return rows


def _offline(results: Results) -> list[Bound]:
    cells = results.cells.get("offline", [])
    rows = []
    for name in ("ls -lR", "grep -r", "tar"):
        ratio = _quotient(*(_seconds(cells, subject, name, "warm") for subject in ("offline", "online")))
        rows += _at_most(f"`{name}` without a server, beside with one", ratio, 1.10, _ratio)
    return rows
