"""A file appears whole or not at all."""

from __future__ import annotations

import os
import threading

import pytest

from crenel.cli.output import check_output, output
from crenel.errors import UsageError


def test_standard_output(capsys):
    check_output("-")
    with output("-") as out:
        out.write("é\n")
    assert capsys.readouterr().out == "é\n"


def test_a_file_is_there_when_it_is_whole(tmp_path):
    target = tmp_path / "findings.json"
    target.write_text("old", encoding="utf-8")
    with output(str(target)) as out:
        out.write("new é\n")
        assert target.read_text(encoding="utf-8") == "old"
    assert target.read_bytes() == "new é\n".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_leaves_the_old_one_and_nothing_else(tmp_path):
    target = tmp_path / "findings.json"
    target.write_text("old", encoding="utf-8")

    def interrupted() -> None:
        with output(str(target)) as out:
            out.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "real", tmp_path / "link"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    with output(str(link)) as out:
        out.write("new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    found = []
    reader = threading.Thread(target=lambda: found.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    check_output(str(pipe))
    with output(str(pipe)) as out:
        out.write("through")
    reader.join(10)
    assert found == ["through"]


def test_what_can_not_be_written_is_known_beforehand(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        check_output(str(tmp_path / "missing" / "x.json"))
    with pytest.raises(UsageError, match="is a folder"):
        check_output(str(tmp_path))
