"""Applying and taking back, killed at every point, and surprised in every way."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from crenel.errors import CallError, LakeError, UnsureError, UsageError, WritingError
from crenel.remediate import journal as journals
from crenel.remediate.journal import Journal, Stage, records

from .world import STEPS, Bench, Killed, World, dying, step

BEFORE = [{"flag": "off"}, ["old"]]
AFTER = [{"flag": "on", "newest": "i-1"}, ["old", "new"]]
POINTS = 40  # more than there are; the last ones kill nobody
LAST = 3 * (3 * 2 + 2)  # a record or call is two: before it and after it
LAST_OF_UNDO = 8 + 14 + 8


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, World())


def denied(call: str) -> CallError:
    return CallError(call, "AccessDenied", "not you")


def unsure(call: str) -> UnsureError:
    return UnsureError(call, "Timeout", "no answer")


# --- as it should be


def test_a_plan_is_applied_and_taken_back(bench: Bench) -> None:
    run, applied = bench.apply()

    assert (applied.applied, applied.stopped, bench.world.state) == (["1", "2", "3"], None, AFTER)
    assert bench.events == [("1", "applied"), ("2", "applied"), ("3", "applied")]
    kinds = [each["record"] for each in run.records()]
    assert kinds == ["before", "sent", "after"] * 3

    undone = bench.undo()

    assert [each.step for each in undone.undone] == ["3", "2", "1"]
    assert (undone.left, bench.world.state) == ([], BEFORE)
    assert {each.stage for each in run.progress().values()} == {Stage.UNDONE}
    with pytest.raises(UsageError, match="nothing to take back"):
        bench.undo()


def test_what_is_done_already_is_skipped_and_not_taken_back(bench: Bench) -> None:
    bench.world.values["flag"] = "on"
    _, applied = bench.apply()
    assert (applied.applied, applied.skipped) == (["2", "3"], ["1"])

    bench.undo()
    assert bench.world.values == {"flag": "on"}


def test_a_plan_that_is_applied_again_does_nothing(bench: Bench) -> None:
    bench.apply(STEPS[:1])
    sent = list(bench.world.sent)
    _, applied = bench.apply(STEPS[:1])
    assert (applied.skipped, bench.world.sent) == (["1"], sent)


def test_steps_of_one_plan_that_are_applied_one_by_one_are_one_run(bench: Bench) -> None:
    first, _ = bench.apply(STEPS[:2])
    second, applied = bench.apply(STEPS[2:])
    assert (first.id, applied.applied, bench.world.state) == (second.id, ["3"], AFTER)


def test_a_step_that_needs_one_that_is_not_applied_is_refused(bench: Bench) -> None:
    _, applied = bench.apply(STEPS[2:])
    assert (applied.reason, applied.begun) == ("it needs what step 2 makes, which is not applied.", False)


# --- killed


@pytest.mark.parametrize("torn", [None, 0, 7])
@pytest.mark.parametrize("at", range(1, POINTS))
def test_a_killed_run_is_finished_by_the_next_and_taken_back(
    bench: Bench, at: int, torn: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, in the midst of and after each record and each call; each item is made once."""
    killed = _killed_while_applying(bench, at, torn, monkeypatch)

    _, applied = bench.apply()
    assert (applied.stopped, bench.world.state) == (None, AFTER)
    if killed:
        assert len(bench.runs.all()) == 1 or at == LAST  # killed when all was written, it was done
        assert bench.undo().left == []
        assert bench.world.state == BEFORE


