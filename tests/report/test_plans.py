"""A plan as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest

from crenel.remediate.model import Manual, Plan, Step, Undoing
from crenel.report.plans import summary, write

from .judgements import info

KEY = Step(
    id="1",
    title="Cancel the deletion of the key k-1",
    account="111122223333",
    region="eu-west-1",
    type="aws.kms-key",
    resource="k-1",
    name="orders",
    act="kms/cancel-key-deletion",
    undoing=Undoing.PARTLY,
    lost="The date.",
    changes=(("state", "PendingDeletion", "Disabled"), ("grants", ["a"], None)),
    breaks=("Somebody may want it gone.",),
    unknown=("Who that is.",),
    cost="1 USD a month.",
    command="aws kms cancel-key-deletion --key-id k-1",
    policy="kms-key-not-pending-deletion",
    practice=25,
)
BY_HAND = Step(
    id="2",
    title="The root user has an access key.",
    account="111122223333",
    region="us-east-1",
    type="aws.account",
    resource="111122223333",
    manual=Manual(("Find out what uses it.", "Delete it."), ("aws iam help",), ("aws iam list-users",)),
    policy="iam-root-no-access-key",
    practice=4,
)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def shown(*steps: Step, notes: tuple[str, ...] = ()) -> str:
    out = StringIO()
    write(Plan("p-1", datetime(2026, 11, 25, tzinfo=UTC), "s-1", steps, notes), out, info())
    return out.getvalue()


def test_a_plan_in_full() -> None:
    assert shown(KEY, BY_HAND, notes=("The snapshot is a day old.",)) == (
        """\
Plan p-1, made from the snapshot s-1 of 2026-11-20 08:30 UTC

kms-key-not-pending-deletion (practice 25)
  1  Cancel the deletion of the key k-1
     where      aws.kms-key orders (k-1), eu-west-1
     change     state: PendingDeletion → Disabled
     change     grants: ["a"] → -
     undo       partly. Lost: The date.
     may break  Somebody may want it gone.
     not known  Who that is.
     cost       1 USD a month.
     command    aws kms cancel-key-deletion --key-id k-1

iam-root-no-access-key (practice 4)
  2  By hand: The root user has an access key.
     where      aws.account 111122223333, us-east-1
     1.         Find out what uses it.
     2.         Delete it.
     command    aws iam help
     meanwhile  aws iam list-users

To know
  - The snapshot is a day old.

1 automatic step, 1 step by hand.
"""
    )


def test_what_all_steps_of_a_policy_share_is_said_once() -> None:
    text = shown(KEY, replace(KEY, id="2", resource="k-2", breaks=()))

    assert text.count("partly") == text.count("1 USD") == 1
    assert "     undo       (all steps here) partly. Lost: The date.\n" in text
    assert text.count("Somebody may want it gone.") == 1, "it is said of the one that it is true of"
    assert "(all steps here) Somebody" not in text


def test_many_steps_by_hand_are_named_and_not_shown() -> None:
    text = shown(*(replace(BY_HAND, id=str(n), resource=f"user-{n}") for n in range(1, 31)))

    assert text.count("Find out what uses it.") == 3
    assert "27 more by hand: user-4, us-east-1" in text
    assert "and 17 more. A file (--out) has them all." in " ".join(text.split())


def test_a_command_stays_in_one_line() -> None:
    """It is made to be copied."""
    command = "aws kms cancel-key-deletion --key-id " + "k" * 200

    assert f"     command    {command}\n" in shown(replace(KEY, command=command))


def test_long_texts_are_wrapped_below_themselves() -> None:
    text = shown(replace(KEY, breaks=("word " * 40,)))

    lines = text.split("may break  ")[1].split("\n")
    assert lines[1].startswith(" " * 16 + "word")
    assert max(len(line) for line in text.splitlines()) <= 100


def test_accounts_are_named_where_there_are_several() -> None:
    text = shown(KEY, replace(KEY, id="2", account="444455556666"))

    assert "orders (k-1) in 444455556666, eu-west-1" in text


def test_what_steers_a_terminal_is_written_out() -> None:
    """Names are other people's, and a plan is what a person decides by."""
    text = shown(replace(KEY, title="a\x1b[2Kb", command="x\u202ey", resource="r\x07", name="n\x1b"))

    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x07" not in text


def test_how_much_a_plan_does() -> None:
    def told(*steps: Step) -> str:
        return summary(Plan("p-1", datetime(2026, 11, 25, tzinfo=UTC), "s-1", steps))

    assert told(BY_HAND, BY_HAND) == "0 automatic steps, 2 steps by hand."
    assert told() == "Nothing to do: none of the chosen findings fails."
    assert told(replace(KEY, undoing=Undoing.NO), KEY) == "2 automatic steps (1 can't be taken back)."
