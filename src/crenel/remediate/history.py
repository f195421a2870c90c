"""What runs did, by their plans and journals: for people and for programs."""

from __future__ import annotations

from typing import Any

from crenel.remediate.journal import CHANGED, FINISHED, Progress, Stage
from crenel.remediate.runs import Run

_NOT_BEGUN = "not begun"


def summary(run: Run) -> dict[str, Any]:
    """Return what a run did, as JSON: its head, and its automatic steps with what became of each.

    `state` is one of ``done``, ``not finished``, ``taken back``, ``partly taken back``. Raises `LakeError` where the
    run's files are damaged.
    """
    plan, written, known = run.plan, run.records(), run.progress()
    steps = [_step(each, known.get(str(each["id"]))) for each in plan["steps"] if "act" in each]
    return {
        "run": run.id,
        "plan": plan["id"],
        "snapshot": plan["snapshot"],
        "state": _state(steps),
        "began_at": written[0]["at"] if written else None,
        "ended_at": written[-1]["at"] if written else None,
        "steps": steps,
    }


def _step(step: dict[str, Any], progress: Progress | None) -> dict[str, Any]:
    found = {name: step.get(name, "") for name in ("id", "title", "account", "region", "type", "resource", "act")}
    if progress is None:
        return found | {"stage": _NOT_BEGUN}
    changed = progress.stage in CHANGED or progress.stage is Stage.UNDONE
    found |= {"stage": progress.stage.value, "at": progress.at}
    found |= {"reason": progress.reason} if progress.reason else {}
    found |= {"call": dict(progress.call), "before": progress.before} if changed else {}
    return found | ({"after": progress.after} if changed and progress.known else {})


def _state(steps: list[dict[str, Any]]) -> str:
    stages = [step["stage"] for step in steps]
    if Stage.UNDONE in stages or Stage.UNDOING in stages:
        return "partly taken back" if any(stage in CHANGED for stage in stages) else "taken back"
    whole = all(step["stage"] in FINISHED and not step.get("reason") for step in steps)
    return "done" if whole else "not finished"
