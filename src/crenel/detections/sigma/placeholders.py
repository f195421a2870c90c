"""Values for the placeholders of `expand`: a document of `vars` among the rules, in the form of pySigma's pipelines.

    vars: {admins: [alice, 'ops-*']}
    transformations: [{type: value_placeholders}]

https://sigmahq-pysigma.readthedocs.io/en/latest/Processing_Pipelines.html
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from crenel.detections.sigma.values import Text, Wanted, parsed
from crenel.positions import Located

Placeholders = Mapping[str, tuple[str, ...]]
PLACEHOLDER = re.compile(r"(?<!\\)%([^%\\]+)%")
_KEYS = ("name", "priority", "vars", "transformations")
_READ = "value_placeholders"
_MOST = 10_000  # texts that one becomes


def are_placeholders(item: Located) -> bool:
    """Return whether a document gives placeholders their values."""
    return isinstance(item.value, dict) and "vars" in item.value


def read_placeholders(item: Located, known: Placeholders) -> Placeholders:
    """Return a document's values by placeholder, and those that are known. Raises `PolicyError`."""
    keys = item.only("a document of placeholders", _KEYS)
    steps = item.child("transformations")
    for step in steps.sequence("transformations") if steps is not None else []:
        kind = step.mapping("a transformation").get("type")
        if kind is None or kind.value != _READ:
            raise step.error(
                "of pipelines only value_placeholders is read.", "Write the rules for CloudTrail's fields."
            )
    found = dict(known)
    for name, given in keys["vars"].mapping("vars").items():
        if name in known:
            raise keys["vars"].key_error(name, f'the placeholder "{name}" has values already.', code="duplicate")
        values = given.value if isinstance(given.value, list) else [given]
        if not values:
            raise given.error("a placeholder has at least one value.")
        for each in values:
            if isinstance(each.value, bool) or not isinstance(each.value, (str, int)):
                raise each.error("a placeholder's values are texts and numbers.", code="wrong-type")
        found[name] = tuple(str(each.value) for each in values)
    return found


def expanded(value: Wanted, known: Placeholders, at: Located) -> list[Wanted]:
    """Return what a text stands for once each of its placeholders is one of its values; others as they are."""
    if not isinstance(value, Text) or value.original is None:
        return [value]
    parts = PLACEHOLDER.split(value.original)  # texts, and names between them
    names = parts[1::2]
    for name in names:
        if name not in known:
            hint = f"Give it some in a document among the rules: vars: {{{name}: [one, another]}}"
            raise at.error(f"the placeholder %{name}% has no values.", hint, "modifier")
    ways = [known[part] if place % 2 else (part,) for place, part in enumerate(parts)]
    texts = list(itertools.islice(itertools.product(*ways), _MOST + 1))
    if len(texts) > _MOST:
        raise at.error(f"with its placeholders this is more than {_MOST:,} texts.", code="too-large")
    return [parsed("".join(each)) for each in texts]
