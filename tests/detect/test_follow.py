"""`crenel detect --follow`: each file once and each alert once, whatever comes when and is killed when."""

from __future__ import annotations

import errno
import gzip
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crenel.cli import main
from crenel.detect.delivery import ToFile
from crenel.detect.follow import follow, following
from crenel.detect.remembered import Remembered
from crenel.errors import LakeError, UsageError
from crenel.report.alerts import write_ndjson

from .following import World, change, stepping
from .test_run import RULE, record, written

STOPPED, BURST = "A trail is stopped", "Burst of changes"
ROOT = Path(__file__).parents[2]
NEW = """
title: A new source
id: 9a3c0a52-0f4c-4a93-8d35-58ff1e8a6a13
level: medium
correlation:
  type: first_seen
  rules: [changes]
  group-by: [recipientAccountId]
  timespan: 1h
  condition: {field: sourceIPAddress}
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def fill(world: World) -> None:
    """Files with single alerts, a correlation over several of them, an event twice, and events without an id."""
    world.put("a.json.gz", record("StopLogging", "e1"), *(change(number, number) for number in range(3)))
    world.put("b.json.gz", record("StopLogging", "e1"), record("StopLogging", "e2"), change(3, 3))
    nameless = record("StopLogging")
    del nameless["eventID"]
    world.put("c.json.gz", nameless, nameless, change(4, 30), change(5, 4, "198.51.100.1"))
    world.put("d.json.gz", *(change(number, 40, "198.51.100.1") for number in range(6, 10)))


class KilledError(BaseException):
    """What ends a run at a step."""


# --- what comes when


def test_each_alert_is_told_once(world: World) -> None:
    """Over passes and starts, as one run over all files tells them."""
    fill(world)
    world.follow(3)
    world.follow(2)

    assert world.told() == world.at_once()
    assert len(world.told()) == 6


def test_files_that_come_while_it_runs(world: World) -> None:
    world.follow(4, lambda number: world.put(f"{number}.json.gz", record("StopLogging", f"e{number}")))

    assert world.told() == [(STOPPED, f"e{number}") for number in range(4)]


def test_a_folder_may_be_empty_at_first(world: World) -> None:
    assert world.follow(2) == []
    with pytest.raises(UsageError, match="names no file"):
        World(world.folder / "other", places=(str(world.folder / "nowhere"),)).follow()


def test_a_window_over_events_of_several_passes(world: World) -> None:
    """Told when it is fulfilled; not again when it grows; again for the next one, though they share an event."""
    minutes = [0, 1, 2, 9, 12, 18, 19, 19]
    world.follow(len(minutes), lambda number: world.put(f"{number}.json.gz", change(number, minutes[number])))

    assert [each["events"] for each in world.alerts()] == [["c0", "c1", "c2", "c3"], ["c3", "c4", "c5", "c6"]]
    assert world.told() == world.at_once()


def test_what_is_new_is_known_from_earlier_passes(world: World) -> None:
    (world.rules / "new.yml").write_text(NEW)
    minutes, sources = [0, 10, 50, 70, 75], ["A", "A", "B", "A", "C"]
    world.follow(5, lambda number: world.put(f"{number}.json.gz", change(number, minutes[number], sources[number])))
    world.follow()

    assert world.told() == [("A new source", "C")] == world.at_once()


def test_a_late_file_completes_a_window(world: World) -> None:
    world.put("2.json.gz", change(2, 2), change(3, 3))
    world.follow(2)
    assert world.told() == []
    world.put("1.json.gz", change(0, 0), change(1, 1))
    world.follow()

    assert world.told() == [(BURST, "203.0.113.9")]


def test_hits_are_forgotten_after_a_day_beyond_their_window(world: World) -> None:
    world.put("1.json.gz", change(0, 0), change(1, 1), change(2, 2))
    world.follow()
    world.now += timedelta(days=2).total_seconds()
    world.follow()
    world.put("2.json.gz", change(3, 3))
    world.follow()

    assert world.told() == []


def test_a_file_that_is_being_written_is_left_alone(world: World) -> None:
    """Until it was the same in two looks, or rests for some seconds."""
    path = world.put("a.json.gz", record("StopLogging"))
    whole = path.read_bytes()

    def write(number: int) -> None:
        path.write_bytes(whole[: (number + 1) * 100] if number < 2 else whole)
        os.utime(path, (world.now, world.now))

    assert world.follow(2, write) == []
    assert world.told() == []
    write(2)
    assert world.follow(2) == []
    assert world.told() == [(STOPPED, "e1")]


def test_a_file_that_is_always_being_written_is_looked_at(world: World) -> None:
    """Once a minute; its last line, half of which is there, is no fault."""
    path = world.logs / "all.ndjson"

    def write(number: int) -> None:
        lines = [json.dumps(record("StopLogging", f"e{each}")) for each in range(number + 1)]
        path.write_text("\n".join([*lines, lines[0][:40]]))
        os.utime(path, (world.now, world.now))

    assert world.follow(6, write) == []
    assert world.told() == [(STOPPED, f"e{number}") for number in range(5)]


def test_a_file_that_changed_is_read_again(world: World) -> None:
    """Its events are known by their ids; those without one by their text."""
    nameless = record("StopLogging")
    del nameless["eventID"]
    path = world.put("a.json.gz", record("StopLogging", "e1"), nameless)
    world.follow()
    world.put(path.name, record("StopLogging", "e1"), nameless, record("StopLogging", "e2"), age=30)
    world.follow()

    assert world.told() == [(STOPPED, ""), (STOPPED, "e1"), (STOPPED, "e2")]


def test_a_broken_file_is_told_once(world: World) -> None:
    path = world.logs / "cut.json.gz"
    path.write_bytes(gzip.compress(b'{"Records":[' + b"x" * 5000)[:40])
    os.utime(path, (world.now - 60, world.now - 60))
    world.put("whole.json.gz", record("StopLogging"))

    said = world.follow(3)
    assert f"Not read: {path}: byte 40: the gzip data is cut off" in said
    assert len(said) == len(set(said))
    assert world.follow() == []
    assert world.told() == [(STOPPED, "e1")]


def test_a_file_that_can_not_be_read_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once, keeps nothing else waiting, and is never taken for read."""
    world.put("a.json.gz", record("StopLogging", "e1"))
    world.put("b.json.gz", record("StopLogging", "e2"))
    opened = Path.open

    def denied(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == "a.json.gz":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", denied)
        said = world.follow(4)
    assert said == [f"Not read yet: {world.logs}/a.json.gz: Permission denied. It is tried again."]
    assert world.told() == [(STOPPED, "e2")]
    world.follow()
    assert world.told() == [(STOPPED, "e1"), (STOPPED, "e2")]


def test_rules_may_change_between_runs(world: World) -> None:
    """New ones hold for files from then on; an alert is not told again because its rule's words changed."""
    path = world.put("a.json.gz", record("StopLogging", "e1"), record("StartLogging", "e2"))
    world.follow()
    more = RULE.replace("StopLogging", "StartLogging").replace("id: 5f", "id: 6f").replace("is stopped", "is started")
    (world.rules / "started.yml").write_text(more)
    (world.rules / "stopped.yml").write_text(RULE.replace("level: high", "level: low"))
    world.put("b.json.gz", record("StartLogging", "e3"))
    world.follow()
    assert world.told() == [("A trail is started", "e3"), (STOPPED, "e1")]
    world.put(path.name, record("StopLogging", "e1"), record("StartLogging", "e2"), age=30)
    world.follow()
    assert world.told() == [("A trail is started", "e2"), ("A trail is started", "e3"), (STOPPED, "e1")]


def test_since_holds_from_the_first_start_on(world: World) -> None:
    world.put("a.json.gz", record("StopLogging", "e1", eventTime="2026-05-01T10:00:00Z"), record("StopLogging", "e2"))
    since = datetime(2026, 6, 1, tzinfo=UTC)
    world.follow(since=since)
    world.follow(since=since)
    world.follow()

    assert world.told() == [(STOPPED, "e2")]
    with pytest.raises(UsageError, match=r"followed from 2026-06-01T00:00:00 on.*removing"):
        world.follow(since=since + timedelta(days=1))


def test_what_is_gone_is_forgotten(world: World) -> None:
    """After 45 days; what is still there is known however old it is."""
    for name, event in (("gone", "e1"), ("there", "e2")):
        world.put(f"{name}.json.gz", record("StopLogging", event))
    world.follow()
    (world.logs / "gone.json.gz").unlink()
    world.now += timedelta(days=46).total_seconds()
    world.follow()

    [state] = world.folder.rglob("state.sqlite")
    with sqlite3.connect(state) as connection:
        assert connection.execute("SELECT file FROM seen").fetchall() == [(f"{world.logs}/there.json.gz",)]
        assert connection.execute("SELECT event FROM told").fetchall() == [("e2",)]
    connection.close()
    world.follow()
    assert world.told() == [(STOPPED, "e1"), (STOPPED, "e2")]


# --- what is killed when


def test_a_run_that_ends_at_any_step_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs end at the same step after their start, the third does not."""
    for last in itertools.count(1):
        world = World(tmp_path / str(last))
        fill(world)

        def act(number: int, last: int = last) -> None:
            if number == last:
                raise KilledError

        ended = 0
        for _ in range(2):
            with monkeypatch.context() as patch:
                stepping(act, patch.setattr)
                try:
                    world.follow()
                except KilledError:
                    ended += 1
        world.follow()
        assert world.told() == world.at_once(), f"step {last}"
        if not ended:
            break
    assert last > 30


@pytest.mark.parametrize("steps", [(5, 12, 19, 26), (8, 15, 22, 29), (33, 37, 41, 45)])
def test_a_process_that_is_killed_loses_nothing(steps: tuple[int, ...], world: World) -> None:
    """By SIGKILL, several times one after the other."""
    fill(world)
    for step in steps:
        run = subprocess.run(
            [sys.executable, "-m", "tests.detect.following", str(world.folder), str(world.now), str(step)],
            cwd=ROOT,
            check=False,
            timeout=60,
        )
        assert run.returncode in (-signal.SIGKILL, 0)
    world.follow()

    assert world.told() == world.at_once()


def test_half_a_line_is_cut_off_and_written_again(world: World) -> None:
    """As a kill leaves it that comes while a line is written."""
    world.put("a.json.gz", record("StopLogging", "e1"))
    world.follow()
    line = world.output.read_bytes()
    world.put("b.json.gz", record("StopLogging", "e2"))
    deliver = ToFile(world.output, write_ndjson, world.said.append)
    with following(world.options(), world.said.append, clock=lambda: world.now) as follower:
        list(follower.pass_over(lambda _: iter(())))
        world.output.write_bytes(line + line.replace(b"e1", b"e2").replace(b"a.json", b"b.json")[:50])
        list(follower.pass_over(deliver))

    assert world.told() == [(STOPPED, "e1"), (STOPPED, "e2")]


def test_an_output_that_others_touched(world: World) -> None:
    """Moved away: a new one is begun. Shortened: that is said. With lines of others: an error, and they stay."""
    world.put("a.json.gz", record("StopLogging", "e1"))
    world.follow()
    world.output.rename(world.folder / "alerts.1")
    world.put("b.json.gz", record("StopLogging", "e2"))
    assert world.told() == []
    world.follow()
    assert world.told() == [(STOPPED, "e2")]
    with world.output.open("r+b") as out:
        out.truncate(0)
    world.put("c.json.gz", record("StopLogging", "e3"))
    assert "is not as it was left" in world.follow()[0]
    assert world.told() == [(STOPPED, "e3")]
    with world.output.open("a") as out:
        out.write("a note\n")
    world.put("d.json.gz", record("StopLogging", "e4"))
    with pytest.raises(UsageError, match="lines at its end that Crenel did not write"):
        world.follow()
    assert world.output.read_text().endswith("a note\n")
    world.output.unlink()
    world.follow()
    assert world.told() == [(STOPPED, "e4")]


def test_what_fails_for_a_while_is_told_and_tried_again(world: World) -> None:
    """A folder that goes away: after growing waits."""
    world.put("a.json.gz", record("StopLogging", "e1"))
    waits: list[float] = []
    aside = world.folder / "aside"
    world.logs.rename(aside)
    world.logs.mkdir()

    def pause(seconds: float) -> None:
        waits.append(seconds)
        world.now += seconds
        if len(waits) == 1:
            world.logs.rmdir()
        elif len(waits) == 4:
            aside.rename(world.logs)
        elif len(waits) == 6:
            raise KeyboardInterrupt

    deliver = ToFile(world.output, write_ndjson, world.said.append)
    with (
        following(world.options(), world.said.append, clock=lambda: world.now) as follower,
        pytest.raises(KeyboardInterrupt),
    ):
        follow(follower, deliver, 30, lambda _: None, lambda: None, pause)

    assert waits == [30, 30, 60, 120, 30, 30]
    assert world.said == [
        f"{world.logs} names no file and no folder. It is tried again in {wait} s." for wait in (30, 60, 120)
    ]
    assert world.told() == [(STOPPED, "e1")]


def test_a_disk_that_is_full(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the state first, then of the output: it goes on where there is room again."""
    world.put("a.json.gz", record("StopLogging", "e1"))
    commit, fsync, waits = Remembered._commit, os.fsync, list[float]()

    def no_commit(remembered: Remembered) -> None:
        if not waits:
            raise sqlite3.OperationalError("database or disk is full")
        commit(remembered)

    def no_fsync(file: int) -> None:
        if len(waits) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Remembered, "_commit", no_commit)
    monkeypatch.setattr("crenel.detect.delivery.os.fsync", no_fsync)
    deliver = ToFile(world.output, write_ndjson, world.said.append)
    with (
        following(world.options(), world.said.append, clock=lambda: world.now) as follower,
        pytest.raises(KeyboardInterrupt),
    ):
        follow(follower, deliver, 30, lambda _: None, lambda: None, pause)

    assert world.said == [
        "database or disk is full. It is tried again in 30 s.",
        "No space left on device. It is tried again in 60 s.",
    ]
    assert world.told() == [(STOPPED, "e1")]


