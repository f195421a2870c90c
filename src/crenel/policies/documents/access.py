"""Who may use a resource: Cloud Custodian's `cross-account`, over policy documents and over lists of accounts.

    filters:
      cross-account: {document: COLUMN}      the statements of a policy document (text, JSON, or read already)
      cross-account: {document: COLUMN, granted: "execute-api:Invoke"}   … where no document grants this to everybody
      has-statement: {document: COLUMN, names: {topic_arn: TopicArn}}    what its placeholders stand for
      cross-account: {accounts: "JMESPATH"}  accounts (or `all`, or ARNs) that a resource is shared with
      cross-account: {accounts: "JMESPATH", arns: true}  … the accounts in ARNs

The other filters over documents (`statements`) are declared the same way. What a statement allows is read off its text,
as Custodian does; IAM's answer depends on the caller's own policies as well:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crenel.catalog.columns import TEXT, ListOf
from crenel.errors import did_you_mean
from crenel.language.plan import (
    FALSE,
    TRUE,
    Choice,
    Compare,
    CountItems,
    Extract,
    Field,
    Globs,
    Has,
    In,
    IsEmpty,
    IsNull,
    Literal,
    Matches,
    Predicate,
    Value,
    conjunction,
    disjunction,
    negation,
)
from crenel.language.walking import kind_of
from crenel.policies.constants import told
from crenel.policies.context import Context, Filter, Form
from crenel.policies.documents.allowed import allows_action
from crenel.policies.documents.log_accounts import LOG_DELIVERY
from crenel.policies.documents.public import public_statement
from crenel.policies.documents.statements import (
    ACCOUNT,
    INNER,
    ITEM,
    STATEMENT,
    check_secure_transport,
    has_allow_all,
    has_statement,
    is_text,
    member,
    missing_statement,
    no_encryption_statement,
    source_ip,
    statements_in,
    text_item,
)
from crenel.policies.values.patterns import shell_pattern
from crenel.positions import Located

_ORG_CONDITION = 4  # the conditions of a statement, asked once more of one of them

# What Custodian sees of conditions: other operators, and …IfExists, it passes over.
_OPERATORS = (
    "StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress", "NotIpAddress",
)  # fmt: skip
_SETS = "ForAllValues|ForAnyValue"
# The keys that name an account, or something in one.
_ACCOUNT_KEYS = (
    "aws:sourceowner", "aws:sourceaccount", "aws:sourcearn", "aws:principalarn", "aws:principalaccount",
    "s3:dataaccesspointaccount",
)  # fmt: skip
_ORG_KEYS = ("aws:principalorgid", "aws:resourceorgid", "aws:principalorgpaths")
# Those that an allowed organization makes harmless where they are wildcards.
_PRINCIPAL_KEYS = tuple(key for key in _ACCOUNT_KEYS if key != "aws:sourceowner")
_ACCOUNT_ID = re.compile(r"\d{12}")
_DIGITS = re.compile(r"\d[\d -]*")
_DEFAULT_CONDITIONS = ("aws:userid", "aws:username")
_LISTS = (
    "whitelist", "whitelist_orgids", "whitelist_org_units", "whitelist_vpce", "whitelist_vpc", "whitelist_patterns",
)  # fmt: skip
_SUBSCRIBERS = ("whitelist_endpoints", "whitelist_protocols")
_PROTOCOLS = ("http", "https", "email", "email-json", "sms", "sqs", "application", "lambda")


@dataclass(frozen=True, slots=True)
class _Variant:
    """What a service's own filter knows beside: keys that name an account, keys that always excuse, accounts always
    allowed, and whether it knows SNS's conditions on subscribers.
    """

    account_keys: tuple[str, ...] = ()
    excusing: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    subscribers: bool = False


_VARIANTS: Mapping[str, _Variant] = {
    # https://docs.aws.amazon.com/kms/latest/developerguide/policy-conditions.html
    "kms": _Variant(("kms:calleraccount",), ("kms:viaservice", "kms:grantoperations")),
    "s3": _Variant(accounts=LOG_DELIVERY),
    # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    "sns": _Variant(subscribers=True),
}


# --- what the policy gives


class _Given:
    """The lists that a filter gives, each in place or by `…_from`."""

    def __init__(self, context: Context, keys: Mapping[str, Located]) -> None:
        self.context = context
        self.keys = keys

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list. What `…_from` gives beside texts equals none, and is left out."""
        found: list[str] = []
        if name in self.keys:
            for item in self.keys[name].sequence(name):
                constant = self.context.constant(item)
                if not isinstance(constant, str):
                    raise item.error(f"{name} is a list of texts.", "Put it in quotes.", "wrong-type")
                if name == "whitelist":
                    self._account(constant, item)
                found.append(constant)
        source = self.keys.get(f"{name}_from")
        if source is not None:
            if self.context.values_from is None:
                raise source.error(f"{name}_from can't be fetched here.")
            values = self.context.values_from(source)
            items = values if isinstance(values, tuple) else (values,)
            found += [item for item in items if isinstance(item, str)]
        return tuple(dict.fromkeys(found))

    def _account(self, text: str, at: Located) -> None:
        """Note what is meant for an account, but can't be one.

        https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
        """
        if _DIGITS.fullmatch(text) and not _ACCOUNT_ID.fullmatch(text):
            hint = "Leading zeros belong to it, hyphens don't."
            self.context.mistake(at.error(f'"{text}" is no account: an account\'s id has 12 digits.', hint))

    def patterns(self) -> list[str]:
        """Return the patterns of principals, as RE2 reads them. Raises `PolicyError` for what is too large."""
        at = self.keys.get("whitelist_patterns") or self.keys.get("whitelist_patterns_from")
        return [shell_pattern(text, at) for text in self.texts("whitelist_patterns")] if at is not None else []

    def flag(self, name: str) -> bool:
        return name in self.keys and self.context.boolean(self.keys[name])

    def paths(self) -> tuple[str, ...]:
        """Return the organizational units, each the whole path from its organization. Raises for what is none."""
        at = self.keys.get("whitelist_org_units") or self.keys.get("whitelist_org_units_from")
        found = self.texts("whitelist_org_units")
        for path in found:
            steps = path.strip("/").split("/")
            if at and (re.search(r"[*?]", path) or len(steps) < 2 or not steps[0].startswith("o-")):
                hint = "Such as o-abc/r-xyz/ou-target, without wildcards."
                raise at.error(f'"{path}" is no whole path of an organizational unit.', hint)
        return found

    def protocols(self) -> tuple[str, ...]:
        item = self.keys.get("whitelist_protocols")
        for each in item.sequence("whitelist_protocols") if item else []:
            if each.value not in _PROTOCOLS:
                hint = did_you_mean(str(each.value), _PROTOCOLS) or f"There are {', '.join(_PROTOCOLS)}."
                raise each.error(f"{told(each.value)} is no protocol of SNS.", hint, "unknown-value")
        return tuple(each for each in self.texts("whitelist_protocols") if each in _PROTOCOLS)


