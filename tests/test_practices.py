"""The edge cases of the 26 practices: rows in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from crenel.catalog.load import catalog
from crenel.language.plan import Plan
from crenel.model import Standard
from crenel.policies.facts import facts
from crenel.policies.load import PolicyCompiler, builtin_policies
from tests.cases import judge_case

FOLDER = Path(__file__).parent / "practices"


@lru_cache
def plan_of(practice: int, standard: str) -> Plan:
    policy = next(policy for policy in builtin_policies() if policy.practice == practice)
    return PolicyCompiler(catalog(), facts(), Standard(standard)).compile(policy)


def cases() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for index, case in enumerate(yaml.safe_load(path.read_text())):
            name = f"{case['id']}-{case.get('standard', 'fsbp')}-{index}"
            yield pytest.param(int(path.stem), case, id=name)


@pytest.mark.parametrize(("practice", "case"), list(cases()))
def test_edge_case(practice: int, case: dict[str, Any], tmp_path: Path) -> None:
    """Each case's note says what it shows; the findings are the wanted ones and no others."""
    found = judge_case(plan_of(practice, case.get("standard", "fsbp")), case, tmp_path)
    wanted = case["want"] if "want" in case else case["want_some"]
    assert {(each["id"], each.get("region")) for each in wanted} == {
        (
            finding.resource_id,
            finding.region if any(w["id"] == finding.resource_id and w.get("region") for w in wanted) else None,
        )
        for finding in found
        if "want" in case or finding.resource_id in {each["id"] for each in wanted}
    }, [(f.resource_id, f.region, f.status, f.reason) for f in found]
    for each in wanted:
        matching = [
            finding
            for finding in found
            if finding.resource_id == each["id"] and each.get("region") in (None, finding.region)
        ]
        assert [finding.status for finding in matching] == [each["status"]], (case["note"], matching)
        assert each.get("message", "") in matching[0].message
        for path in each.get("evidence", ()):
            assert any(f"{read}.".startswith(f"{path}.") for read in _read(matching[0].evidence)), (
                path,
                matching[0].evidence,
            )


def _read(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield the column paths in the evidence, those of related rows too."""
    for path, value in evidence.items():
        yield path
        if path.startswith("aws."):
            yield from (column for row in value for column in row)
