"""What Security Hub was told, a file for each hub: so that only what changed is sent, and what is gone is archived.

    <lake>/security-hub/<account>.<region>.json

A hub is that of one account in one Region. The files are written after the calls, and whole: what a kill keeps from
being written is sent again, which changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from crenel.errors import LakeError, WritingError

_VERSION = 1
_FOLDER = "security-hub"


@dataclass(frozen=True, slots=True)
class Hub:
    """Security Hub in one Region of one account."""

    account: str
    region: str
    partition: str = "aws"

    def __str__(self) -> str:
        return f"{self.account} {self.region}"


@dataclass(frozen=True, slots=True)
class Known:
    """A finding that a hub has: what of it was sent, and what it takes to archive it when it is gone.

    `digest` is of what was sent but its times, `region` where the finding itself is, `created` the first time.
    """

    digest: str
    created: str
    waived: bool
    policy: str
    variant: str | None
    region: str
    resource: str
    title: str
    resource_type: str
    resource_name: str


def remembered(lake: Path) -> dict[Hub, dict[str, Known]]:
    """Return what all hubs were told, by the finding's id. Raises `LakeError` for a file that can't be read."""
    found: dict[Hub, dict[str, Known]] = {}
    for path in sorted((lake / _FOLDER).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["version"] != _VERSION:
                raise LakeError(f"{path} is of another version of Crenel.", suggestion=_ANEW)
            known = {identity: Known(**each) for identity, each in data["findings"].items()}
            found[Hub(**data["hub"])] = known
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise LakeError(f"{path} can't be read ({error}).", suggestion=_ANEW) from error
    return found


def remember(lake: Path, hub: Hub, known: Mapping[str, Known]) -> None:
    """Write down what a hub has. Raises `WritingError`."""
    folder = lake / _FOLDER
    path = folder / f"{hub.account}.{hub.region}.json"
    data = {"version": _VERSION, "hub": asdict(hub), "findings": {name: asdict(each) for name, each in known.items()}}
    part = path.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part.write_text(json.dumps(data, separators=(",", ":")), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise WritingError(f"can't write {path}: {error.strerror}.") from error


_ANEW = "Without it, all findings are sent anew, and none that is gone is archived."
