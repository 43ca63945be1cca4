"""The chart for the README, as SVG without scripts or fonts of its own."""

import math
from html import escape

from .bounds import find
from .experiments import Results, Settings
from .measuring import Cell
from .report import seconds_text

_WIDTH, _BAR, _GAP, _LABEL, _VALUE = 760, 18, 8, 130, 80


def chart(results: Results, settings: Settings) -> str:
    """Cold `grep -r` at the highest latency, and the second one at none; both scales are logarithmic."""
    latency = max(settings.latencies)
    panels = [
        (f"Cold grep -r, {latency} ms for each request", _bars(results.cells.get(f"rivals, {latency} ms", []), "cold")),
        ("Second grep -r, no latency", _bars(results.cells.get("rivals, 0 ms", []), "second")),
    ]
    parts, top = [], 8
    for title, bars in panels:
        if bars:
            parts.append(_panel(title, bars, top))
            top += 40 + len(bars) * (_BAR + _GAP)
    size = f'width="{_WIDTH}" height="{top}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">'
    return "\n".join([head, f'<rect {size} fill="#ffffff"/>', *parts, "</svg>\n"])


def _bars(cells: list[Cell], state: str) -> list[tuple[str, float]]:
    subjects = dict.fromkeys(cell.subject for cell in cells)
    timed = [(name, find(cells, name, "grep -r")) for name in subjects]
    bars = [(name, cell.median(state)) for name, cell in timed if cell and cell.median(state)]
    return sorted(bars, key=lambda bar: bar[1])


def _panel(title: str, bars: list[tuple[str, float]], top: int) -> str:
    # The axis begins a third of a decade before the shortest bar, so that it has a length.
    start = math.log10(min(seconds for _, seconds in bars)) - 0.35
    span = math.log10(max(seconds for _, seconds in bars)) - start
    lines = [f'<text x="8" y="{top + 16}" font-weight="bold">{escape(title)} (logarithmic)</text>']
    for index, (name, seconds) in enumerate(bars):
        y = top + 28 + index * (_BAR + _GAP)
        length = (math.log10(seconds) - start) / span * (_WIDTH - _LABEL - _VALUE - 16)
        color = "#d9480f" if name == "mount.claro" else "#868e96"
        middle = y + _BAR - 5
        lines.append(f'<text x="{_LABEL}" y="{middle}" text-anchor="end">{escape(name)}</text>')
        lines.append(f'<rect x="{_LABEL + 8}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{color}"/>')
        lines.append(f'<text x="{_LABEL + 14 + length:.1f}" y="{middle}">{seconds_text(seconds)}</text>')
    return "\n".join(lines)
