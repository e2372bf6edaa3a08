"""Small charts as SVG files: no script, no font but the reader's, readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 34, 42
_STYLE = (
    "<style>text{font:12px system-ui,sans-serif;fill:#1f2328}.quiet{fill:#59636e}.bar{fill:#3b6fb5}"
    ".line{fill:none;stroke:#3b6fb5;stroke-width:1.6}.grid{stroke:#d1d9e0}.page{fill:#ffffff}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.bar{fill:#6ea8fe}.line{stroke:#6ea8fe}"
    ".grid{stroke:#3d444d}.page{fill:#0d1117}}</style>"
)


def bars(histogram: Mapping[str, Any], title: str, unit: str) -> str:
    """A histogram of `report.histogram`. `unit` names the axis."""
    counts, low, width = histogram["counts"], histogram["low"], histogram["width"]
    most = max(counts)
    step = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    parts = _frame(title, f"median {histogram['median']:,g}, most {histogram['most']:,}", 0, most)
    for number, count in enumerate(counts):
        tall = count / most * (_HEIGHT - _TOP - _BOTTOM)
        parts.append(
            f'<rect class="bar" x="{_LEFT + number * step + 1:.1f}" y="{_HEIGHT - _BOTTOM - tall:.1f}" '
            f'width="{max(step - 2, 0.5):.1f}" height="{tall:.1f}"><title>{_bin(histogram, number)}: {count:,}'
            "</title></rect>"
        )
    every = -(-len(counts) // 8)
    for number in range(0, len(counts), every):
        at = _LEFT + (number + (0.5 if width == 1 else 0)) * step
        more = "+" if histogram["open"] and number == len(counts) - 1 else ""
        parts.append(_text(at, _HEIGHT - _BOTTOM + 16, f"{low + number * width:,}{more}", "middle"))
    return _close(parts, unit)


def curve(points: Sequence[tuple[float, float]], title: str, unit: str) -> str:
    """A line through at least two (x, y) points, in order of x."""
    xs, ys = zip(*points, strict=True)
    low, high = min(ys), max(ys)
    if low == high:
        low, high = low - 0.5, high + 0.5
    parts = _frame(title, f"first {ys[0]:.4g}, last {ys[-1]:.4g}", low, high)
    across = (_WIDTH - _LEFT - _RIGHT) / ((xs[-1] - xs[0]) or 1)
    up = (_HEIGHT - _TOP - _BOTTOM) / (high - low)
    path = " ".join(f"{_LEFT + (x - xs[0]) * across:.1f},{_HEIGHT - _BOTTOM - (y - low) * up:.1f}" for x, y in points)
    parts.append(f'<polyline class="line" points="{path}"/>')
    for x in dict.fromkeys((xs[0], xs[-1])):
        parts.append(_text(_LEFT + (x - xs[0]) * across, _HEIGHT - _BOTTOM + 16, f"{x:,g}", "middle"))
    return _close(parts, unit)


def _bin(histogram: Mapping[str, Any], number: int) -> str:
    start = histogram["low"] + number * histogram["width"]
    if histogram["open"] and number == len(histogram["counts"]) - 1:
        return f"{start:,} and more"
    return f"{start:,}" if histogram["width"] == 1 else f"{start:,} to {start + histogram['width'] - 1:,}"


def _frame(title: str, said: str, low: float, high: float) -> list[str]:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{escape(f"{title}: {said}")}">',
        _STYLE,
        f'<rect class="page" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        f'<text x="{_LEFT}" y="20" font-weight="600">{escape(title)}</text>',
        _text(_WIDTH - _RIGHT, 20, said, "end"),
    ]
    for value in (low, high):
        y = _HEIGHT - _BOTTOM if value == low else _TOP
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{value:,}" if isinstance(value, int) else f"{value:.3g}", "end"))
    return parts


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="quiet" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _close(parts: list[str], unit: str) -> str:
    parts.append(_text((_WIDTH + _LEFT - _RIGHT) / 2, _HEIGHT - 8, unit, "middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"
