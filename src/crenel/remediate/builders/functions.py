"""Functions on runtimes that AWS no longer supports."""

from __future__ import annotations

import re

from crenel.remediate.builders.model import Builder, Draft, Remedy, Situation

_RUNTIME = re.compile(r"(?P<language>[a-z]+)(?P<version>\d+(?:\.\d+)*)?")


def runtime(situation: Situation) -> Remedy:
    """Move a function to the runtime that the user names, where it is a newer one of the same language."""
    row, wanted = situation.row, situation.settings.get("runtime")
    now = str(row.get("Runtime") or "")
    if not wanted or not _newer(now, wanted):
        return ()
    name = row["FunctionName"]
    sha = row.get("CodeSha256")
    return (
        Draft(
            act="lambda/publish-version",
            args={"function": name, "sha": sha, "runtime": now},
            seen=[],
            changes=(("published version of today's code and runtime", "-", "there"),),
        ),
        Draft(
            act="lambda/set-runtime",
            args={"function": name, "runtime": wanted},
            seen=now,
            changes=(("runtime", now, wanted),),
            breaks=(f"Code and layers have to run on {wanted}. Test them elsewhere first.",),
        ),
    )


def _newer(now: str, wanted: str) -> bool:
    before, after = _RUNTIME.match(now), _RUNTIME.match(wanted)
    if before is None or after is None or before["language"] != after["language"]:
        return False
    return _numbers(after["version"]) > _numbers(before["version"])


def _numbers(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in (version or "0").split("."))


BUILDERS = {"runtime": Builder(runtime)}
