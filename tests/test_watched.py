"""`catches`: which events a metric filter's pattern is certain to catch. More in `tests/policies/cloudwatch/`."""

import pytest

from crenel.catalog.load import catalog
from crenel.errors import PolicyError
from crenel.model import Standard
from crenel.policies.compile import PolicyCompiler
from crenel.policies.facts import facts
from crenel.policies.written.model import policy_of
from crenel.positions import load_text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("", "needs `events`"),
        (", events: []", "an event at least"),
        (", events: [{}]", "a field at least"),
        (", events: [StopLogging]", "an event must be"),
        (", events: [{eventName: []}]", "has no values"),
        (", events: [{eventName: [A, B], eventSource: [c, d]}]", "one field alone"),
        (", events: [{eventName: {no: [A]}}]", 'has no key "no"'),
        (", events: [{eventName: {}}]", "{not: [...]}"),
        (", events: [{eventName: 5}]", "a value must be"),
        (", events: [{eventNam: A}]", 'Did you mean "eventName"?'),
        (", events: [{userIdentity.tpe: Root}]", 'Did you mean "userIdentity.type"?'),
        (", event: [{eventName: A}]", 'Did you mean "events"?'),
    ],
)
def test_events_that_can_not_be_meant_are_refused(options: str, told: str) -> None:
    text = f"name: x\nresource: aws.log-metric\nfilters: [{{type: catches{options}}}]"

    with pytest.raises(PolicyError) as raised:
        PolicyCompiler(catalog(), facts(), Standard.FSBP).compile(policy_of(load_text(text, "here")))

    assert told in " ".join(f"{one.message} {one.suggestion}" for one in raised.value.all())