def _account(value: Value) -> Value:
    """Return the account in an ARN; what is no ARN stands for itself."""
    fifth = r"(?:[^:]*:){4}"
    return Choice(Matches(value, fifth), Extract(value, f"{fifth}([^:]*)"), value, TEXT)


def _allowed(value: Value, accounts: Sequence[str]) -> Predicate:
    """Return whether a value names one of these accounts, or the resource's own."""
    account = _account(value)
    return disjunction([In(account, tuple(accounts)), Compare("eq", account, ACCOUNT)])


# --- cross-account over documents


class _CrossAccount:
    """One `cross-account` filter's rules, asked of a statement."""

    def __init__(self, given: _Given, variant: _Variant) -> None:
        self.variant = variant
        self.everyone_only = given.flag("everyone_only")
        self.accounts = (*given.texts("whitelist"), *variant.accounts)
        self.orgs = given.texts("whitelist_orgids")
        self.units = given.paths()
        self.endpoints_ids = given.texts("whitelist_vpce")
        self.networks = given.texts("whitelist_vpc")
        self.patterns = given.patterns()
        self.actions = given.texts("actions")
        named = given.texts("whitelist_conditions") if "whitelist_conditions" in given.keys else _DEFAULT_CONDITIONS
        self.excused = tuple(key.lower() for key in named)
        self.subscribers = given.texts("whitelist_endpoints")
        self.protocols = given.protocols() if variant.subscribers else ()

    def violation(self) -> Predicate:
        """Return whether a statement lets strangers in."""
        allows = is_text(member("Effect"), "Allow")
        return conjunction([allows, self.principal(), self.action(), negation(self.conditions())])

    def principal(self) -> Predicate:
        """Return whether a statement speaks to a stranger. Services are AWS's own; no principal at all is everybody."""
        kind, value = member("Kind", ITEM), member("Value", ITEM)
        stranger = is_text(value, "*")
        if not self.everyone_only:
            known = [
                Matches(value, "arn:aws:iam::cloudfront:user"),
                *(Matches(value, pattern) for pattern in self.patterns),
                _allowed(value, self.accounts),
            ]
            stranger = disjunction([stranger, negation(disjunction(known))])
        principals = member("Principals")
        strange = CountItems(principals, ITEM, conjunction([negation(is_text(kind, "Service")), stranger]))
        return disjunction([negation(IsNull(member("NotPrincipals"))), IsEmpty(principals), strange])

    def action(self) -> Predicate:
        """Return whether a statement speaks of one of the actions that the filter is about.

        Custodian fails on NotAction here; such a statement speaks of all that it does not name.
        """
        if not self.actions:
            return TRUE
        globs = [Globs(Literal(each), text_item(ITEM)) for each in self.actions]
        named = [CountItems(member("Action"), ITEM, each) for each in globs]
        others = [negation(CountItems(member("NotAction"), ITEM, each)) for each in globs]
        beside = conjunction([negation(IsNull(member("NotAction"))), disjunction(others)])
        return disjunction([*named, beside])

    def conditions(self) -> Predicate:
        """Return whether a statement's conditions excuse it.

        There are some, all are known and all excuse; or those that don't are mere wildcards (or allowed accounts) of
        who asks, where another allows an organization.
        """
        excuses, known = self.excuses(), In(member("Key", ITEM), self.known())
        failing = self.some(negation(excuses))
        key, value = member("Key", ITEM), text_item(INNER)
        wide = disjunction([Has(value, Literal("*")), _allowed(value, self.accounts)])
        harmless = conjunction([In(key, _PRINCIPAL_KEYS), self.every_value(wide)])
        by_org = [
            self.some(conjunction([In(key, _ORG_KEYS), excuses])),
            negation(self.some(conjunction([negation(excuses), negation(harmless)]))),
        ]
        return conjunction(
            [
                self.some(TRUE),
                negation(self.some(negation(known))),
                disjunction([negation(failing), conjunction(by_org)]),
            ]
        )

    @staticmethod
    def some(where: Predicate, number: int = ITEM) -> Predicate:
        """Return whether some condition that Custodian sees fulfils a predicate."""
        operator = member("Operator", number)
        seen = disjunction([In(operator, _OPERATORS), Matches(operator, _SETS)])
        return CountItems(member("Conditions"), number, conjunction([seen, where]))

    @staticmethod
    def every_value(where: Predicate) -> Predicate:
        """Return whether all values of a condition fulfil a predicate."""
        return negation(CountItems(member("Values", ITEM), INNER, negation(where)))

    def known(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for keys, _ in self.rules() for key in keys))

    def excuses(self) -> Predicate:
        """Return whether a condition excuses its statement."""
        key = member("Key", ITEM)
        return disjunction([conjunction([In(key, keys), rule]) for keys, rule in self.rules()])

    def rules(self) -> list[tuple[tuple[str, ...], Predicate]]:
        """Return, by the keys of conditions, when one excuses its statement."""
        value = text_item(INNER)
        account = _account(value)

        def among(values: Sequence[str]) -> Predicate:
            return self.every_value(In(account, tuple(values)))

        found = [
            (("aws:sourceip", *self.variant.excusing, *self.excused), TRUE),
            ((*_ACCOUNT_KEYS, *self.variant.account_keys), self.every_value(_allowed(value, self.accounts))),
            (("aws:sourcevpce",), among(self.endpoints_ids) if self.endpoints_ids else TRUE),
            (("aws:sourcevpc",), among(self.networks) if self.networks else TRUE),
            (("aws:principalorgid",), among(self.orgs) if self.orgs else FALSE),
            (("aws:resourceorgid",), among(self.orgs)),
            (("aws:principalorgpaths",), self.org_paths()),
        ]
        return found + self.subscriber_rules() if self.variant.subscribers else found

    def org_paths(self) -> Predicate:
        """A path is allowed by its organization, or by an organizational unit that it leads through.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths
        """
        below = "(?:/(?s:.*))?$"
        patterns = [f"{re.escape(org)}{below}" for org in self.orgs]
        for path in self.units:
            steps = path.strip("/").split("/")
            patterns.append(f"{re.escape(steps[0])}/(?s:(?:.*/)?){re.escape(steps[-1])}{below}")
        if not patterns:
            return FALSE
        return self.every_value(disjunction([Matches(text_item(INNER), pattern) for pattern in patterns]))

    def subscriber_rules(self) -> list[tuple[tuple[str, ...], Predicate]]:
        value = text_item(INNER)
        if self.subscribers:
            endpoint = self.every_value(disjunction([Has(value, Literal(each)) for each in self.subscribers]))
        else:
            # The owner's condition, which AWS puts beside it, decides.
            endpoint = self.some(is_text(member("Key", _ORG_CONDITION), "aws:sourceowner"), _ORG_CONDITION)
        return [(("sns:endpoint",), endpoint), (("sns:protocol",), self.every_value(In(value, self.protocols)))]


