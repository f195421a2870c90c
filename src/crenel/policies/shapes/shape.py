"""What the shape of a filter is: its options, with names, types and meaning; and the shapes that many filters share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crenel.language.functions import TRANSFORMS
from crenel.policies.values.operations import OPERATIONS
from crenel.policies.values.value import KEYWORDS, VALUE_TYPES

Kind = Literal[
    "any", "text", "texts", "number", "integer", "boolean", "list", "mapping", "key", "filters", "attrs", "order"
]


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a filter. `words` are all that it may say; `kind` says what it takes beside."""

    name: str
    text: str
    kind: Kind = "any"
    words: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A filter's options beside `type`, and what it asks. `open`: it takes keys that are not declared here."""

    text: str
    options: tuple[Option, ...] = ()
    open: bool = False

    @property
    def bare(self) -> bool:
        """Whether the filter's name alone says something."""
        return not any(option.required for option in self.options)


# --- the value filter, and what is built on it

COMPARED = (
    Option("value", f"What it is compared with. Keywords: {', '.join(KEYWORDS)}."),
    Option("op", "How the two are compared; equality where it is left out.", words=tuple(OPERATIONS)),
    Option("value_type", "What is made of the two sides before they are compared.", words=VALUE_TYPES),
    Option("value_from", "Where the value comes from: a dated fact, or an address with `url`.", "mapping"),
    Option("value_path", "A JMESPath on the same resource whose value it is compared with.", "text"),
    Option("value_regex", "A pattern with one group; what that captures is compared.", "text"),
    Option("tag_key_transforms", f"What is made of the tags' keys first: {', '.join(TRANSFORMS)}.", "list"),
    Option("default", "Has no effect, as in Cloud Custodian."),
)
_KEY = Option("key", "A key of the resource: a name, a JMESPath, or `tag:NAME`.", "key")
INNER_KEY = Option("key", "A key of what the filter looks at: a name or a JMESPath.", "text")
OPERATOR = Option("operator", "`or`: some of the related resources match. `and`: all do.", words=("or", "and"))
_SAME = Option("match-resource", "Compare with this resource's own value of the key.", "boolean")
COUNT = (
    Option("count", "How many items are to match; at least one where it is left out.", "integer"),
    Option("count_op", "How their number is compared with `count`; equality where it is left out.", "order"),
)
VALUE = Shape("Compares what a key names with a value.", (_KEY, *COMPARED))
INNER = Shape("A value filter on what the filter's name says.", (INNER_KEY, *COMPARED))
RELATED = Shape("A value filter on related resources.", (INNER_KEY, *COMPARED, OPERATOR, _SAME))
SUBNET = Shape(
    "A value filter on the subnets.",
    (
        *RELATED.options,
        Option("igw", "Whether the subnet's route table leads to an internet gateway.", "boolean"),
        Option("nat", "Whether the subnet's route table leads to a NAT gateway.", "boolean"),
    ),
)
ITEMS = Shape(
    "Some item of a list, or `count` of them, matches all `attrs`.",
    (Option("attrs", "Filters on the items; keys start at the item.", "attrs"), *COUNT),
)
LIST_ITEM = Shape(ITEMS.text, (Option("key", "The list.", "key", required=True), *ITEMS.options))
AGE = Shape(
    "How long ago something was.",
    (
        Option("days", "Days ago.", "number"),
        Option("hours", "Hours ago, beside the days.", "number"),
        Option("minutes", "Minutes ago, beside the others.", "number"),
        Option("op", "`gt`, the default, is older than that.", "order"),
    ),
)
METRICS = Shape(
    "A CloudWatch metric over some days.",
    (
        Option("name", "The metric's name.", "text", required=True),
        Option("value", "What it is compared with.", "number", required=True),
        Option("op", "How it is compared; `less-than` where it is left out.", "order"),
        Option("days", "How many days back; 14 where it is left out.", "number"),
        Option("statistics", "Average, Sum, Maximum, Minimum, SampleCount, or a percentile.", "text"),
        Option("period", "Seconds of one point; the whole span where it is left out.", "number"),
        Option("namespace", "The metric's namespace; the type's own where it is left out.", "text"),
        Option("dimensions", "More dimensions, by name.", "mapping"),
        Option("missing-value", "What counts where there are no points.", "number"),
        Option("percent-attr", "The key whose value is 100 percent.", "text"),
        Option("attr-multiplier", "By what that is multiplied.", "number"),
        Option("period-start", "Where the first period starts.", words=("auto", "start-of-day")),
    ),
)
