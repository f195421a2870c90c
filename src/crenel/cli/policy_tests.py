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

    Examples stand under a policy's `tests`, in a file NAME.tests.yaml beside NAME.yaml, or in files of their own. A
    folder is read whole, with the folders in it.

    \b
    Exit codes:
      0  all examples came out as wanted (with --mutate: and notice every change of the policy)
      1  one did not, or a change goes unnoticed (as all do where a policy has no examples)
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
    code = exit_code(found, results, scores) or (FAILED if mutate and (unmeasured(found, scores) or not scores) else 0)
    if code:
        click.get_current_context().exit(code)


def exit_code(found: Gathered, results: Sequence[Result], scores: Sequence[Score]) -> int:
    """Return 2 where something could not be run, 1 where something is not as wanted, else 0."""
    if found.errors or any(result.error for result in results):
        return WRONG
    failed = not all(result.passed for result in results) or any(each.survivors for each in scores)
    return FAILED if failed else 0


def unmeasured(found: Gathered, scores: Sequence[Score]) -> list[str]:
    """Return the names of the policies of which no example says what they match, so that none notices a change."""
    told = {each.policy for each in scores}
    tested = {case.policy.name for case in found.cases if case.policy is not None}
    return sorted({*(policy.name for policy in found.bare), *tested} - told)


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
    for policy in found.bare if not mutated else ():
        yield f"{policy.name} has no examples ({policy.body.where})"
    failed = sum(bool(result.differences) for result in results)
    wrong = sum(bool(result.error) for result in results) + len(found.errors)
    sums = [number(len(results), "example"), f"{sum(result.passed for result in results)} passed"]
    sums += [f"{failed} failed"] if failed else []
    sums += [number(wrong, "error")] if wrong else []
    yield ", ".join(sums)
    if mutated:
        for name in unmeasured(found, scores):
            yield f"UNNOTICED {name}: every change, for it has no examples that pass and say what it matches"
        yield summary(scores) if scores else "nothing was changed: there are no examples that could notice it"


def summary(scores: Sequence[Score]) -> str:
    """Return how many changes of all policies were noticed, in words."""
    noticed, unnoticed = sum(each.noticed for each in scores), sum(len(each.survivors) for each in scores)
    same = sum(each.same for each in scores)
    told = f"{noticed} of {noticed + unnoticed} changes are noticed"
    return f"{told}; {same} more leave the policy the same" if same else told


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
        yield f"UNNOTICED {found.policy} ({each.where.file}:{each.where.line}): {each.change}"
        if each.telling is None:
            yield "    no document that was tried tells the two apart: perhaps the change makes no difference"
            continue
        telling = each.telling
        yield f"    the policy says {telling.before} of {telling.resource}, and the changed one {telling.after}, here:"
        yield f"    {shown(telling.example)}"


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
                "same": each.same,
                "survivors": [_survivor(one) for one in each.survivors],
            }
            for each in scores
        ],
    }


def _survivor(found: Survivor) -> dict[str, object]:
    place: dict[str, object] = {"change": found.change, "file": found.where.file, "line": found.where.line}
    telling = found.telling
    if telling is None:
        return place | {"example": None}
    return place | {
        "example": telling.example, "differs_by": telling.told, "resource": telling.resource,
        "before": telling.before, "after": telling.after,
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
