"""A plan's file: what is written is read again, and nothing of it is believed that can be known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crenel.errors import PolicyError, UsageError
from crenel.remediate.load import acts
from crenel.remediate.model import Manual, Plan, Step
from crenel.remediate.planfile import from_text, to_json, to_text
from crenel.remediate.planning import call_of, command_of

ACCOUNT = "111122223333"
PLACE = {"account": ACCOUNT, "region": "eu-west-1", "partition": "aws"}
ABOUT: dict[str, Any] = {"account": ACCOUNT, "region": "eu-west-1"}
DELETED = acts()["kms/cancel-key-deletion"]
ARGS = {"key": "k-1", "days": "30", **PLACE}
CALL = call_of(DELETED, ARGS)
AUTOMATIC = Step(
    id="1",
    title="Cancel the deletion of the key k-1",
    type="aws.kms-key",
    resource="k-1",
    name="orders",
    act=DELETED.name,
    args=ARGS,
    seen="PendingDeletion",
    call=CALL,
    undoing=DELETED.undoing,
    lost="The date; the key waits anew, for 30 days.",
    changes=(("state", "PendingDeletion", "Disabled"), ("rules", 1, 0)),
    breaks=("Somebody may want it gone.",),
    unknown=("Who.",),
    cost="1 USD a month.",
    command=command_of(CALL, "eu-west-1"),
    findings=("f1", "f2"),
    policy="kms-key-not-pending-deletion",
    practice=25,
    **ABOUT,
)
BY_HAND = Step(
    id="2", title="A public instance", type="aws.dms-instance", resource="dms-1",
    manual=Manual(("Make another.",), ("aws dms help",), ("aws ec2 help",)), **ABOUT,
)  # fmt: skip
PLAN = Plan("20261125T120000Z-abc123", datetime(2026, 11, 25, 12, tzinfo=UTC), "s-1", (AUTOMATIC, BY_HAND), ("Look.",))


def read(change: Callable[[Any], object]) -> Plan:
    """Read the plan's file after a change of it."""
    document = json.loads(to_text(PLAN))
    change(document)
    return from_text(json.dumps(document, indent=2), "plan.json")


def test_a_plan_is_read_as_it_was_written() -> None:
    assert from_text(to_text(PLAN), "plan.json") == PLAN


def test_the_form_is_stable() -> None:
    """Others read it too: keys and their order, and what is empty is not there."""
    document = to_json(PLAN)

    assert (document["format"], document["version"]) == ("crenel-fix-plan", 1)
    assert list(document) == ["format", "version", "id", "made_at", "snapshot", "accounts", "notes", "steps"]
    assert list(document["steps"][0]) == [
        "id", "title", "policy", "practice", "findings", "account", "region", "type", "resource", "name", "act", "args",
        "seen", "call", "undoing", "lost", "changes", "breaks", "unknown", "cost", "command",
    ]  # fmt: skip
    assert list(document["steps"][1]) == ["id", "title", "account", "region", "type", "resource", "manual"]


def test_nothing_hides_from_a_reviewer() -> None:
    """A mark that turns the writing around, in a name that somebody else chose, is seen in the file."""
    step = replace(BY_HAND, resource="dms\u202e1")

    assert to_text(replace(PLAN, steps=(step,))).isascii()
    assert from_text(to_text(replace(PLAN, steps=(step,))), "plan.json").steps == (step,)


def test_a_plan_that_could_not_be_read_again_is_not_written() -> None:
    steps = tuple(replace(BY_HAND, id=str(n), title="x" * 1000) for n in range(9000))

    with pytest.raises(UsageError, match="a plan of 9,000 steps is too large for one file"):
        to_text(replace(PLAN, steps=steps))


def test_a_reader_may_take_steps_out() -> None:
    assert read(lambda plan: plan["steps"].pop(1)).steps == (AUTOMATIC,)


def test_what_is_said_of_undoing_is_the_acts_own() -> None:
    """Whatever a file says is lost, or which command does the same."""

    def embellished(plan: Any) -> None:
        plan["steps"][0] |= {"lost": "nothing", "command": "rm -rf /"}

    step = read(embellished).steps[0]

    assert (step.lost, step.command) == (AUTOMATIC.lost, AUTOMATIC.command)


def set_(key: str, value: Any, step: int = 0) -> Callable[[Any], object]:
    return lambda plan: plan["steps"][step].update({key: value})


