"""What a run leaves of each policy, as Cloud Custodian lays it: a folder with its resources, its metadata and its log.

    resources.json       the documents of what it selects, one a line
    metadata.json        the policy, when and how it ran, how many resources
    custodian-run.log    what it had to say
    gaps.json            what could not be read, and of which resources that decides; only where there is something
    plan.json            the steps of its actions; only where it has actions

All of it is written aside and put into place when it is whole.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crenel.errors import UsageError, WritingError
from crenel.model import Gap

RESOURCES, METADATA, LOG, GAPS = "resources.json", "metadata.json", "custodian-run.log", "gaps.json"
PLAN = "plan.json"
_FILES = (RESOURCES, GAPS, PLAN, LOG, METADATA)
_BUFFER = 1 << 16


@contextmanager
def written(path: Path | str) -> Iterator[None]:
    """Turn the failure to write into an error that names the place. Raises `WritingError`."""
    try:
        yield
    except OSError as error:
        place = error.filename or path
        raise WritingError(
            f"can't write {place}: {error.strerror or error}.", suggestion="Make room, or choose another place with -s."
        ) from error


class JsonList:
    """A file that holds a JSON list, an item a line, written as it grows; it is open only while it is written to.

    Its methods raise `WritingError` where it can't be written.
    """

    def __init__(self, path: Path, head: str = "[", tail: str = "]") -> None:
        self.path = path
        self.count = 0
        self._head = head
        self._tail = tail
        self._pending: list[str] = []
        self._size = 0
        path.unlink(missing_ok=True)

    def add(self, item: str) -> None:
        """Append an item, which is JSON already."""
        self._pending.append(f"{',' if self.count else self._head}\n{item}")
        self.count += 1
        self._size += len(item)
        if self._size > _BUFFER:
            self.flush()

    def close(self) -> None:
        """Write the rest: the file is a JSON document from here on."""
        self._pending.append(f"\n{self._tail}" if self.count else f"{self._head}{self._tail}")
        self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        if not self._pending:
            return
        with written(self.path), self.path.open("a", encoding="utf-8") as out:
            out.writelines(self._pending)
        self._pending.clear()
        self._size = 0


@dataclass(slots=True)
class PolicyFolder:
    """One policy's results in one Region: in `part` while they are made, in `target` (None: nowhere) when they are.

    Its methods raise `WritingError` where the folder can't be written.
    """

    part: Path
    target: Path | None
    lines: list[str] = field(default_factory=list)
    resources: JsonList = field(init=False)
    doubts: JsonList | None = None
    place: Path = field(init=False)

    def __post_init__(self) -> None:
        with written(self.part):
            self.part.mkdir(parents=True)
        self.place = self.part
        self.resources = JsonList(self.part / RESOURCES)

    def again(self) -> None:
        """Forget the resources that were written."""
        with written(self.part):
            self.resources = JsonList(self.part / RESOURCES)

    def add(self, document: str) -> None:
        """Append a resource."""
        self.resources.add(document)

    def doubt(self, gaps: list[Gap]) -> None:
        """Begin the report of what could not be read."""
        listed = ",\n".join(json.dumps(_gap(gap)) for gap in gaps)
        self.doubts = JsonList(self.part / GAPS, f'{{"gaps": [\n{listed}\n], "undecided": [', "]}")

    def undecided(self, identity: str, reason: str) -> None:
        """Append a resource of which the policy can't know whether it selects it."""
        if self.doubts is None:
            self.doubt([])
        assert self.doubts is not None  # noqa: S101 (made above)
        self.doubts.add(json.dumps({"id": identity, "reason": reason}))

    def log(self, level: str, text: str) -> None:
        """Note a line for the log."""
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        self.lines.append(f"{now} - custodian.policy - {level} - {' '.join(text.splitlines())}\n")

    def finish(self, metadata: Mapping[str, Any], *, failed: bool) -> None:
        """Write what is left and put it all into place; a policy that failed has no resources."""
        with written(self.part):
            self.resources.close()
            if failed:
                self.resources.path.unlink()
            if self.doubts is not None:
                self.doubts.close()
            (self.part / LOG).write_text("".join(self.lines), encoding="utf-8")
            text = json.dumps(metadata, indent=2, default=str)
            (self.part / METADATA).write_text(text, encoding="utf-8")
        if self.target is not None:
            with written(self.target):
                _publish(self.part, self.target)
            self.place = self.target

    def plan(self, text: str) -> None:
        """Write the plan of the policy's actions; before the rest is put into place."""
        with written(self.part):
            (self.part / PLAN).write_text(text, encoding="utf-8")

    def documents(self) -> Iterator[str]:
        """Yield the resources' documents, each as JSON text."""
        self.resources.flush()
        with (self.place / RESOURCES).open(encoding="utf-8") as lines:
            yield from (line.rstrip(",\n") for line in lines if line.startswith("{"))


def _publish(part: Path, target: Path) -> None:
    """Put a folder's files into place. What others left in the target stays, what an earlier run left goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        part.rename(target)
        return
    for name in _FILES:
        if (part / name).exists():
            (part / name).replace(target / name)
        else:
            (target / name).unlink(missing_ok=True)
    part.rmdir()


def _gap(gap: Gap) -> dict[str, Any]:
    return asdict(gap) | {"type": f"aws.{gap.type}", "at": gap.at.isoformat()}


def place_of(out: str, *, policy: str, account: str, region: str, now: datetime, several: bool) -> Path | None:
    """Return the folder of a policy's results under `out`, None where that is empty.

    As with Cloud Custodian, `out` may have placeholders (``{account_id}``, ``{region}``, ``{policy_name}``,
    ``{now:%Y-%m-%d}``) and names the whole place then; of `several` Regions each has a folder of its own. Raises
    `UsageError` for a placeholder that there is not, and for what is no folder.
    """
    if not out:
        return None
    path = _local(out)
    if several and "{region}" not in path:
        path = f"{path.rstrip('/')}/{region}"
    if "{" not in path:
        return Path(path) / policy
    words = {"account_id": account, "region": region, "policy_name": policy, "now": now, "uuid": str(uuid.uuid4())}
    try:
        return Path(path.format(**words))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        hint = f"There are {', '.join(f'{{{word}}}' for word in words)}."
        raise UsageError(f"-s {out} has a placeholder that can't be filled: {error}.", suggestion=hint) from error


def root_of(out: str) -> Path:
    """Return the folder that all results lie below: `out` up to its first placeholder. Raises `UsageError`."""
    path = _local(out)
    fixed, brace, _ = path.partition("{")
    return Path(fixed) if not brace or fixed.endswith("/") else Path(fixed).parent


def _local(out: str) -> str:
    path = out.removeprefix("file://")
    if "://" in path:
        raise UsageError(
            f"-s {out}: results go into a folder of this machine.", suggestion="`aws s3 sync` copies them."
        )
    return path
