"""The front door: help, laziness, exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from crenel.cli import COMMANDS, cli, main

HEAVY = ["duckdb", "sqlglot", "botocore", "rich", "pyarrow", "moto", "crenel.scan", "crenel.cli.scan"]


@pytest.fixture
def _raising(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.table, "raising", ("tests.cli.raising", "raising", ""))


def crenel(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "crenel", *words], capture_output=True, text=True, check=False)


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", inner) for each, inner in command.commands.items())


def test_help_is_quick_since_it_imports_nothing_heavy():
    code = (
        "import json, sys; from crenel.cli import main; code = main(['--help']); "
        f"print('\\n' + json.dumps([code, sorted(set({HEAVY}) & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout


def test_every_command_has_help_and_an_example():
    for name, command in commands():
        with click.Context(command, info_name=name) as context:
            text = command.get_help(context)
        assert len(command.help or "") > 40, name
        assert "Example" in text, name
        assert f"crenel {name.split()[0]}" in text, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


def test_examples_are_commands_that_there_are():
    known = {name for name, _ in commands()}
    for name, command in commands():
        for line in (command.help or "").splitlines():
            words = line.split()
            if words[:1] == ["crenel"]:
                assert words[1] in known, f"{name}: {line}"


@pytest.mark.usefixtures("_raising")
@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("usage", 2, "Error: that can't be. Do this.\n"),
        ("credentials", 2, "Error: there are no credentials.\n"),
        ("lake", 2, "Error: the snapshot is damaged.\n"),
        ("own", 1, "Error: the demo account did not start.\n"),
        ("hostile", 2, "Error: no \\x1b[31mcolour\\u202e\n"),
        ("interrupt", 130, "Interrupted.\n"),
        ("engine", 130, "Interrupted.\n"),
        ("pipe", 141, ""),
        ("3", 3, ""),
        ("0", 0, ""),
    ],
)
def test_how_it_ends(how, code, said, capfd):
    assert main(["raising", how]) == code
    out, err = capfd.readouterr()
    assert (out, err.lstrip("\n")) == ("", said)


@pytest.mark.usefixtures("_raising")
def test_an_error_in_a_file_is_underlined(capsys):
    assert main(["raising", "policy"]) == 2
    err = capsys.readouterr().err
    assert "raising.py:1:4: no such thing." in err
    assert '    """A command that ends as it is told to."""\n       ^~~~~~~~~\n' in err


@pytest.mark.usefixtures("_raising")
def test_a_bug_is_one_line_and_a_traceback_only_on_request(capsys, monkeypatch):
    monkeypatch.delenv("CRENEL_DEBUG", raising=False)
    assert main(["raising", "bug"]) == 1
    err = capsys.readouterr().err
    assert "Error: unexpected error: ValueError: what \\x1b[2J?. Please report it." in err
    assert "Traceback" not in err
    monkeypatch.setenv("CRENEL_DEBUG", "1")
    assert main(["raising", "bug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["nope"], ["scan", "--nope"], ["scan", "--standard", "iso"], ["policies", "show"]])
def test_usage_errors_end_with_2(words, capsys):
    assert main(words) == 2
    assert "Error: " in capsys.readouterr().err


def test_a_misspelt_command_gets_a_suggestion(capsys):
    assert main(["polices", "list"]) == 2
    assert 'There is no command "polices". Did you mean "policies"?' in capsys.readouterr().err


def test_as_a_module():
    done = crenel("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("crenel, version ")
    assert crenel("nope").returncode == 2


def test_a_polite_kill_ends_like_ctrl_c(monkeypatch, capsys):
    command = click.Command("dying", callback=lambda: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setattr(cli, "get_command", lambda *_: command)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["scan"]) == 130
    assert "Interrupted." in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_reader_that_goes_away_is_no_error():
    command = [sys.executable, "-m", "crenel", "resources", "show", "kms-key"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait() == 141
