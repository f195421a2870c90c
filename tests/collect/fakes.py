"""An account that answers from a dict, for what needs no HTTP."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

from crenel.catalog.load import catalog
from crenel.collect.calls import Caller
from crenel.collect.context import Memo, UnitContext
from crenel.collect.limits import Limits
from crenel.collect.session import Target
from crenel.collect.tally import Tally
from crenel.errors import CallError
from crenel.model import GLOBAL, Account, Unit

from .conftest import NOW

ACCOUNT = "123456789012"


def denied(call: str, code: str = "AccessDenied") -> CallError:
    """AWS's refusal of ``service:Operation``."""
    return CallError(call, code, "not allowed")


def name_of_secrets(operation: str) -> bool:
    """Return whether an operation's answer may be asked for with secrets: those that are matched and not kept."""
    return operation in ("DescribeInstanceAttribute", "DescribeLaunchConfigurations", "DescribeLaunchTemplateVersions")


class FakeCaller:
    """Answers by ``service:Operation``: a dict, an error to raise, or a function of the parameters and the Region."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any], str]] = []
        self.limits = Limits({"*": (10_000, 10_000)})
        self.lock = threading.Lock()

    def call(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        region: str,
        tally: Tally | None = None,
        *,
        bare: bool = False,
    ) -> dict[str, Any]:
        assert not bare or name_of_secrets(operation)
        name = f"{service}:{operation}"
        with self.lock:
            self.asked.append((name, dict(params), region))
        if tally is not None:
            tally.check()
            tally.count(service, operation)
        answer = self.answers.get(name, denied(name))
        if callable(answer):
            answer = answer(params, region)
        if isinstance(answer, CallError):
            raise answer
        return dict(answer)

    def pages(self, *args: Any) -> Iterator[dict[str, Any]]:
        """Yield the one page, or the several where the answer is a list under ``pages``."""
        answer = self.call(*args)
        yield from answer.get("pages", [answer])

    def names(self) -> list[str]:
        """What was asked, in order."""
        return [name for name, _, _ in self.asked]


def target(caller: FakeCaller) -> Target:
    """A target over the fake."""
    return Target(Account(ACCOUNT), cast("Caller", caller), "us-east-1", "us-east-1")


@contextmanager
def context(kind: str, answers: Mapping[str, Any], region: str = GLOBAL, **changes: Any) -> Iterator[Any]:
    """Give a unit's context over the fake; its caller is in `.target.caller`."""
    with ThreadPoolExecutor(4) as threads:
        types = changes.pop("types", catalog())
        details = changes.pop("details", frozenset(types[kind].details))
        yield UnitContext(
            unit=Unit(ACCOUNT, region, kind),
            kind=types[kind],
            target=target(FakeCaller(answers)),
            details=types[kind].with_needs(details),
            now=NOW,
            scanned=changes.pop("scanned", ("eu-west-1", "us-east-1")),
            tally=Tally(changes.pop("stop", None), sleep=lambda _: None),
            threads=threads,
            memo=Memo(),
            **changes,
        )
