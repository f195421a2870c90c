"""`crenel policies test`: examples of policies, run, and mutants that no example would notice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from crenel.cli.options import format_option, standard_option
from crenel.examples.gathering import Case, Gathered, gather
from crenel.examples.mutants import Score, Survivor, score
from crenel.examples.running import Result, shown
from crenel.model import Standard
from crenel.positions import describe
from crenel.report.text import number, printable

FAILED, WRONG = 1, 2


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option(
    "--mutate", is_flag=True, help="Change each policy in small ways, and name the changes that no example notices."
)
@standard_option
@format_option("text", "json")
def test(paths: tuple[Path, ...], mutate: bool, standard: Standard, style: str) -> None:
    """Run the examples of policies: documents in, verdicts out, by the same SQL as a scan; no call is made.

    Examples stand under a policy's `tests`, in a file NAME.tests.yaml beside NAME.yaml, or in files of their own.

    \b
    Exit codes:
      0  all examples came out as wanted (with --mutate: and notice every change of the policy)
      1  one did not, or a change goes unnoticed
      2  an example or a policy can't be read or run

    \b
    Examples:
      crenel policies test our-policies/
      crenel policies test our-policies/volumes.yaml --mutate
    """  # noqa: D301
    found = gather(paths)
    results = [case.run(standard) for case in found.cases]
    scores = _scores(found.cases, results, standard) if mutate else []
    if style == "json":
        click.echo(json.dumps(as_json(found, results, scores), indent=2, default=str))
    else:
        for line in as_text(found, results, scores, mutated=mutate):
            click.echo(printable(line))
    code = exit_code(found, results, scores)
    if code:
        click.get_current_context().exit(code)


def exit_code(found: Gathered, results: Sequence[Result], scores: Sequence[Score]) -> int:
    """Return 2 where something could not be run, 1 where something is not as wanted, else 0."""
    if found.errors or any(result.error for result in results):
        return WRONG
    failed = not all(result.passed for result in results) or any(each.survivors for each in scores)
    return FAILED if failed else 0


def _scores(cases: Sequence[Case], results: Sequence[Result], standard: Standard) -> list[Score]:
    """Return each policy's score; examples that do not pass, and those of errors, say nothing of its changes."""
    groups: dict[str, list[Case]] = {}
    for case, result in zip(cases, results, strict=True):
        if result.passed and case.policy is not None and case.example.error is None:
            groups.setdefault(f"{case.policy.body.where}", []).append(case)
    return [
        score(group[0].policy, [case.example for case in group], standard)
        for group in groups.values()
        if group[0].policy is not None
    ]


def as_text(
    found: Gathered, results: Sequence[Result], scores: Sequence[Score], *, mutated: bool = False
) -> Iterator[str]:
    """Yield the lines that tell a person what did not come as wanted, and the sums."""
    for error in found.errors:
        yield describe(error, "error")
    for result in results:
        yield from _told(result)
    for each in scores:
        yield from _unnoticed(each)
    for policy in found.bare:
        yield f"{policy.name} has no examples ({policy.body.where})"
    failed = sum(bool(result.differences) for result in results)
    wrong = sum(bool(result.error) for result in results) + len(found.errors)
    sums = [number(len(results), "example"), f"{sum(result.passed for result in results)} passed"]
    sums += [f"{failed} failed"] if failed else []
    sums += [number(wrong, "error")] if wrong else []
    yield ", ".join(sums)
    if mutated:
        yield summary(scores)


def summary(scores: Sequence[Score]) -> str:
    """Return how many changes of all policies were noticed, in words."""
    noticed, unnoticed = sum(each.noticed for each in scores), sum(len(each.survivors) for each in scores)
    alike = sum(each.alike for each in scores)
    told = f"{noticed} of {noticed + unnoticed} changes are noticed"
    return f"{told}; {alike} more make no difference to any document that was tried" if alike else told


def _told(result: Result) -> Iterator[str]:
    if result.passed:
        return
    example = result.example
    head = f"{'ERROR' if result.error else 'FAILED'} {result.policy}: {example.name}"
    yield f"{head} ({example.where.file}:{example.where.line})" + (f": {example.note}" if example.note else "")
    yield from (f"    {line}" for line in result.error.splitlines())
    for each in result.differences:
        yield f"    {each.resource}: wanted {each.wanted}, got {each.got}"
        if each.message:
            yield f"        message   {each.message}"
        if each.evidence:
            yield f"        evidence  {shown(each.evidence)}"


def _unnoticed(found: Score) -> Iterator[str]:
    for each in found.survivors:
        yield f"UNNOTICED {found.policy}: {each.change}"
        yield f"    an example that would notice: {each.told}"
        yield f"    {shown(each.rows)}"
        yield f"    the policy says {each.before}, the changed one {each.after}"


def as_json(found: Gathered, results: Sequence[Result], scores: Sequence[Score]) -> dict[str, object]:
    """Return everything for machines."""
    return {
        "errors": [str(error) for error in found.errors],
        "examples": [_result(result) for result in results],
        "policies_without_examples": [policy.name for policy in found.bare],
        "mutants": [
            {
                "policy": each.policy,
                "noticed": each.noticed,
                "alike": each.alike,
                "survivors": [_survivor(one) for one in each.survivors],
            }
            for each in scores
        ],
    }


def _survivor(found: Survivor) -> dict[str, object]:
    return {
        "change": found.change, "example": found.told, "rows": found.rows, "before": found.before, "after": found.after,
    }  # fmt: skip


def _result(result: Result) -> dict[str, object]:
    return {
        "policy": result.policy,
        "example": result.example.name,
        "note": result.example.note,
        "file": result.example.where.file,
        "line": result.example.where.line,
        "passed": result.passed,
        "error": result.error or None,
        "differences": [
            {
                "resource": each.resource,
                "wanted": each.wanted,
                "got": each.got,
                "message": each.message,
                "evidence": each.evidence,
            }
            for each in result.differences
        ],
    }
