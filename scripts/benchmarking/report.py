"""The results as Markdown and JSON, and in the README."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

from .bounds import WIDTH, Bound, bounds, find
from .experiments import Results, Settings
from .measuring import Cell

BEGIN, END = "<!-- benchmark: begin -->", "<!-- benchmark: end -->"
COMMAND = "scripts/benchmark --readme"


def document(results: Results, settings: Settings, failures: dict[str, str]) -> str:
    """Everything that was measured."""
    parts = ["# Benchmark", circumstances(settings), "## What it must show", bounds_table(results, settings)]
    for name, reason in failures.items():
        parts.append(f"Not measured: {name}: {reason}")
    for name in ("warm", "warm on one processor"):
        if cells := results.cells.get(name):
            counts = results.figures["kernel requests"] if name == "warm" else None
            parts += [f"## {name.capitalize()}", _warm_table(cells, counts)]
    for name, cells in results.cells.items():
        if name.startswith(("cold", "rivals")):
            parts += [f"## {name.capitalize()}", _cold_table(cells)]
    if results.subjects:
        parts.append(_subjects_list(results))
    for name in ("remount", "offline"):
        if cells := results.cells.get(name):
            parts += [f"## {name.capitalize()}", _plain_table(cells)]
    return "\n\n".join(parts) + "\n"


def section(results: Results, settings: Settings, chart: str) -> str:
    """What the README shows."""
    parts = [
        f"    {COMMAND}",
        circumstances(settings),
        f"![Cold and second grep -r, beside other mounts]({chart})",
        rivals_table(results, settings),
        _subjects_list(results),
        bounds_table(results, settings),
    ]
    return "\n\n".join(parts)


def put_in_readme(readme: Path, text: str) -> None:
    before, rest = readme.read_text().split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def data(results: Results, settings: Settings, failures: dict[str, str]) -> str:
    """The same as JSON, with the seconds of every run."""
    return json.dumps(
        {
            "machine": _machine(),
            "prompts": settings.prompts,
            "versions": settings.versions,
            "promptsForAll": settings.rival_prompts,
            "cells": {name: [cell.json for cell in cells] for name, cells in results.cells.items()},
            "figures": results.figures,
            "bounds": [bound.__dict__ for bound in bounds(results, settings)],
            "failures": failures,
        },
        indent=1,
    )


def circumstances(settings: Settings) -> str:
    return (
        f"{settings.prompts} prompts of {settings.versions} versions ({settings.rival_prompts} prompts where all stand "
        f"side by side), served on loopback by servers that add the latency to each request. Medians. {_machine()}."
    )


def _machine() -> str:
    # What comes behind the numbers is the builder's.
    release = ".".join(platform.release().split(".")[:2])
    texts = [f"{len(os.sched_getaffinity(0))} processors", f"Linux {release}"]
    for package in ("rclone", "davfs2", "s3fs"):
        if shutil.which("dpkg-query"):
            words = ["dpkg-query", "-W", "-f", "${Version}", package]
            version = subprocess.run(words, capture_output=True, text=True).stdout.split("+")[0].split("-")[0]
            if version:
                texts.append(f"{package} {version}")
    return ", ".join(texts)


# Tables.


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bounds_table(results: Results, settings: Settings) -> str:
    rows = [[each.what, each.bound, each.measured, _verdict(each)] for each in bounds(results, settings)]
    return _table(["", "bound", "measured", ""], rows)


def _verdict(bound: Bound) -> str:
    return {True: "✔", False: "✘", None: ""}[bound.holds]


def seconds_text(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.1 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s"


def _warm_table(cells: list[Cell], counts: dict[str, dict[str, int]] | None) -> str:
    subjects = _unique(cell.subject for cell in cells)
    heads = ["", *subjects, *(f"× {name}" for name in subjects[1:])] + (["FUSE requests"] if counts else [])
    rows = []
    for workload in _unique(cell.workload for cell in cells):
        medians = [find(cells, subject, workload).median("warm") for subject in subjects]
        ratios = [f"{medians[0] / each:.2f}" if medians[0] and each else "–" for each in medians[1:]]
        row = [f"`{workload}`", *map(seconds_text, medians), *ratios]
        if counts:
            row.append(", ".join(f"{count} {opcode}" for opcode, count in counts[workload].items()) or "0")
        rows.append(row)
    return _table(heads, rows)


def _cold_table(cells: list[Cell]) -> str:
    heads = ["", "subject", "cold", "runs", "second", "third", "HTTP requests", f"× requests × round trip / {WIDTH}"]
    heads += ["daemon's CPU", "peak memory"]
    rows = []
    for cell in cells:
        count = sum(cell.requests.values()) if cell.requests is not None else None
        ideal = count * cell.latency / 1000 / WIDTH if count and cell.latency else None
        cold = cell.median("cold")
        rows.append(
            [f"`{cell.workload}`", cell.subject]
            + ([cell.failure] if cell.failure else [seconds_text(cold)])
            + [str(len(cell.seconds.get("cold", [])))]
            + [seconds_text(cell.median("second")), seconds_text(cell.median("third"))]
            + ["–" if count is None else str(count), f"{cold / ideal:.2f}" if cold and ideal else "–"]
            + [seconds_text(sorted(cell.cpu)[len(cell.cpu) // 2]) if cell.cpu else "–"]
            + ["–" if cell.peak is None else f"{cell.peak / (1 << 20):.0f} MiB"]
        )
    return _table(heads, rows)


def _plain_table(cells: list[Cell]) -> str:
    rows = []
    for cell in cells:
        medians = [seconds_text(cell.median(state)) for state in cell.seconds]
        rows.append([f"`{cell.workload}`", cell.subject, cell.failure or " ".join(medians)])
    return _table(["", "subject", "time"], rows)


def rivals_table(results: Results, settings: Settings) -> str:
    """Each subject with `grep -r` and its kin, at no latency and at the highest."""
    latency = max(settings.latencies)
    far = results.cells.get(f"rivals, {latency} ms", [])
    near = results.cells.get("rivals, 0 ms", [])
    columns = [(far, name, "cold") for name in ("first cat", "ls -lR", "grep -r", "16 readers")]
    columns.append((near, "grep -r", "second"))
    heads = ["", *(f"{state} `{name}`, {latency if cells is far else 0} ms" for cells, name, state in columns)]
    heads.insert(-1, "requests of `grep -r`")
    rows = []
    for subject in _unique(cell.subject for cell in [*far, *near]):
        row = [subject]
        for cells, name, state in columns:
            cell = find(cells, subject, name)
            row.append(cell.failure if cell and cell.failure else seconds_text(cell.median(state) if cell else None))
        grep = find(far, subject, "grep -r")
        count = sum(grep.requests.values()) if grep and grep.requests is not None else None
        row.insert(-1, "–" if count is None else str(count))
        rows.append(row)
    return _table(heads, rows)


def _subjects_list(results: Results) -> str:
    return "\n".join(f"- {name}: {description}" for name, description in results.subjects.items())


def _unique(names) -> list[str]:
    return list(dict.fromkeys(names))
