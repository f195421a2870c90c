"""Answers for `oracle.py`, inside the Python that has Cloud Custodian: one JSON request a line, one answer a line.

    {"kind": "value", "filter": {…}, "docs": […], "now": "2026-11-23T00:00:00+00:00"}  →  [true, false, "TypeError", …]
    {"kind": "statements", "type": "sns", "filter": {…}, "account": "1…", "docs": [policy, …]}  →  the same, of policies
    {"kind": "hours", "filter": {…}, "docs": […], "now": …}  →  the same, of offhour and onhour
    {"kind": "shared", "filter": {…}, "account": "1…", "docs": [["1…", "all"], …]}  →  of lists of accounts

Times in filters and documents are {"$date": iso}.
"""

from __future__ import annotations

import copy
import json
import sys
from datetime import UTC, datetime, timedelta, timezone

from c7n.config import Bag
from c7n.exceptions import PolicyValidationError
from c7n.filters import core, offhours
from c7n.filters.core import FilterRegistry, ValueFilter
from c7n.filters.iamaccess import CrossAccountAccessFilter
from c7n.filters.policystatement import HasStatementFilter
from c7n.manager import ResourceManager
from c7n.resources import rds
from c7n.resources.efs import CheckSecureTransport
from c7n.resources.elasticsearch import SourceIP
from c7n.resources.iam import AllowAllIamPolicies
from c7n.resources.kms import KMSPolicyChecker
from c7n.resources.s3 import EncryptionEnabledFilter, MissingPolicyStatementFilter, S3CrossAccountFilter
from c7n.resources.sns import SNSCrossAccount


def revived(value):
    """Return a parsed request with its times as datetimes."""
    if isinstance(value, dict):
        if set(value) == {"$date"}:
            return datetime.fromisoformat(value["$date"])
        return {key: revived(item) for key, item in value.items()}
    return [revived(item) for item in value] if isinstance(value, list) else value


class AnyTime(type):
    """Makes every datetime an instance of `Clock`, since Custodian asks for it by that name."""

    def __instancecheck__(cls, value):
        return isinstance(value, datetime)


class Clock(datetime, metaclass=AnyTime):
    """A datetime whose now() is the request's."""

    moment = datetime(2026, 1, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz=None):
        return cls.moment.astimezone(tz) if tz else cls.moment.replace(tzinfo=None)


class Module:
    """Stands in for the datetime module where Custodian asks for the time."""

    datetime = Clock
    timedelta = timedelta
    timezone = timezone


class Model:
    """Says which key is a document's identity."""

    id = "c7n:position"


class Manager(ResourceManager):
    """Filters documents as a policy filters resources."""

    filter_registry = FilterRegistry("documents")

    def get_model(self):
        return Model


class Context:
    """As much of an execution context as filters of lists need."""

    options = policy = session_factory = cache = None


def value(request):
    """Return what a value filter says of each document, the error's name where it raises."""
    answers = []
    for doc in request["docs"]:
        found = ValueFilter(copy.deepcopy(request["filter"]), None)
        try:
            found.validate()
        except PolicyValidationError:
            return ["invalid"] * len(request["docs"])
        except Exception as error:  # noqa: BLE001 (whatever Custodian raises is the answer)
            return [f"error:{type(error).__name__}"] * len(request["docs"])
        found.annotate = False
        try:
            answers.append(bool(found.match(copy.deepcopy(doc))))
        except Exception as error:  # noqa: BLE001 (whatever Custodian raises is the answer)
            answers.append(f"error:{type(error).__name__}")
    return answers


def filters(request):
    """Return the positions of the documents that a list of filters (value and blocks) leaves."""
    docs = [dict(copy.deepcopy(doc), **{Model.id: index}) for index, doc in enumerate(request["docs"])]
    try:
        manager = Manager(Context(), data={"filters": copy.deepcopy(request["filters"])})
        return [doc[Model.id] for doc in manager.filter_resources(docs)]
    except Exception as error:  # noqa: BLE001 (whatever Custodian raises is the answer)
        return f"error:{type(error).__name__}"


def hours(request):
    """Return what offhour or onhour says of each document."""
    kind = {"offhour": offhours.OffHour, "onhour": offhours.OnHour}[request["filter"]["type"]]

    class Hours(kind):
        """The filter, for documents that need no InstanceId."""

        def __call__(self, document):
            self.id_key = "Tags"
            return super().__call__(document)

    def one(doc):
        found = Hours(copy.deepcopy(request["filter"]), None)
        found.validate()
        return bool(found(doc))

    return [outcome(lambda doc=doc: one(doc)) for doc in request["docs"]]


