"""What the pages say, by their twins in JSON: the same values as the templates show."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from benchmarks.lakes import ACCOUNTS, HOSTILE, REGIONS
from werkzeug.test import Client

from crenel.catalog.load import catalog
from crenel.lake.findings import stored_findings
from crenel.web.app import Dashboard
from crenel.web.guard import Guard
from crenel.web.shelf import Shelf
from tests.web.conftest import SNAPSHOTS


def asked(client: Client, path: str, **values: Any) -> Any:
    """Return a page's twin."""
    found = client.get(f"{path}?{urlencode(values, doseq=True)}" if values else path)
    assert found.status_code == 200, found.text
    return found.json


def stored(shelf: Shelf, where: str = "true") -> list[tuple[Any, ...]]:
    """Return ids and states of the findings of the newest snapshot as they lie in the lake."""
    opened = shelf.opened()
    rows = opened.rows(f"SELECT id, state FROM {stored_findings(opened.snapshot.findings)} WHERE {where}")
    return [tuple(row.values()) for row in rows]


# --- findings

_SAID = "lower(policy || ' ' || message || ' ' || name) LIKE"


def test_pages_together_have_every_finding_once(client: Client, shelf: Shelf) -> None:
    first = asked(client, "/findings.json", state="FAIL", size=200)
    found = [
        row["id"]
        for page in range(1, first["pages"] + 1)
        for row in asked(client, "/findings.json", state="FAIL", size=200, page=page)["findings"]
    ]

    assert len(found) == first["total"] == len(set(found))
    assert set(found) == {identity for identity, state in stored(shelf) if state == "FAIL"}


def test_the_worst_come_first(client: Client) -> None:
    rows = asked(client, "/findings.json", size=200)["findings"]
    ranks = {"critical": 0, "high": 1, "medium": 2, "low": 3}

    assert {row["state"] for row in rows} == {"FAIL"}
    assert [ranks[row["severity"]] for row in rows] == sorted(ranks[row["severity"]] for row in rows)


@pytest.mark.parametrize(
    ("chosen", "where"),
    [
        ({"state": ["FAIL", "UNKNOWN"]}, "state IN ('FAIL', 'UNKNOWN')"),
        ({"severity": "critical", "region": REGIONS[1]}, f"severity = 'critical' AND region = '{REGIONS[1]}'"),
        ({"account": ACCOUNTS[:2]}, f"account IN ('{ACCOUNTS[0]}', '{ACCOUNTS[1]}')"),
        ({"policy": "s3-bucket-encryption"}, "policy = 's3-bucket-encryption'"),
        ({"service": "s3", "state": "PASS"}, "type IN (SELECT unnest($types)) AND state = 'PASS'"),
        ({"framework": "practices", "control": "3", "state": "FAIL"}, "false"),
        ({"q": "website FAIL-nothing-has-this"}, "false"),
        ({"q": "Ledger-1"}, "contains(lower(concat_ws(' ', name, message)), 'ledger-1')"),
        ({"q": "bucket encrypt", "state": "FAIL"}, f"{_SAID} '%bucket%' AND {_SAID} '%encrypt%' AND state = 'FAIL'"),
    ],
)
def test_filters_and_words_choose(client: Client, shelf: Shelf, chosen: dict[str, Any], where: str) -> None:
    """Several values of a filter are alternatives, several filters and words conditions."""
    found = asked(client, "/findings.json", **chosen)
    if "control" in chosen:
        opened = shelf.opened()
        (policy,) = opened.rows(
            "SELECT policy FROM controls WHERE framework = 'practices' AND control = ?", [chosen["control"]]
        )
        where = f"policy = '{policy['policy']}' AND state = 'FAIL'"
    types = [f"aws.{kind.reported_as}" for kind in catalog().values() if kind.service == "s3"]
    where = where.replace("$types", str(types))

    assert found["total"] == len(stored(shelf, where))


