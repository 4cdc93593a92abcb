"""Small line charts as inline SVG: no script, readable on light and dark and by a screen reader (chapter 15)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 190, 52, 28, 12


def line_chart(
    labels: Sequence[str],
    values: Sequence[float],
    title: str,
    *,
    says: str,
    target: float | None = None,
    marks: Sequence[int] = (),
    rules: Sequence[tuple[int, str]] = (),
) -> str:
    """One line over nights, as an SVG element with its title and description.

    Parameters
    ----------
    labels, values : of each night; values that are no number leave a gap.
    says : the sentence that a screen reader hears.
    target : a dotted line at this value. ``marks`` : nights that alarmed. ``rules`` : nights with a new version.
    """
    y = np.asarray(values, dtype="float64")
    known = np.isfinite(y)
    low, high = _range(y[known], target)
    n = max(len(y) - 1, 1)

    def across(k: int) -> float:
        return LEFT + (WIDTH - LEFT - 12) * k / n

    def down(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = []
    for tick in np.linspace(low, high, 4):
        at = down(float(tick))
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:.0%}</text>')
    for k in sorted({0, len(y) // 2, len(y) - 1}) if len(y) else ():
        anchor = "start" if k == 0 else "end" if k == len(y) - 1 else "middle"
        parts.append(f'<text x="{across(k):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{escape(labels[k])}</text>')
    if target is not None:
        at = down(target)
        parts.append(f'<line class="target" x1="{LEFT}" x2="{WIDTH - 12}" y1="{at:.1f}" y2="{at:.1f}"/>')
    for k, name in rules:
        at = across(k)
        parts.append(f'<line class="version" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{at + 3:.1f}" y="{TOP + 9}">{escape(name)}</text>')
    parts.append(f'<path class="line" d="{_path(y, known, across, down)}"/>')
    for k in marks:
        if k < len(y) and known[k]:
            parts.append(f'<path class="alarm" d="M{across(k):.1f} {down(float(y[k])) - 7:.1f}l6 11h-12z"/>')
    body = "".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{escape(title)}</title>'
        f"<desc>{escape(says)}</desc>{body}</svg>"
    )


def _range(known: np.ndarray, target: float | None) -> tuple[float, float]:
    points = [*known, *([] if target is None else [target])]
    if not points:
        return 0.0, 1.0
    low, high = float(min(points)), float(max(points))
    room = 0.08 * (high - low) or 0.05
    return low - room, high + room


def _path(y: np.ndarray, known: np.ndarray, across, down) -> str:  # type: ignore[no-untyped-def]
    pieces, pen = [], "M"
    for k in range(len(y)):
        if not known[k]:
            pen = "M"
            continue
        pieces.append(f"{pen}{across(k):.1f} {down(float(y[k])):.1f}")
        pen = "L"
    return "".join(pieces)
