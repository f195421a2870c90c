"""Gaps, taken together by what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from crenel.model import Gap
from crenel.report.text import plain

_PLACES = 6  # Regions or accounts that a line names
_DENIED = ("AccessDenied", "Unauthorized", "AuthorizationError", "NotAuthorized", "Forbidden")


@dataclass(slots=True)
class Unread:
    """All gaps with the same call, error code and permission: how many, of what, where; one of their messages."""

    call: str
    code: str
    permission: str
    message: str
    count: int = 0
    _types: set[str] = field(default_factory=set)
    _places: set[tuple[str, str]] = field(default_factory=set)

    @property
    def denied(self) -> bool:
        """Whether a permission would help."""
        return self.code.startswith(_DENIED)

    @property
    def types(self) -> list[str]:
        """The resource types concerned, by name."""
        return sorted(f"aws.{kind.removeprefix('aws.')}" for kind in self._types)

    def add(self, gap: Gap) -> None:
        """Count one more."""
        self.count += 1
        self._types.add(plain(gap.type))
        self._places.add((plain(gap.account), plain(gap.region)))

    def places(self, accounts: int) -> str:
        """Return where, in words; with the accounts' numbers where the scan has more than one."""
        names = sorted({f"{account} {region}" if accounts > 1 else region for account, region in self._places})
        more = f" and {len(names) - _PLACES} more" if len(names) > _PLACES else ""
        return f"{', '.join(names[:_PLACES])}{more}"


def unread(gaps: Iterable[Gap]) -> list[Unread]:
    """Return gaps taken together, the most frequent first; as many as there are kinds of them."""
    found: dict[tuple[str, str, str], Unread] = {}
    for gap in gaps:
        key = (gap.call, gap.code, gap.permission)
        if key not in found:
            found[key] = Unread(plain(gap.call), plain(gap.code), plain(gap.permission), gap.message)
        found[key].add(gap)
    return sorted(found.values(), key=lambda each: (-each.count, each.call, each.code))