class Owner:
    """As much of a resource manager as filters of policies need."""

    def __init__(self, account):
        self.config = Bag(account_id=account, region="us-east-1")
        self.data = {}


class KMS(CrossAccountAccessFilter):
    """A key's filter, without the call for its policy."""

    checker_factory = KMSPolicyChecker


class HasStatement(HasStatementFilter):
    """A resource's filter, with one placeholder of its own."""

    def get_std_format_args(self, resource):
        config = self.manager.config
        return {"account_id": config.account_id, "region": config.region, "name": resource["Name"]}


def transport(data, manager):
    """Return EFS's filter as a function of one resource, without the call for its policy."""
    found = CheckSecureTransport(data, manager)
    return lambda resource: found.securetransport_check_policy(None, {"c7n:Policy": json.loads(resource["Policy"])})


def allow_all(data, manager):
    """Return IAM's filter as a function of one policy, without the call for its document."""

    class Client:
        def __init__(self, text):
            self.document = json.loads(text)

        def get_policy_version(self, **_):
            return {"PolicyVersion": {"Document": self.document}}

    found = AllowAllIamPolicies(data, manager)
    one = {"Arn": "", "DefaultVersionId": ""}
    return lambda resource: found.has_allow_all_policy(Client(resource["Policy"]), one)


def source_ip(data, manager):
    """Return OpenSearch's filter, which finds the policy in another attribute."""
    found = SourceIP(data, manager)
    return lambda resource: found({"AccessPolicies": resource["Policy"]})


CROSS_ACCOUNT = {"": CrossAccountAccessFilter, "kms": KMS, "sns": SNSCrossAccount, "s3": S3CrossAccountFilter}
OF_DOCUMENTS = {
    "has-statement": HasStatement,
    "missing-policy-statement": MissingPolicyStatementFilter,
    "no-encryption-statement": EncryptionEnabledFilter,
    "check-secure-transport": transport,
    "has-allow-all": allow_all,
    "source-ip": source_ip,
}


def statements(request):
    """Return what a filter over policy documents says of each."""
    name = request["filter"]["type"]
    kind = CROSS_ACCOUNT[request["type"]] if name == "cross-account" else OF_DOCUMENTS[name]

    def one(doc):
        found = kind(copy.deepcopy(request["filter"]), Owner(request["account"]))
        resource = {"Name": "named", "Policy": json.dumps(doc)}
        return bool(found.process([resource]) if hasattr(found, "process") else found(resource))

    return [outcome(lambda doc=doc: one(doc)) for doc in request["docs"]]


def shared(request):
    """Return what the filter over accounts that something is shared with says of each list."""

    class Client:
        def describe_db_snapshot_attributes(self, DBSnapshotIdentifier):  # noqa: N803 (as boto3 has it)
            values = request["docs"][DBSnapshotIdentifier]
            found = [{"AttributeName": "restore", "AttributeValues": values}]
            return {"DBSnapshotAttributesResult": {"DBSnapshotAttributes": found}}

    found = rds.CrossAccountAccess(copy.deepcopy(request["filter"]), Owner(request["account"]))
    found.manager.retry = lambda call, **given: call(**given)
    found.accounts = found.get_accounts()
    found.everyone_only = found.data.get("everyone_only", False)
    rds.local_session = lambda _: Bag(client=lambda _: Client())
    found.manager.session_factory = None
    return [bool(found.process_resource_set([{"DBSnapshotIdentifier": n}])) for n in range(len(request["docs"]))]


def outcome(answer):
    """Return an answer, or the name of the error that it raises."""
    try:
        return answer()
    except Exception as error:  # noqa: BLE001 (whatever Custodian raises is the answer)
        return f"error:{type(error).__name__}"


KINDS = {"value": value, "filters": filters, "statements": statements, "hours": hours, "shared": shared}


def main():
    core.datetime = offhours.datetime = Module
    for line in sys.stdin:
        request = revived(json.loads(line))
        Clock.moment = (request.get("now") and datetime.fromisoformat(request["now"])) or Clock.moment
        print(json.dumps(KINDS[request["kind"]](request)), flush=True)  # noqa: T201 (the answer)


if __name__ == "__main__":
    main()