def drop(key: str, step: int = 0) -> Callable[[Any], object]:
    return lambda plan: plan["steps"][step].pop(key)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plan: plan.update(format="x"), 'this is no plan: its "format" is not "crenel-fix-plan".'),
        (lambda plan: plan.update(version=2), "this Crenel reads plans of version 1 alone."),
        (lambda plan: plan.update(stpes=[]), 'a plan has no key "stpes". Did you mean "steps"?'),
        (lambda plan: plan.pop("snapshot"), 'a plan needs "snapshot".'),
        (lambda plan: plan.update(made_at="2026-11-25T12:00:00"), "made_at needs its zone"),
        (lambda plan: plan.update(id="../x"), "id must be letters"),
        (set_("acts", "x"), 'steps[0] has no key "acts". Did you mean "act"?'),
        (set_("act", "kms/cancel-key-deletoin"), 'no act "kms/cancel-key-deletoin". Did you mean "kms/cancel-key-de'),
        (drop("seen"), 'steps[0] needs "seen".'),
        (drop("resource"), 'steps[0] needs "resource".'),
        (drop("act"), 'steps[0] needs either "act" or "manual".'),
        (set_("manual", {"steps": []}), 'steps[0] needs either "act" or "manual".'),
        (set_("args", ARGS, step=1), 'steps[1] is done by hand, and has no "args".'),
        (set_("id", "1", step=1), 'steps[1].id: there is a step "1" already.'),
        (set_("undoing", "yes"), 'steps[0].undoing says "yes", and the act kms/cancel-key-deletion "partly".'),
        (set_("practice", "25"), "steps[0].practice must be a number."),
        (set_("changes", [["a", "b"]]), "a change is [what, before, after]."),
        (set_("breaks", "all"), "steps[0].breaks must be a list"),
        (set_("args", ARGS | {"region": "us-east-1"}), "steps[0].args.region is not the step's own region."),
        (set_("args", ARGS | {"account": 1}), 'steps[0].args needs "account", a text.'),
        (set_("args", PLACE), "steps[0].args: kms:CancelKeyDeletion does not take this: Missing required parameter"),
        (set_("args", ARGS | {"key": {"$from": "9", "path": "x"}}), 'no step "9" is applied before.'),
    ],
)
def test_what_is_no_plan_is_refused_with_place_and_path(change: Callable[[Any], object], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        read(change)

    assert said in str(caught.value)
    assert str(caught.value).startswith("plan.json:")


def test_a_call_that_is_not_the_acts_is_refused() -> None:
    """Whoever reviewed the arguments reviewed the call: nothing else can be slipped in beside them."""

    def altered(plan: Any) -> None:
        plan["steps"][0]["call"]["params"]["KeyId"] = "k-2"

    with pytest.raises(PolicyError, match=r"steps\[0\]\.call is not what the act kms/cancel-key-deletion makes"):
        read(altered)


def test_a_later_step_may_take_what_an_earlier_one_makes() -> None:
    """Its call is not known yet; the step that it takes from has to come first, and to be applied."""
    later = {
        "id": "3", "title": "Enable it", "type": "aws.kms-key", "resource": "k-1", "act": "kms/enable-key", **ABOUT,
        "args": {"key": {"$from": "1", "path": "args.key"}, **PLACE}, "seen": "Disabled", "undoing": "yes",
    }  # fmt: skip

    assert read(lambda plan: plan["steps"].append(later)).steps[2].call == {}
    for wrong in ({"$from": "2", "path": "args.key"}, {"$from": "1"}, {"$from": "1", "path": "("}):
        step = later | {"args": {"key": wrong, **PLACE}}
        with pytest.raises(PolicyError, match=r"steps\[2\]\.args"):
            read(lambda plan: plan["steps"].append(step))  # noqa: B023 (called here and now)


def test_the_documentations_example_is_a_plan() -> None:
    """With every key of a step by `apply` that there is."""
    page = (Path(__file__).parents[2] / "docs" / "fixing.md").read_text("utf-8")
    (example,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)

    (step,) = from_text(example, "docs/fixing.md").steps

    assert {*json.loads(example)["steps"][0]} <= {*to_json(PLAN)["steps"][0]}
    assert all(f"`{key}`" in page or f'"{key}"' in page for key in to_json(PLAN)["steps"][0])
    assert step.command.startswith("aws ec2 modify-snapshot-attribute")


def test_a_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(PolicyError, match=r"plan\.json:1:"):
        from_text('{"format": ', "plan.json")
