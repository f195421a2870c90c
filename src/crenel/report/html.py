"""One file for people: opens in any browser without a network, without the lake and without Crenel; prints well.

What there is of each policy is plain HTML, to be read without a script. The findings themselves lie in the file
deflated, worst first, and a small script pages through them; with 50,000 of them the file has less than 5 MB. Names in
an account are other people's words: the page escapes them, the script sets them as text, and the browser is told to
run nothing but that script and to load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, TextIO

import duckdb

from crenel.judge.compliance import ControlState, standings
from crenel.model import Severity, State
from crenel.report.asked import Asked, asked
from crenel.report.model import Report
from crenel.report.pages.rendering import environment, style
from crenel.report.unread import unread

MOST = 100_000  # findings that lie in the file; a browser holds them all
SHOWN = 5  # findings of a policy and state in the plain part
_EVIDENCE = 2_000  # characters of a finding's evidence
_BATCH = 2_000
_CHUNK = 3 * 16_384  # bytes that base64 writes without padding
# Which findings the plain part names.
_NAMED = (State.FAIL, State.UNKNOWN, State.WAIVED)
_SEVERITIES = [severity.value for severity in reversed(Severity)]
_STATES = [state.value for state in (State.FAIL, State.UNKNOWN, State.WAIVED, State.PASS, State.NOT_APPLICABLE)]
_MARK = "<!-- data -->"


def write(report: Report, out: TextIO) -> None:
    """Write the page; of the findings no more is held than a batch."""
    script = (files("crenel.report.pages") / "report.js").read_text(encoding="utf-8")
    sheet = style()
    policies = asked(report.judgement.connection)
    page = (
        environment()
        .get_template("report.html")
        .render(
            **_values(report, policies),
            style=sheet,
            script=script,
            policy=f"default-src 'none'; style-src '{_hash(sheet)}'; script-src '{_hash(script)}'; img-src data:; "
            "base-uri 'none'; form-action 'none'",
            mark=_MARK,
        )
    )
    before, _, after = page.partition(_MARK)
    out.write(before)
    out.writelines(_packed(_lines(report.judgement.connection, policies)))
    out.write(after)


def _values(report: Report, policies: Sequence[Asked]) -> dict[str, Any]:
    info = report.info
    totals = {state: sum(each.count(State(state)) for each in policies) for state in _STATES}
    failing = {
        severity: sum(each.count(State.FAIL) for each in policies if each.severity == severity)
        for severity in _SEVERITIES
    }
    named = _first_of(report.judgement.connection)
    ordered = sorted(
        policies, key=lambda each: (not each.count(State.FAIL), -each.severity.rank, -each.count(State.FAIL))
    )
    findings = sum(totals.values())
    gaps = list(unread(report.judgement.gaps()))
    return {
        "info": info,
        "accounts": [account.id for account in info.accounts],
        "regions": len({cover.region for cover in info.coverage if cover.state == "scanned"} or set(info.regions)),
        "resources": report.resources_judged(),
        "totals": totals,
        "failing": failing,
        "frameworks": _frameworks(report.judgement.connection),
        "policies": [
            {
                "policy": each.policy,
                "variant": each.variant,
                "title": each.title,
                "severity": each.severity.value,
                "type": each.type,
                "why": each.why,
                "remediation": each.remediation,
                "links": each.links,
                "counts": {state: each.count(State(state)) for state in _STATES},
                "first": named.get((each.policy, each.variant), []),
            }
            for each in ordered
        ],
        "unread": [
            {"call": each.call, "code": each.code, "permission": each.permission, "n": each.count, "types": each.types,
             "places": each.places(len(info.accounts))}
            for each in gaps
        ],
        "damages": report.damages,
        "findings": findings,
        "held": min(findings, MOST),
        "shown": SHOWN,
        "tables": {
            "policies": [[each.policy, each.variant, each.title, each.severity.value, each.type] for each in policies],
            "states": _STATES,
            "severities": _SEVERITIES,
        },
    }  # fmt: skip


def _frameworks(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return [
        {
            "id": each.id,
            "title": each.name,
            "version": each.version,
            "score": each.score.value,
            "controls": each.score.total,
            "states": {state.value: each.score.count(state) for state in ControlState},
            "failed": [control for control in each.controls if control.state is ControlState.FAIL],
        }
        for each in standings(connection)
    ]


def _first_of(connection: duckdb.DuckDBPyConnection) -> Mapping[tuple[str, str | None], list[dict[str, Any]]]:
    """Return the first findings of each policy and state that the plain part names."""
    states = ", ".join(f"'{state}'" for state in _NAMED)
    rows = connection.execute(
        f"""
        SELECT policy, variant, state, account, region, coalesce(name, resource_id) AS name, resource_id, message,
               waiver, waived_by, waived_because, waived_until, lapsed
        FROM findings WHERE state IN ({states})
        QUALIFY row_number() OVER (PARTITION BY policy, variant, state ORDER BY account, region, resource_id) <= {SHOWN}
        ORDER BY policy, variant NULLS FIRST, {_rank("state", _STATES)}, account, region, resource_id"""
    )
    names = [column[0] for column in rows.description or ()]
    found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for row in rows.fetchall():
        found.setdefault((row[0], row[1]), []).append(dict(zip(names, row, strict=True)))
    return found


def _lines(connection: duckdb.DuckDBPyConnection, policies: Sequence[Asked]) -> Iterator[str]:
    """Yield the findings as lines of JSON, the worst first: numbers for what the page has tables of, then texts."""
    places = {(each.policy, each.variant): number for number, each in enumerate(policies)}
    rows = connection.cursor().execute(
        f"""
        SELECT policy, variant, state, severity, account, region, resource_id, name, arn, message,
               CASE WHEN state IN ('FAIL', 'UNKNOWN', 'WAIVED') THEN left(evidence, {_EVIDENCE}) END AS evidence,
               waiver, waived_because, lapsed, CASE WHEN state IN ('FAIL', 'UNKNOWN', 'WAIVED') THEN id END
        FROM findings
        ORDER BY {_rank("state", _STATES)}, {_rank("severity", _SEVERITIES)}, policy, variant NULLS FIRST, account,
                 region, resource_id
        LIMIT {MOST}"""
    )
    while batch := rows.fetchmany(_BATCH):
        for policy, variant, state, severity, *rest in batch:
            numbers = [places[policy, variant], _STATES.index(state), _SEVERITIES.index(severity)]
            yield json.dumps([*numbers, *rest], separators=(",", ":"), ensure_ascii=False) + "\n"


def _packed(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines deflated, in base64."""
    squeeze = zlib.compressobj(9)
    held = b""
    for line in lines:
        held += squeeze.compress(line.encode("utf-8", "replace"))
        if len(held) >= _CHUNK:
            whole = len(held) // 3 * 3
            yield base64.b64encode(held[:whole]).decode("ascii")
            held = held[whole:]
    yield base64.b64encode(held + squeeze.flush()).decode("ascii")


def _rank(column: str, words: Sequence[str]) -> str:
    """Return the SQL of a word's place in a list."""
    return f"list_position([{', '.join(repr(word) for word in words)}], {column})"


def _hash(text: str) -> str:
    """Return the source by which a Content-Security-Policy knows an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