def cross_account(context: Context, item: Located, spec: Located) -> Predicate:
    """`cross-account`: a statement of the document lets strangers in (`return_allowed`: one does not)."""
    variant = _VARIANTS.get(context.type.service, _Variant())
    lists = (*_LISTS, *_SUBSCRIBERS) if variant.subscribers else _LISTS
    others = ("type", "actions", "everyone_only", "return_allowed", "whitelist_conditions")
    keys = item.only("a cross-account filter", (*others, *lists, *(f"{name}_from" for name in lists)))
    given = _Given(context, keys)
    rules = _CrossAccount(given, variant)
    statements = statements_in(context, spec)
    if given.flag("return_allowed"):
        return CountItems(statements, STATEMENT, negation(rules.violation()))
    found = CountItems(statements, STATEMENT, rules.violation())
    granted = spec.value.get("granted")
    if granted and (not rules.actions or granted.text("granted") in rules.actions):
        return disjunction([IsNull(statements), found])
    return found


# --- cross-account over lists of accounts


def shared(context: Context, item: Located, spec: Located) -> Predicate:
    """`cross-account` of what is shared by a list: it has another account, or an ARN of another, or `all`.

    `everyone_only`: only `all` counts.
    """
    keys = item.mapping("a cross-account filter")
    known = ("type", "whitelist", "whitelist_from", "everyone_only")
    others = ("actions", "return_allowed", "whitelist_conditions")
    without_effect = (*others, *_LISTS, *(f"{name}_from" for name in _LISTS))
    item.only("a cross-account filter", dict.fromkeys((*known, *without_effect)))
    for name in keys:
        if name not in known:
            error = f"{name} has no effect on a list of accounts, in Cloud Custodian neither."
            context.mistake(item.key_error(name, error, "Leave it out.", "no-effect"))
    given = _Given(context, keys)
    accounts = context.declared(spec, "accounts")
    kind = kind_of(accounts)
    text = Field((), kind.item if isinstance(kind, ListOf) else TEXT, STATEMENT)
    named = _account(text) if "arns" in spec.value else text
    stranger = negation(disjunction([In(named, given.texts("whitelist")), Compare("eq", named, ACCOUNT)]))
    if given.flag("everyone_only"):
        stranger = conjunction([is_text(text, "all"), stranger])
    return CountItems(accounts, STATEMENT, stranger)