@pytest.mark.parametrize("torn", [None, 7])
@pytest.mark.parametrize("at", range(1, POINTS))
def test_a_killed_run_is_taken_back(bench: Bench, at: int, torn: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    _killed_while_applying(bench, at, torn, monkeypatch)
    try:
        assert bench.undo().left == []
    except UsageError:
        assert bench.world.sent == []
    assert bench.world.state == BEFORE


@pytest.mark.parametrize("torn", [None, 7])
@pytest.mark.parametrize("at", range(1, POINTS))
def test_a_killed_undo_is_finished_by_the_next(
    bench: Bench, at: int, torn: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also between two calls of one step's undo, where the state is neither before nor after."""
    bench.apply()
    try:
        with dying(bench.world, at, monkeypatch, torn):
            bench.undo()
    except Killed:
        if bench.world.state != BEFORE or at != LAST_OF_UNDO:  # at the last point nothing was left to be taken back
            assert bench.undo().left == []
    assert bench.world.state == BEFORE


def _killed_while_applying(bench: Bench, at: int, torn: int | None, monkeypatch: pytest.MonkeyPatch) -> bool:
    try:
        with dying(bench.world, at, monkeypatch, torn):
            bench.apply()
    except Killed:
        return True
    return False


def test_the_points_are_all_of_them(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with dying(bench.world, 0, monkeypatch):
        bench.apply()
        applying = bench.world.deeds
        bench.undo()
    assert (applying, bench.world.deeds - applying) == (LAST, LAST_OF_UNDO)
    assert max(applying, bench.world.deeds - applying) < POINTS


# --- the unexpected


def test_a_changed_resource_stops_the_run_and_is_shown(bench: Bench) -> None:
    bench.world.values["flag"] = "dim"
    run, applied = bench.apply()
    assert (applied.stopped, applied.begun) == (STEPS[0], False)
    assert applied.reason == "its state is no longer what the plan saw."
    assert applied.lines == ('state: "off" → "dim"',)
    assert bench.world.sent == []
    assert run.progress()["1"].stage is Stage.REFUSED


def test_a_denial_in_the_middle_stops_there_and_the_next_go_ends_it(bench: Bench) -> None:
    bench.world.errors["w:MakeItem"] = denied("w:MakeItem")
    run, applied = bench.apply()
    assert (applied.applied, applied.stopped, applied.begun) == (["1"], STEPS[1], False)
    assert run.progress()["2"].stage is Stage.FAILED
    assert "AccessDenied: not you" in run.progress()["2"].reason

    again, applied = bench.apply()
    assert (again.id, applied.applied, bench.world.state) == (run.id, ["2", "3"], AFTER)


def test_an_answer_that_is_lost_is_looked_for(bench: Bench) -> None:
    """AWS did it: so it is ours, and the run goes on."""
    bench.world.lost["w:MakeItem"] = unsure("w:MakeItem")
    _, applied = bench.apply()
    assert (applied.applied, bench.world.state, bench.world.sent.count("w:MakeItem")) == (["1", "2", "3"], AFTER, 1)


def test_a_call_that_is_lost_stops_the_run_and_is_not_sent_again_blindly(bench: Bench) -> None:
    bench.world.errors["w:MakeItem"] = unsure("w:MakeItem")
    run, applied = bench.apply()
    assert (applied.stopped, applied.begun, bench.world.sent) == (STEPS[1], True, ["w:SetValue"])
    assert run.progress()["2"].stage is Stage.BEGUN

    _, applied = bench.apply()
    assert (applied.stopped, bench.world.state) == (None, AFTER)


def test_what_was_begun_and_then_changed_by_others_is_not_touched(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _killed_while_applying(bench, 3, None, monkeypatch)  # the record is there, the call is not sent
    bench.world.values["flag"] = "dim"

    _, applied = bench.apply()
    assert "neither what it was before nor what was to be" in applied.reason
    (left,) = bench.undo().left
    assert left.lines == ('state: "off" → "dim"',)
    assert bench.world.values == {"flag": "dim"}


def test_a_change_that_never_shows_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.world, "_do", lambda *_: None)
    _, applied = bench.apply()
    assert (applied.stopped, applied.begun) == (STEPS[0], True)
    assert applied.reason == "the call was answered well, and 5 s later nothing shows."
    assert bench.time == 3.5


def test_a_read_that_fails_stops_the_run_before_the_call(bench: Bench) -> None:
    bench.world.errors["w:GetValue"] = denied("w:GetValue")
    _, applied = bench.apply()
    assert (applied.stopped, applied.begun, bench.world.sent) == (STEPS[0], False, [])


def test_an_argument_of_a_step_before_that_is_not_there_is_told(bench: Bench) -> None:
    wrong = step("3", "w/set-value", None, name="x", value={"$from": "2", "path": "after[0].Nothing"})
    _, applied = bench.apply((*STEPS[:2], wrong))
    assert applied.reason == "it needs after[0].Nothing of step 2, and there is none."


def test_canaries_are_read_once_more_and_then_it_asks(bench: Bench) -> None:
    _, applied = bench.apply(canary=1, again=lambda: False)
    assert (applied.applied, applied.declined) == (["1"], True)
    assert bench.events == [("1", "applied"), ("1", "checked")]


def test_a_canary_that_did_not_live_stops_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = bench.world.pages

    def flickering(*asked: Any) -> Any:
        if bench.events:
            bench.world.values["flag"] = "off"
        return looked(*asked)

    monkeypatch.setattr(bench.world, "pages", flickering)
    _, applied = bench.apply(canary=1)
    assert (applied.applied, applied.reason) == (["1"], "step 1 was done, and is so no more.")


def test_a_secret_that_was_masked_is_not_written(bench: Bench) -> None:
    bench.world.values["flag"] = "(masked)"
    _, applied = bench.apply((step("1", "w/set-value", "(masked)", name="flag", value="on"),))
    assert applied.applied == ["1"]
    (left,) = bench.undo().left
    assert left.reason == "it would write a secret that Crenel does not keep."
    assert bench.world.values == {"flag": "on"}


# --- the disk


def test_a_full_disk_stops_before_the_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line is written; the next go cuts it off."""
    real = os.write

    def full(file: int, data: bytes) -> int:
        if data.startswith(b'{"record"'):
            return real(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("crenel.remediate.journal.os.write", full)
        _, applied = bench.apply()
    assert applied.stopped is STEPS[0]
    assert "No space left on device" in applied.reason
    assert (applied.begun, bench.world.sent) == (False, [])

    _, applied = bench.apply()
    assert (applied.stopped, bench.world.state) == (None, AFTER)


@pytest.mark.parametrize("record", [b'"sent"', b'"after"'])
def test_a_disk_that_is_full_after_the_call_loses_nothing(
    bench: Bench, record: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write

    def full(file: int, data: bytes) -> int:
        if record in data[:30]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patch:
        patch.setattr("crenel.remediate.journal.os.write", full)
        _, applied = bench.apply()
    assert (applied.stopped, applied.begun, bench.world.sent) == (STEPS[0], True, ["w:SetValue"])
    assert bench.undo().left == []
    assert bench.world.state == BEFORE


def test_an_undo_on_a_full_disk_touches_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.apply()
    sent = len(bench.world.sent)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("crenel.remediate.journal.os.write", full)
        with pytest.raises(WritingError, match="No space left"):
            bench.undo()
    assert len(bench.world.sent) == sent


def test_a_damaged_journal_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    Journal(path).add("sent", "1")
    path.write_bytes(path.read_bytes() + b"nonsense\n" + b'{"record": "torn')
    with pytest.raises(LakeError, match=r"journal\.ndjson is damaged in line 2"):
        records(path)


def test_a_record_of_another_crenel_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.ndjson"
    Journal(path).add("mulled", "1")
    with pytest.raises(LakeError, match='a record "mulled"'):
        journals.progress(records(path))


# --- undo


def test_what_others_changed_is_left_unless_it_is_forced(bench: Bench) -> None:
    bench.apply()
    bench.world.values["flag"] = "dim"

    (left,) = bench.undo().left
    assert (left.step.step, left.reason) == ("1", "it was changed since, by someone else.")
    assert left.lines == ('state: "on" → "dim"',)
    assert bench.world.values == {"flag": "dim"}

    assert bench.undo(force=True).left == []
    assert bench.world.state == BEFORE


def test_what_others_took_back_is_seen_to_be(bench: Bench) -> None:
    bench.apply(STEPS[:1])
    bench.world.values["flag"] = "off"
    sent = list(bench.world.sent)
    assert [each.step for each in bench.undo().already] == ["1"]
    assert bench.world.sent == sent


def test_one_step_is_taken_back_by_its_name(bench: Bench) -> None:
    bench.apply()
    assert [each.step for each in bench.undo("3").undone] == ["3"]
    assert bench.world.state == [{"flag": "on"}, ["old", "new"]]


def test_a_denied_undo_is_left_and_the_rest_goes_on(bench: Bench) -> None:
    bench.apply()
    bench.world.errors["w:DropItem"] = denied("w:DropItem")
    (left,) = bench.undo().left
    assert left.step.step == "2"
    assert "AccessDenied" in left.reason
    assert bench.world.values == {"flag": "off"}

    assert bench.undo().left == []  # marked already, and not yet dropped
    assert bench.world.state == BEFORE


def test_what_cant_be_taken_back_says_what_is_lost(bench: Bench) -> None:
    _, applied = bench.apply((step("1", "w/lose-value", "off", name="flag"),))
    assert applied.applied == ["1"]
    (left,) = bench.undo().left
    assert left.reason == "it can't be taken back. The value of flag."


def test_a_run_that_was_taken_back_is_not_gone_on_with(bench: Bench) -> None:
    first, _ = bench.apply()
    bench.undo()
    second, applied = bench.apply()
    assert second.id != first.id
    assert applied.stopped is None


# --- the lock


def test_two_at_once_are_told_of_each_other(bench: Bench) -> None:
    with bench.runs.locked("applying the plan p-9"):
        with pytest.raises(UsageError) as caught, bench.runs.locked("another"):
            pass
        assert f"applying the plan p-9 is running: process {os.getpid()} on " in str(caught.value)
        assert "since 20" in str(caught.value)
    with bench.runs.locked("another"):
        pass
