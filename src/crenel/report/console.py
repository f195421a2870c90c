"""The one place that decides how wide and how colourful a text for people is."""

from __future__ import annotations

import os
from typing import TextIO

from rich.console import Console
from rich.containers import Lines
from rich.text import Text

PIPED_WIDTH = 120
_LEAST_WIDTH = 40


def console_for(out: TextIO, width: int | None = None) -> Console:
    """Return a Rich console that writes to `out`: coloured only on a terminal and never with NO_COLOR.

    `width` wins; else COLUMNS, else the terminal's width, else 120 columns.
    """
    terminal = out.isatty()
    return Console(
        file=out,
        width=max(_LEAST_WIDTH, width or _asked_width() or (_terminal_width(out) if terminal else PIPED_WIDTH)),
        force_terminal=terminal,
        # Nothing but text where NO_COLOR stands: not bold or dim either.
        color_system="auto" if terminal and not os.environ.get("NO_COLOR") else None,
        no_color=bool(os.environ.get("NO_COLOR")),
        highlight=False,
        markup=False,
        emoji=False,
    )


def indented(console: Console, line: Text, left: int, hang: int = 2) -> None:
    """Print a line, wrapped to the width with its continuation lines further in."""
    room = max(20, console.width - left - hang)
    parts = line.wrap(console, room, overflow="fold") if line.cell_len > console.width - left else Lines([line])
    for position, part in enumerate(parts):
        part.rstrip()
        console.print(Text(" " * (left + hang if position else left)).append_text(part))


def _asked_width() -> int:
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() else 0


def _terminal_width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or PIPED_WIDTH
    except OSError:
        return PIPED_WIDTH