def every_recorder(context: Context, item: Located) -> Predicate:
    """`cross-account` of config-recorder: Custodian notes on it the aggregators that are not allowed, and selects it
    whether there are some or not.
    """
    keys = item.only("a cross-account filter", ("type", "whitelist", "whitelist_from", "allowed_regions"))
    context.mistake(item.error("Cloud Custodian's cross-account of config-recorder holds for every recorder."))
    given = _Given(context, keys)
    given.texts("whitelist")
    given.texts("allowed_regions")
    return TRUE


_OF_DOCUMENTS: Mapping[str, Form] = {
    "cross-account": cross_account,
    "has-statement": has_statement,
    "missing-policy-statement": missing_statement,
    "missing-statement": missing_statement,
    "no-encryption-statement": no_encryption_statement,
    "check-secure-transport": check_secure_transport,
    "source-ip": source_ip,
    "has-allow-all": has_allow_all,
    "public-statement": public_statement,
    "allows-action": allows_action,
}


def document(context: Context, item: Located, spec: Located) -> Predicate:
    """`document`: one of the filters over policy documents, by its name. Raises `PolicyError` for another name."""
    name = item.mapping("a filter")["type"].text("type")
    if name not in _OF_DOCUMENTS:
        raise spec.error(f'no filter over documents is called "{name}".', did_you_mean(name, _OF_DOCUMENTS))
    return _OF_DOCUMENTS[name](context, item, spec)


FORMS: Mapping[str, Form] = {"document": document, "accounts": shared}
FILTERS: Mapping[str, Mapping[str, Filter]] = {"config-recorder": {"cross-account": every_recorder}}
