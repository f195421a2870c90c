"""Random rules over random records: the compiled rules say what a small interpreter says."""

from __future__ import annotations

import gzip
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crenel.catalog.events import TEXTS
from crenel.detections.model import Rules
from crenel.detections.sigma import read_sigma
from crenel.language.detecting import weakened
from tests.detections import sigma_direct
from tests.detections.events import held

SHARED = Path(__file__).parents[3] / "shared" / "data"

WORDS = ["", "a", "A", "ab", "aXb", "a*b", "a\\b", 'a"b', "null", "5", "É", "a\nb"]
scalars = st.one_of(st.sampled_from(WORDS), st.sampled_from([None, True, False, 0, 5, 0.5, -3]))
members = st.dictionaries(
    st.sampled_from(["a", "b", "a.b", "n"]),
    st.one_of(
        scalars,
        st.lists(st.one_of(scalars, st.fixed_dictionaries({"b": scalars})), max_size=3),
        st.dictionaries(st.sampled_from(["b", "c"]), st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=2),
    ),
    max_size=3,
)
records = st.fixed_dictionaries(
    {},
    optional={
        "eventName": st.one_of(st.sampled_from(WORDS), st.none()),
        "userAgent": scalars,
        "errorCode": scalars,
        "sourceIPAddress": st.sampled_from(
            ["10.1.2.3", "10.0.0.300", "192.168.0.1", "2001:db8::1", "::1", "AWS Internal"]
        ),
        "requestParameters": st.one_of(st.none(), members),
        "other": members,
    },
)

PATHS = ["eventName", "userAgent", "errorCode", "requestParameters", "requestParameters.a", "requestParameters.a.b",
         "requestParameters.n", "other.a.b", "other.n"]  # fmt: skip
TEXT_MODIFIERS = ["", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|base64"]
texts = st.sampled_from(
    [*(word for word in WORDS if "\n" not in word), "*", "a*", "*b", "a?b", "?", "a\\*b", "*a*b*", "n*l"]
)
values = st.one_of(texts, st.sampled_from([True, False, 0, 5, 0.5]))


@st.composite
def lines(draw: st.DrawFn) -> tuple[str, Any]:
    """Return a field with modifiers, and what is wanted of it."""
    path = draw(st.sampled_from(PATHS))
    kind = draw(st.sampled_from(["text"] * 6 + ["null", "exists", "re", "order", "cidr", "fieldref"]))
    neq = draw(st.sampled_from(["", "", "", "|neq"]))
    match kind:
        case "null":
            return f"{path}{neq}", None
        case "exists":
            return f"{path}|exists", draw(st.booleans())
        case "re":
            flag = draw(st.sampled_from(["", "|i", "|s", "|m"]))
            return f"{path}|re{flag}{neq}", draw(
                st.sampled_from(["a", "^a.b$", "^b$", "[ab]+", "n.l", "^$", '"a"', "\\\\"])
            )
        case "order":
            return f"{path}|{draw(st.sampled_from(['lt', 'lte', 'gt', 'gte']))}{neq}", draw(
                st.sampled_from([0, 5, 0.25])
            )
        case "cidr":
            networks = ["10.0.0.0/8", "10.1.2.0/23", "192.168.0.1/32", "0.0.0.0/0", "2001:db8::/31", "::/0"]
            return f"sourceIPAddress|cidr{neq}", draw(st.sampled_from(networks))
        case "fieldref":
            how = draw(st.sampled_from(["", "|contains", "|startswith", "|endswith", "|cased"]))
            return f"{path}|fieldref{how}{neq}", draw(st.sampled_from(PATHS))
    modifiers = draw(st.sampled_from(TEXT_MODIFIERS))
    wanted = values if "base64" not in modifiers else st.sampled_from(["a", "ab"])
    if draw(st.booleans()):
        return f"{path}{modifiers}{neq}", draw(wanted)
    every = draw(st.sampled_from(["", "|all"]))
    return f"{path}{modifiers}{every}{neq}", draw(st.lists(wanted, min_size=2, max_size=3))


maps = st.lists(lines(), min_size=1, max_size=2).map(dict)
words = st.sampled_from(["a", "AXB", "requestparameters", "5", 5, 'a"b', "a?b", "é"])
searches = st.one_of(maps, maps, st.lists(maps, min_size=1, max_size=2), st.lists(words, min_size=1, max_size=2))
CONDITIONS = ["a", "not a", "a and b", "a or b", "a and not b", "not (a or b)", "a or b and c", "(a or b) and c",
              "1 of *", "all of them", "not a or not b", "not not a", "1 of b* and not 1 of them"]  # fmt: skip
detections = st.fixed_dictionaries(
    {"a": searches, "b": searches, "c": searches, "condition": st.sampled_from(CONDITIONS)}
)


def rules_of(wanted: list[dict[str, Any]]) -> Rules:
    """Return detections as rules."""
    head = {"level": "low", "logsource": {"product": "aws", "service": "cloudtrail"}}
    documents = [{"title": str(number), **head, "detection": each} for number, each in enumerate(wanted)]
    return read_sigma([("random.yml", yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True))])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(detections, min_size=12, max_size=12), st.lists(records, min_size=6, max_size=6))
def test_random_rules(wanted: list[dict[str, Any]], events: list[dict[str, Any]]) -> None:
    rules = rules_of(wanted)
    assert rules.errors == []
    conditions = [each.condition for each in rules.detections]

    got = held(conditions, events)
    expected = [[n for n, rule in enumerate(wanted) if sigma_direct.fires(rule, event)] for event in events]
    assert got == expected

    # What is asked first, of few columns, leaves out nothing that a rule wants. An event that has no text where one is
    # due is looked at whole without being asked.
    regular = [all(isinstance(event.get(key, ""), str | None) for key in TEXTS) for event in events]
    for cheap in ({"eventName"}, {*TEXTS}, {*TEXTS, "requestParameters"}):
        first = held([weakened(each, frozenset(cheap)) for each in conditions], events)
        both = zip(got, first, regular, strict=True)
        assert all(set(hits) <= set(wide) for hits, wide, asked in both if asked)


def real_events() -> list[dict[str, Any]]:
    """Return the records of real log files."""
    found = []
    for archive in sorted((SHARED / "cloudtrail").glob("*.tar.gz")):
        with tarfile.open(archive) as files:
            for member in files:
                data = files.extractfile(member)
                if data is not None and member.name.endswith((".json", ".json.gz")):
                    text = gzip.decompress(data.read()) if member.name.endswith(".gz") else data.read()
                    found += json.loads(text)["Records"]
    return found


@pytest.mark.skipif(not SHARED.exists(), reason="the published rules and logs are not part of the repository")
def test_published_rules_over_real_logs() -> None:
    rules = read_sigma(sorted((SHARED / "sigma").glob("*.yml")))
    events = real_events()
    assert (len(rules.detections), rules.errors, rules.skipped) == (57, [], [])
    assert [str(each.message) for each in rules.warnings] == ['CloudTrail\'s events have no "status".']

    got = held([each.condition for each in rules.detections], events)

    details = [each.body.plain()["detection"] for each in rules.detections]
    assert got == [[n for n, rule in enumerate(details) if sigma_direct.fires(rule, event)] for event in events]
    assert len({place for hits in got for place in hits}) > 10