def test_a_facet_says_how_many_each_of_its_values_would_give(client: Client) -> None:
    """Whatever else is chosen holds, the facet's own choice does not."""
    page = asked(client, "/findings.json", state="FAIL", severity="high", q="website")
    facets = {facet["name"]: facet["values"] for facet in page["facets"]}

    for value in facets["severity"]:
        alone = asked(client, "/findings.json", state="FAIL", severity=value["value"], q="website")
        assert alone["total"] == value["count"]
    for value in facets["region"]:
        assert asked(client, value["url"].replace("/findings?", "/findings.json?"))["total"] == value["count"]


@pytest.mark.parametrize("sort", ["resource", "-resource", "account", "-region", "policy", "type", "severity", "state"])
def test_any_order_has_all_of_them_once(client: Client, sort: str) -> None:
    pages = [asked(client, "/findings.json", sort=sort, size=200, page=page)["findings"] for page in (1, 2, 3)]
    rows = [row for page in pages for row in page]
    column = sort.removeprefix("-")
    values = [str(row["name"] or row["resource_id"]) if column == "resource" else str(row[column]) for row in rows]

    assert len({row["id"] for row in rows}) == len(rows)
    if column not in ("severity", "state"):
        assert values == sorted(values, reverse=sort.startswith("-"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("stat=FAIL", "state"),
        ("state=NEVER", "There are FAIL"),
        ("sort=colour", "colour"),
        ("page=0", "from 1"),
        ("page=x", "from 1"),
        ("size=1000", "from 1 to 200"),
        ("control=1", "framework"),
        ("snapshot=nope", "no snapshot"),
        ("q=" + "+a" * 20, "words"),
    ],
)
def test_what_can_not_be_asked_is_told(client: Client, query: str, words: str) -> None:
    """A misspelt filter is no filter: its page would be taken for an answer."""
    found = client.get(f"/findings?{query}")

    assert found.status_code in (400, 503)
    assert words in found.text


# --- one finding


def test_a_finding_shows_evidence_policy_waiver_and_history(client: Client) -> None:
    row = asked(client, "/findings.json", state="WAIVED")["findings"][0]

    page = asked(client, f"/findings/{row['id']}.json")

    assert page["finding"]["evidence"] == {"Encryption.Rules": [], "Tags": None}
    assert page["finding"]["waiver"]["owner"] == "web team"
    assert "".join(piece["text"] for piece in page["text"]).startswith("- name:")
    assert len(page["history"]) == SNAPSHOTS
    assert {control["framework"] for control in page["controls"]} <= {"practices", "cis-3.0"}
    assert page["controls"]


def test_the_beginning_of_an_id_names_a_finding(client: Client) -> None:
    row = asked(client, "/findings.json")["findings"][0]

    assert asked(client, f"/findings/{row['id'][:12]}.json")["finding"]["id"] == row["id"]


@pytest.mark.parametrize("identity", ["abc", "zzzzzzzzzzzz", "..%2f..", "%25%25%25%25%25%25"])
def test_an_id_that_is_none_is_a_page_too(client: Client, identity: str) -> None:
    assert client.get(f"/findings/{identity}").status_code == 404


# --- the other pages


def test_the_overview_counts_what_the_findings_have(client: Client) -> None:
    page = asked(client, "/overview.json")

    assert page["states"]["FAIL"] == sum(page["failing"].values())
    assert page["states"]["FAIL"] == asked(client, "/findings.json", state="FAIL")["total"]
    assert page["changes"]["new"] == asked(client, "/findings.json", change="new")["total"]
    assert [row["critical"] for row in page["trend"]][-1] == page["failing"]["critical"]
    assert len(page["trend"]) == SNAPSHOTS
    assert page["unread"][0]["n"] == 120


def test_an_earlier_snapshot_is_looked_at_by_its_address(client: Client) -> None:
    snapshots = asked(client, "/snapshots.json")["snapshots"]
    newest, before = (asked(client, "/overview.json", snapshot=each["id"]) for each in snapshots[:2])

    assert newest["scan"]["before"] == before["scan"]["started_at"]
    assert before["states"]["FAIL"] != newest["states"]["FAIL"]
    assert f"snapshot={snapshots[1]['id']}" in client.get(f"/?snapshot={snapshots[1]['id']}").text


