"""A waiver in words: of what it speaks."""

from __future__ import annotations

from collections.abc import Sequence

from crenel.waivers.model import And, Fits, Not, Or, Tagged, Waiver, Where


def covers(waiver: Waiver) -> str:
    """Return of which findings a waiver speaks."""
    said = " or ".join(waiver.policies)
    if waiver.controls:
        said += f", for {' or '.join(waiver.controls)}"
    return said if waiver.where == And(()) else f"{said}, where {_words(waiver.where)}"


def _words(where: Where, *, inside: bool = False) -> str:
    match where:
        case Fits(subject, patterns):
            return f"{subject} is {_either(patterns)}"
        case Tagged(key, patterns):
            return f"it has a tag {key}" if patterns == ("*",) else f"tag {key} is {_either(patterns)}"
        case Not(part):
            return f"not ({_words(part)})"
        case And(parts) | Or(parts):
            joint = " and " if isinstance(where, And) else " or "
            words = joint.join(_words(part, inside=True) for part in parts)
            return f"({words})" if inside and len(parts) > 1 else words


def _either(patterns: Sequence[str]) -> str:
    return " or ".join(f'"{pattern}"' if not pattern or " " in pattern else pattern for pattern in patterns)
