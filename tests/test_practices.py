"""The edge cases of the 26 practices: rows in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from crenel.examples.format import Example, load_examples
from crenel.examples.running import named_policy, run
from crenel.model import Standard
from crenel.policies.written.load import builtin_policies
from crenel.policies.written.model import Policy

FOLDER = Path(__file__).parent / "practices"


@lru_cache
def known() -> dict[str, Policy]:
    return {policy.name: policy for policy in builtin_policies()}


def examples() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for index, example in enumerate(load_examples(path)):
            name = f"{example.name}-{example.standard or Standard.FSBP}-{index}"
            yield pytest.param(int(path.stem), example, id=name)


@pytest.mark.parametrize(("practice", "example"), list(examples()))
def test_edge_case(practice: int, example: Example) -> None:
    """Each example's note says what it shows; the findings are the wanted ones and no others."""
    policy = named_policy(example, known())

    assert policy.practice == practice
    assert run(example, policy, Standard.FSBP).passed, example.note
