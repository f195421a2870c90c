"""Logs that are followed in tests: files, a clock that the test sets, and a process that is killed at a step."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crenel.cli import main
from crenel.detect.delivery import ToFile
from crenel.detect.engine import Reach
from crenel.detect.follow import Follower, following
from crenel.detect.remembered import Remembered
from crenel.detect.run import Options
from crenel.report.alerts import write_ndjson

from .test_run import RULE, record, written

BURST = """
title: Four changes
name: changes
id: 7a3c0a52-0f4c-4a93-8d35-58ff1e8a6a11
level: low
logsource: {product: aws, service: cloudtrail}
detection:
  selection: {eventName|startswith: Put}
  condition: selection
---
title: Burst of changes
id: 8a3c0a52-0f4c-4a93-8d35-58ff1e8a6a12
level: critical
correlation:
  type: event_count
  rules: [changes]
  group-by: [sourceIPAddress]
  timespan: 10m
  condition: {gte: 4}
"""
NOW = 1_780_308_000.0  # 2026-06-01T10:00:00Z
STEPS = ("set", "round", "_commit", "see", "tell", "keep", "set_run", "delivered", "set_output", "complained", "forget")


@dataclass
class World:
    """A folder of logs that is followed, and what is written of it."""

    folder: Path
    profile: str = ""
    places: tuple[str, ...] = ()
    now: float = NOW
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.rules.mkdir(exist_ok=True)
        (self.rules / "stopped.yml").write_text(RULE)
        (self.rules / "burst.yml").write_text(BURST)

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def rules(self) -> Path:
        return self.folder / "rules"

    @property
    def output(self) -> Path:
        return self.folder / "alerts.ndjson"

    def put(self, name: str, *records: dict[str, Any], age: float = 60.0) -> Path:
        """Write a log file that was written so many seconds ago."""
        path = written(self.logs / name, *records)
        os.utime(path, (self.now - age, self.now - age))
        return path

    def options(self, **reach: Any) -> Options:
        places = self.places or (str(self.logs),)
        return Options(places, self.folder / "lake", (self.rules,), Reach(**reach))

    def follow(self, passes: int = 1, between: Callable[[int], object] = lambda _: None, **reach: Any) -> list[str]:
        """Follow for some passes, 30 seconds apart, and return what was said."""
        self.said = []
        with following(self.options(**reach), self.said.append, clock=lambda: self.now) as follower:
            for number in range(passes):
                between(number)
                self.pass_over(follower)
                self.now += 30
        return self.said

    def pass_over(self, follower: Follower) -> None:
        list(follower.pass_over(ToFile(self.output, write_ndjson, self.said.append)))

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts in the output file."""
        lines = self.output.read_text().splitlines() if self.output.exists() else []
        return [json.loads(line) for line in lines]

    def told(self) -> list[tuple[str, str]]:
        """Return rule and event of each alert; of a correlation's, its group."""
        return told(self.alerts())

    def at_once(self) -> list[tuple[str, str]]:
        """Return the same of one run over all files."""
        target = self.folder / "at-once.ndjson"
        command = ["detect", "--rules", str(self.rules), "--format", "ndjson", "--quiet", "--output", str(target)]
        main([*command, *(self.places or (str(self.logs),))])
        return told(json.loads(line) for line in target.read_text().splitlines())


def told(alerts: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted(
        (each["rule"], each["output_fields"].get("sourceIPAddress") or each["event_id"] or "") for each in alerts
    )


def change(number: int, minute: int, source: str = "203.0.113.9") -> dict[str, Any]:
    """Return an event of the rule that the correlation counts."""
    time = f"2026-06-01T{9 + minute // 60:02}:{minute % 60:02}:00Z"
    return record("PutThing", f"c{number}", eventTime=time, sourceIPAddress=source)


def stepping(act: Callable[[int], None], patch: Callable[[type, str, Any], None] = setattr) -> None:
    """Have a function called before and after each step of `STEPS`, with the step's number from 1."""
    numbers = itertools.count(1)

    def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(self: Remembered, *given: Any, **named: Any) -> Any:
            act(next(numbers))
            answer = method(self, *given, **named)
            act(next(numbers))
            return answer

        return stepped

    for name in STEPS:
        patch(Remembered, name, wrapped(getattr(Remembered, name)))


def _killed_at(last: int) -> None:
    """Follow the logs of a folder, and be killed at a step: `python -m tests.detect.following FOLDER NOW STEP`."""

    def act(number: int) -> None:
        if number == last:
            os.kill(os.getpid(), signal.SIGKILL)

    stepping(act)
    World(Path(sys.argv[1]), now=float(sys.argv[2])).follow(2)


if __name__ == "__main__":
    _killed_at(int(sys.argv[3]))
