"""`crenel rules test`: examples of detections, run, and changes of the rules that no example would notice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import click

from crenel.cli.options import format_option
from crenel.detect.examples import Example, Result, gather, run
from crenel.detect.mutants import Score, score
from crenel.detections.changes import Rule
from crenel.detections.load import changes_in, example_files, load_rules, rule_files
from crenel.detections.model import Rules
from crenel.errors import PolicyError
from crenel.positions import describe
from crenel.positions.shown import lines_in
from crenel.report.text import number, printable

FAILED, WRONG = 1, 2


@dataclass(slots=True)
class _Tested:
    """What came of the examples of rules."""

    results: list[Result]
    errors: list[PolicyError]
    bare: list[Rule]  # rules without examples
    scores: list[Score] = field(default_factory=list)
    unmeasured: list[Rule] = field(default_factory=list)  # rules of which no example passes

    @property
    def failed(self) -> list[Result]:
        return [each for each in self.results if not each.passed]

    @property
    def code(self) -> int:
        if self.errors:
            return WRONG
        unnoticed = self.unmeasured or any(each.survivors for each in self.scores)
        return FAILED if self.failed or unnoticed else 0


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[PATH]...")
@click.option(
    "--mutate", is_flag=True, help="Change each rule in small ways, and name the changes that no example notices."
)
@format_option("text", "json")
def test(paths: tuple[Path, ...], mutate: bool, style: str) -> None:
    """Run the examples of rules: events in, and whether the rule fires.

    Examples stand under a rule's `examples`, or in a file NAME.tests.yaml beside NAME.yaml. Without a PATH: those of
    Crenel's own rules.

    \b
    Exit codes:
      0  all examples came out as wanted (with --mutate: and notice every change of the rules)
      1  one did not, or a change goes unnoticed (as all do where a rule has no examples)
      2  an example or a rule can't be read

    \b
    Examples:
      crenel rules test our-rules/
      crenel rules test our-rules/trails.yaml --mutate
    """  # noqa: D301
    found = load_rules(paths)
    tested = _tested(found, paths)
    if mutate:
        _measure(found, paths, tested)
    if style == "json":
        click.echo(json.dumps(_object(tested), indent=2))
    else:
        for line in _told(tested, mutated=mutate):
            click.echo(printable(line))
    if tested.code:
        click.get_current_context().exit(tested.code)


def _tested(found: Rules, paths: Sequence[Path]) -> _Tested:
    examples = gather(found, example_files(rule_files(paths)))
    results = run(found, examples)
    ran = [each for each in results if isinstance(each, Result)]
    wrong = [*found.errors, *(each for each in results if isinstance(each, PolicyError))]
    with_examples = {id(each.rule) for each in examples if isinstance(each, Example)}
    every: list[Rule] = [*found.detections, *found.correlations]
    bare = [rule for rule in every if id(rule) not in with_examples and rule.body.child("examples") is None]
    return _Tested(ran, wrong, bare)


def _measure(found: Rules, paths: Sequence[Path], tested: _Tested) -> None:
    """Score the rules; examples that do not pass say nothing of changes."""
    changes = changes_in(paths)
    every: list[Rule] = [*found.detections, *found.correlations]
    for rule in every:
        examples = [each.example for each in tested.results if each.example.rule is rule and each.passed]
        if examples:
            tested.scores.append(score(found, rule, examples, changes))
        else:
            tested.unmeasured.append(rule)


def _told(tested: _Tested, *, mutated: bool) -> Iterator[str]:
    for error in tested.errors:
        yield describe(error, "error", lru_cache(maxsize=8)(lines_in))
    for each in tested.failed:
        wanted, came = ("an alert", "none") if each.example.fires else ("no alert", "one")
        yield f"FAILED {each.example.rule.name} ({each.example.body.where}): {each.example.note}"
        yield f"    wanted {wanted}, and there is {came}"
    for one in tested.scores:
        for change in one.survivors:
            yield f"UNNOTICED {one.rule.name} ({change.where}): {change.words}"
    if not mutated:
        yield from (f"{rule.name} has no examples ({rule.body.where})" for rule in tested.bare)
    passed = len(tested.results) - len(tested.failed)
    sums = [number(len(tested.results), "example"), f"{passed} passed"]
    yield ", ".join(sums + ([f"{len(tested.failed)} failed"] if tested.failed else []))
    if mutated:
        for rule in tested.unmeasured:
            yield f"UNNOTICED {rule.name} ({rule.body.where}): every change, for it has no examples that pass"
        yield _summary(tested.scores)


def _summary(scores: Sequence[Score]) -> str:
    noticed, unnoticed = sum(each.noticed for each in scores), sum(len(each.survivors) for each in scores)
    same = sum(each.same for each in scores)
    told = f"{noticed} of {noticed + unnoticed} changes are noticed"
    return f"{told}; {same} more leave the rule the same" if same else told


def _object(tested: _Tested) -> dict[str, object]:
    return {
        "errors": [str(each) for each in tested.errors],
        "examples": [_result(each) for each in tested.results],
        "bare": [rule.name for rule in tested.bare],
        "mutants": [_score(each) for each in tested.scores],
    }


def _result(result: Result) -> dict[str, object]:
    example = result.example
    return {
        "rule": example.rule.name, "note": example.note, "wanted": example.fires, "fired": result.fired,
        "passed": result.passed, "file": example.body.where.file, "line": example.body.where.line,
    }  # fmt: skip


def _score(found: Score) -> dict[str, object]:
    survivors = [
        {
            "change": each.words,
            "file": each.where.file if each.where else "",
            "line": each.where.line if each.where else 0,
        }
        for each in found.survivors
    ]
    return {"rule": found.rule.name, "noticed": found.noticed, "same": found.same, "survivors": survivors}