def test_a_framework_shows_the_state_of_each_control(client: Client) -> None:
    page = asked(client, "/frameworks/cis-3.0.json")
    states = {control["id"]: control["state"] for section in page["sections"] for control in section["controls"]}

    assert states["1.1"] == "MANUAL"
    assert sum(page["standing"]["states"].values()) == len(states)
    failing = next(identity for identity, state in states.items() if state == "FAIL")
    assert asked(client, "/frameworks/cis-3.0/control.json", id=failing)["findings"]


def test_a_resource_shows_its_verdicts_and_its_row(client: Client) -> None:
    row = asked(client, "/resources/s3.json")["resources"][0]

    page = asked(client, "/resource.json", type="s3", account=row["account"], region=row["region"], id=row["id"])

    assert page["row"]["_id"] == row["id"]
    assert page["verdicts"]


def test_alerts_are_read_from_the_file_of_detect(shelf: Shelf, tmp_path: Path) -> None:
    file = tmp_path / "alerts.ndjson"
    told = [
        {"time": f"2026-11-2{day}T08:00:00Z", "rule": "Trail stopped", "level": level, "output": "<b>x</b>"}
        for day in range(3)
        for level in ("high", "low")
    ]
    file.write_text("".join(json.dumps(alert) + "\n" for alert in told))
    client = Client(Dashboard(shelf, Guard(), file))

    page = asked(client, "/alerts.json", level="high")

    assert page["total"] == 3
    assert [each["time"] for each in page["alerts"]] == sorted((each["time"] for each in page["alerts"]), reverse=True)
    assert client.get("/alerts?level=loud").status_code == 400


# --- SQL


def test_sql_answers_a_select(client: Client) -> None:
    page = asked(client, "/sql.json", q="select count(*) as n from findings where state = 'FAIL'")

    assert page["answer"]["columns"] == ["n"]
    assert page["answer"]["rows"] == [[asked(client, "/findings.json", state="FAIL")["total"]]]


@pytest.mark.parametrize(
    "statement",
    [
        "drop table findings",
        "select 1; select 2",
        "copy (select 1) to '/tmp/crenel-written.csv'",
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "install httpfs",
        "set memory_limit = '9GB'",
        "attach '/tmp/x.db'",
        "pragma database_list",
        "selec 1",
    ],
)
def test_sql_refuses_what_is_no_select_over_the_lake(client: Client, statement: str) -> None:
    found = client.get("/sql?" + urlencode({"q": statement}))

    assert found.status_code == 400
    assert "root:" not in found.text


def test_sql_ends_what_takes_too_long(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crenel.web.views.console.SECONDS", 0.3)

    found = client.get("/sql?" + urlencode({"q": "select count(*) from range(10000000) a, range(10000000) b"}))

    assert found.status_code == 400
    assert "took longer than 0.3 s" in found.text


def test_sql_shows_no_more_rows_than_it_says(client: Client) -> None:
    page = asked(client, "/sql.json", q="select * from range(100000)")

    assert len(page["answer"]["rows"]) == page["limits"]["rows"]
    assert page["answer"]["more"]


# --- hostile names


def test_hostile_names_are_text(client: Client) -> None:
    """Whatever stands in a name, it stands there as a person typed it, escaped."""
    for name in HOSTILE[:2]:
        text = client.get("/findings?" + urlencode({"q": name.lower().split()[0]})).text
        assert name not in text
    assert "\\x1b" in client.get("/findings?" + urlencode({"q": "31mred"})).text


def test_every_link_leads_to_a_page(client: Client) -> None:
    """From the overview on, some of each kind: no page links to what is not there."""
    waiting, seen, kinds = ["/"], {"/"}, Counter[str]()
    while waiting:
        path = waiting.pop(0)
        found = client.get(path)
        assert found.status_code == 200, path
        for link in sorted(set(re.findall(r'href="(/[^"]*)"', found.text))):
            target = html.unescape(link)
            kind = re.sub(
                r"(?<=/findings/)\w+|(?<=/policies/)[\w-]+|(?<=/resources/)[\w-]+", "…", target.partition("?")[0]
            )
            if target not in seen and kinds[kind] < 12:
                kinds[kind] += 1
                seen.add(target)
                waiting.append(target)

    assert {"/findings/…", "/policies/…", "/resources/…", "/resource", "/sql"} <= kinds.keys()