def test_paths_may_be_written_otherwise(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is the same one from wherever the next run is started."""
    nameless = record("StopLogging")
    del nameless["eventID"]
    world.put("a.json.gz", nameless)
    world.follow()
    monkeypatch.chdir(world.folder)
    world.places = ("logs/",)
    world.follow()

    assert world.told() == [(STOPPED, "")]


def test_two_can_not_follow_the_same_logs(world: World) -> None:
    with following(world.options(), print), pytest.raises(LakeError, match=f"already, by process {os.getpid()}"):
        world.follow()
    with following(world.options(), print), following(world.options(accounts=frozenset({"111122223333"})), print):
        pass  # another part of them


# --- as its users run it


@pytest.mark.parametrize("broken", [False, True])
def test_a_polite_kill_ends_it(broken: bool, world: World) -> None:
    """With the code 0, or 4 where something could not be read; what comes meanwhile is told at once."""
    if broken:
        world.put("0.json.gz").write_bytes(b"")
    written(world.logs / "a.json.gz", record("StopLogging", "e1"))
    command = [sys.executable, "-m", "crenel", "detect", "--follow", "--every", "0.2", "--format", "ndjson"]
    command += ["--rules", str(world.rules), "--lake", str(world.folder / "lake"), str(world.logs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        assert json.loads(process.stdout.readline())["event_id"] == "e1"
        written(world.logs / "b.json.gz", record("StopLogging", "e2"))
        assert json.loads(process.stdout.readline())["event_id"] == "e2"
        said = ""
        while said.count("1 event, 1 alert") < 2:  # an alert counts once its pass is over
            said += process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == (4 if broken else 0)
        said += process.stderr.read()
    assert "Following" in said
    assert f"Ended: 2 alerts (2 high) in 2 events ({3 if broken else 2} files)." in said
    assert ("0.json.gz: byte 0: the file is empty" in said) == broken


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Name a folder"),
        (["--format", "json", "LOGS"], "Use --format ndjson"),
        (["--fail-on", "high", "LOGS"], "--fail-on makes an exit code"),
        (["--until", "2026-06-01", "LOGS"], "--until names an end"),
        (["--output", "LOGS/alerts.ndjson", "LOGS"], "would be read as a log"),
    ],
)
def test_what_makes_no_sense_with_it(options: list[str], message: str, world: World, capsys) -> None:
    given = [option.replace("LOGS", str(world.logs)) for option in options]

    assert main(["detect", "--follow", *given]) == 2
    assert message in capsys.readouterr().err


def test_every_is_for_follow_alone(world: World, capsys) -> None:
    assert main(["detect", "--every", "3", str(world.logs)]) == 2
    assert "Add --follow" in capsys.readouterr().err
