"""Whether a policy document lets everyone in, as AWS's own controls of public access mean it."""

from __future__ import annotations

from crenel.language.plan import (
    TRUE,
    CountItems,
    Globs,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Lower,
    Matches,
    Predicate,
    conjunction,
    disjunction,
    negation,
)
from crenel.policies.context import Context
from crenel.policies.documents.statements import (
    INNER,
    ITEM,
    is_text,
    member,
    some_statement,
    statements_in,
    text_item,
)
from crenel.positions import Located

# Another operator, or one that holds where the key is absent (…IfExists, ForAllValues), keeps nobody out.
_OPERATOR = r"(?i:(?:ForAnyValue:)?(?:String(?:Equals|EqualsIgnoreCase|Like)|Arn(?:Equals|Like)))$"
_ADDRESS = r"(?i:(?:ForAnyValue:)?IpAddress)$"
# The keys that say who asks, or through what: https://docs.aws.amazon.com/service-authorization/latest/reference/
_WHO = (
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:principalservicename", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths",
    "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:userid", "aws:username",
    "aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "kms:calleraccount", "lambda:eventsourcetoken",
    "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
)  # fmt: skip
_VARIES = r"(?s:.*)(?:[*?]|\$\{)"
# An access point's name may be a wildcard where its account is not.
_POINT = r"arn:[^:*?]*:s3:[^:]*:\d{12}:"
# Wider than /8, and than /32 of IPv6, is everyone: half of all addresses twice would do.
_WIDE = r"(?:[^:]*/[0-7]$|[^/]*:[^/]*/(?:\d|[12]\d|3[01])$|(?:0\.0\.0\.0|::)$)"


def public_statement(context: Context, item: Located, spec: Located) -> Predicate:
    """`public-statement`: a statement allows something to everyone, and none of its conditions says who may ask.

    With `actions` it allows one of these. Such a condition has fixed values only, without wildcards and variables:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
    """
    keys = item.only("a public-statement filter", ("type", "actions"))
    actions = keys["actions"].sequence("actions") if "actions" in keys else []
    named = Lower(text_item(ITEM))
    covers: list[Predicate] = [Globs(Literal(each.text("actions").lower()), named) for each in actions]
    allowed = disjunction([IsNull(member("Action")), CountItems(member("Action"), ITEM, disjunction(covers))])
    principals = member("Principals")
    everyone = CountItems(
        principals,
        ITEM,
        conjunction([negation(is_text(member("Kind", ITEM), "Service")), is_text(member("Value", ITEM), "*")]),
    )
    return some_statement(
        statements_in(context, spec),
        is_text(member("Effect"), "Allow"),
        allowed if actions else TRUE,
        disjunction([negation(IsNull(member("NotPrincipals"))), IsEmpty(principals), everyone]),
        negation(CountItems(member("Conditions"), ITEM, _narrows())),
    )


def _narrows() -> Predicate:
    """Return whether a condition lets in only whom it names."""
    key, operator, value = member("Key", ITEM), member("Operator", ITEM), text_item(INNER)
    varies = conjunction(
        [
            Matches(value, _VARIES),
            negation(conjunction([is_text(key, "s3:dataaccesspointarn"), Matches(value, _POINT)])),
        ]
    )
    named: list[Predicate] = [
        Matches(operator, _OPERATOR),
        In(key, _WHO),
        negation(CountItems(member("Values", ITEM), INNER, varies)),
    ]
    wide = disjunction([Matches(value, _VARIES), Matches(value, _WIDE)])
    from_here: list[Predicate] = [
        Matches(operator, _ADDRESS),
        In(key, ("aws:sourceip", "aws:vpcsourceip")),
        negation(CountItems(member("Values", ITEM), INNER, wide)),
    ]
    # https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
    mounted: list[Predicate] = [
        is_text(key, "elasticfilesystem:accessedviamounttarget"),
        Matches(operator, "(?i:Bool)$"),
        CountItems(member("Values", ITEM), INNER, Matches(value, "(?i:true)$")),
    ]
    return disjunction([conjunction(named), conjunction(from_here), conjunction(mounted)])
