"""What a declaration may say beyond the shipped ones' everyday words, read over a fake account."""

import json
from typing import Any

import pytest

from crenel.catalog.columns import TAGS, ListOf, MapOf, Scalar, Struct
from crenel.catalog.declared import load_types
from crenel.catalog.load import Extended, catalog
from crenel.collect.collector import collect
from crenel.collect.estimate import estimate
from crenel.collect.limits import rates
from crenel.collect.spool import Spool
from crenel.collect.unit import read_unit
from crenel.errors import PolicyError
from crenel.lake.engine import connect
from crenel.lake.snapshots import collected_columns, rows_sql, write_tables
from crenel.model import Account, Coverage, Needs, ScanInfo
from crenel.positions import load_text

from .conftest import NOW
from .fakes import ACCOUNT, FakeCaller, context, denied, target

KEYS = """
service: kms
types:
  key:
    list: {call: ListKeys, items: Keys}
    id: KeyId
    arn: "{KeyArn}"
    columns: {Invented: {"*": integer}}
    filters: {rotation: {value: Rotation.Status}}
    details:
      Tags:
        service: resourcegroupstaggingapi
        call: GetResources
        with: {ResourceTypeFilters: ["kms:key"]}
        once: true
        each: ResourceTagMappingList
        match: ["@arn", ResourceARN]
        take: Tags
        as: tags
        augment: true
        else: {call: ListResourceTags, with: {KeyId: "{@arn}"}, take: Tags, as: tags}
      Rotation: {call: GetKeyRotationStatus, with: {KeyId: "{KeyId}"}, type: {Status: text}, empty: true}
      Names: {call: ListAliases, once: true, each: Aliases, match: [KeyId, TargetKeyId], gather: true}
      Name: {call: ListAliases, once: true, each: Aliases, match: [KeyId, TargetKeyId], take: AliasName}
      Grants: {call: ListGrants, with: {KeyId: "{KeyId}"}, take: Grants}
      KeyPolicy: {call: GetKeyPolicy, with: {KeyId: "{KeyId}"}, take: Policy, empty: true}
      KeyStatements: {of: KeyPolicy, as: statements}
      Granted: {over: Grants, call: DescribeKey, with: {KeyId: "{item.KeyId}"}, take: KeyMetadata, merge: true}
"""
ARNS = [f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{name}" for name in "ab"]
LISTED = {"kms:ListKeys": {"Keys": [{"KeyId": name, "KeyArn": arn} for name, arn in zip("ab", ARNS, strict=True)]}}
TAGGED = {"ResourceTagMappingList": [{"ResourceARN": ARNS[1], "Tags": [{"Key": "k", "Value": "v"}]}]}


def declared(text: str = KEYS) -> dict[str, Any]:
    return {kind.name: kind for kind in load_types(load_text(text, "test"))}


def read(tmp_path, answers: dict[str, Any], *details: str, text: str = KEYS, kind: str = "key"):
    """Read one unit of a declared type; returns its record, its rows and the calls asked."""
    spool = Spool(tmp_path)
    with context(kind, LISTED | answers, "us-east-1", types=declared(text), details=frozenset(details)) as unit:
        record = read_unit(unit, spool)
        rows = [json.loads(line) for line in spool.rows_file(record.unit).read_text().splitlines()]
        return record, rows, unit.target.caller.names()


def test_tags_of_one_listing_by_arn(tmp_path) -> None:
    record, rows, asked = read(tmp_path, {"resourcegroupstaggingapi:GetResources": TAGGED}, "Tags")
    assert [row["Tags"] for row in rows] == [[], [{"Key": "k", "Value": "v"}]]
    assert [row["_n"] for row in rows] == [0, 1]
    assert asked == ["kms:ListKeys", "resourcegroupstaggingapi:GetResources"]
    assert record.gaps == ()


def test_what_is_denied_is_asked_otherwise(tmp_path) -> None:
    def tags(params, _):
        return {"Tags": [{"TagKey": "k", "TagValue": params["KeyId"]}]}

    record, rows, asked = read(tmp_path, {"kms:ListResourceTags": tags}, "Tags")
    assert [row["Tags"] for row in rows] == [[{"Key": "k", "Value": arn}] for arn in ARNS]
    assert [row["_gaps"] for row in rows] == [{}, {}]
    assert record.gaps == ()
    assert asked.count("kms:ListResourceTags") == 2


def test_only_both_denials_are_a_gap(tmp_path) -> None:
    def tags(params, _):
        return {"Tags": []} if params["KeyId"] == ARNS[0] else denied("kms:ListResourceTags")

    record, rows, _ = read(tmp_path, {"kms:ListResourceTags": tags}, "Tags")
    assert rows[0]["Tags"] == []
    assert [(gap.detail, gap.resource, gap.call) for gap in record.gaps] == [("Tags", "b", "kms:ListResourceTags")]
    assert list(rows[1]["_gaps"]) == ["Tags"]


def test_other_failures_are_no_denials(tmp_path) -> None:
    answers = {"resourcegroupstaggingapi:GetResources": denied("x:y", "Timeout"), "kms:ListResourceTags": {"Tags": []}}
    record, _, asked = read(tmp_path, answers, "Tags")
    assert [gap.code for gap in record.gaps] == ["Timeout"]
    assert "kms:ListResourceTags" not in asked


def test_a_listing_that_two_details_are_made_of_is_asked_once(tmp_path) -> None:
    aliases = {"Aliases": [{"AliasName": "alias/x", "TargetKeyId": "a"}]}
    _, rows, asked = read(tmp_path, {"kms:ListAliases": aliases}, "Names", "Name")
    assert [row["Name"] for row in rows] == ["alias/x", None]
    assert [len(row["Names"]) for row in rows] == [1, 0]
    assert asked.count("kms:ListAliases") == 1


def test_one_call_for_each_item_of_a_list(tmp_path) -> None:
    grants = {"Grants": [{"KeyId": "a", "GrantId": "1"}, {"KeyId": "b", "GrantId": "2"}]}
    answers = {"kms:ListGrants": grants, "kms:DescribeKey": lambda params, _: {"KeyMetadata": {"Arn": params["KeyId"]}}}
    _, rows, _ = read(tmp_path, answers, "Granted")
    assert rows[0]["Granted"] == [
        {"KeyId": "a", "GrantId": "1", "Arn": "a"}, {"KeyId": "b", "GrantId": "2", "Arn": "b"}
    ]  # fmt: skip
    kind = declared()["key"].schema()["Granted"]
    assert isinstance(kind, ListOf)
    assert isinstance(kind.item, Struct)
    assert {"GrantId", "KeyState"} <= set(kind.item.fields)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [('{"Statement": {"Effect": "Deny"}}', "Deny"), ("", None), (" ", None), (None, None)],
)
def test_statements_are_made_of_a_document(tmp_path, policy, expected) -> None:
    record, rows, asked = read(tmp_path, {"kms:GetKeyPolicy": {"Policy": policy}}, "KeyStatements")
    found = rows[0]["KeyStatements"]
    assert (found and found[0]["Effect"]) == expected
    assert asked == ["kms:ListKeys", "kms:GetKeyPolicy", "kms:GetKeyPolicy"]
    assert record.gaps == ()
    detail = declared()["key"].details["KeyStatements"]
    assert (detail.needs, detail.cost, detail.permissions) == (("KeyPolicy",), "none", ())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"Policy": "no policy"}, "kms:GetKeyPolicy InvalidDocument"),
        ({"Policy": "[" * 100_000}, "kms:GetKeyPolicy InvalidDocument"),
        (denied("kms:GetKeyPolicy"), "kms:GetKeyPolicy NotAsked: needs KeyPolicy"),
    ],
)
def test_what_is_no_document_is_a_gap(tmp_path, answer, why) -> None:
    _, rows, _ = read(tmp_path, {"kms:GetKeyPolicy": answer}, "KeyStatements")
    assert all(row["_gaps"]["KeyStatements"].startswith(why) for row in rows)
    assert all("KeyStatements" not in row for row in rows)


SHARED = """
service: kms
types:
  key:
    list: {call: ListKeys, items: Keys, else: {call: ListAliases, items: Aliases, where: {TargetKeyId: present},
           columns: {KeyId: "{TargetKeyId}", KeyArn: "arn:{@partition}:kms:{@region}:{@account}:key/{TargetKeyId}"}}}
    id: KeyId
    arn: "{KeyArn}"
    details:
      Common: {call: DescribeKey, with: {KeyId: same}, take: KeyMetadata, shared: true}
      Grants: {call: ListGrants, with: {KeyId: "{KeyId}"}, take: Grants}
      Kept: {over: Grants, call: DescribeKey, with: {KeyId: "{item.KeyId}"}, take: KeyMetadata, merge: true,
             keep: [GrantId]}
      Together: {over: Grants, batch: 2, service: ec2, call: DescribeVolumes,
                 with: {VolumeIds: ["{item.GrantId}"]}, each: Volumes}
  secret:
    list: {service: secretsmanager, call: ListSecrets, items: SecretList}
    id: Name
    details:
      Replicas: {over: ReplicationStatus, service: secretsmanager, call: DescribeSecret, with: {SecretId: "{Name}"},
                 at: item, merge: true, keep: [Region], type: {ReplicationStatus: json}}
    columns: {ReplicationStatus: [{Region: text, KmsKeyId: text}]}
  cluster:
    list: {service: eks, call: ListClusters, items: clusters, scalar: name}
    id: name
    details: {Cluster: {service: eks, call: DescribeCluster, with: {name: "{name}"}, take: cluster, merge: true}}
"""


@pytest.mark.parametrize(
    ("answer", "gaps"), [({"KeyMetadata": {"Arn": "x"}}, []), (denied("kms:DescribeKey"), ["Common", "Common"])]
)
def test_what_rows_share_is_asked_once(tmp_path, answer, gaps) -> None:
    record, rows, asked = read(tmp_path, {"kms:DescribeKey": answer}, "Common", text=SHARED)
    assert asked.count("kms:DescribeKey") == 1
    assert [gap.detail for gap in record.gaps] == gaps
    assert [row.get("Common") for row in rows] == [None if gaps else {"Arn": "x"}] * 2


def test_of_an_item_stays_what_is_kept(tmp_path) -> None:
    answers = {
        "kms:ListGrants": {"Grants": [{"KeyId": "a", "GrantId": "1", "Name": "n"}]},
        "kms:DescribeKey": {"KeyMetadata": {"Arn": "x"}},
    }
    _, rows, _ = read(tmp_path, answers, "Kept", text=SHARED)
    assert rows[0]["Kept"] == [{"GrantId": "1", "Arn": "x"}]
    kind = declared(SHARED)["key"].schema()["Kept"]
    assert isinstance(kind, ListOf)
    assert isinstance(kind.item, Struct)
    assert "Name" not in kind.item.fields


def test_several_items_in_one_call(tmp_path) -> None:
    def volumes(params, _):
        return {"Volumes": [{"VolumeId": each} for each in params["VolumeIds"]]}

    grants = {"Grants": [{"KeyId": "a", "GrantId": each} for each in "123"]}
    _, rows, asked = read(tmp_path, {"kms:ListGrants": grants, "ec2:DescribeVolumes": volumes}, "Together", text=SHARED)
    assert rows[0]["Together"] == [{"VolumeId": each} for each in "123"]
    assert asked.count("ec2:DescribeVolumes") == 4


def test_an_item_is_asked_about_in_its_own_region(tmp_path) -> None:
    listed = {"Name": "s", "ReplicationStatus": [{"Region": "eu-west-1", "KmsKeyId": "k"}, {"Region": "eu-west-3"}]}
    answers = {
        "secretsmanager:ListSecrets": {"SecretList": [listed]},
        "secretsmanager:DescribeSecret": lambda params, region: {"Name": params["SecretId"], "Description": region},
    }
    _, [row], _ = read(tmp_path, answers, "Replicas", text=SHARED, kind="secret")
    assert row["Replicas"] == [
        {"Region": region, "Name": "s", "Description": region} for region in ("eu-west-1", "eu-west-3")
    ]


def test_a_resource_keeps_the_name_that_its_listing_gives(tmp_path) -> None:
    answers = {"eks:ListClusters": {"clusters": ["a"]}, "eks:DescribeCluster": {"cluster": {"name": "b", "arn": "x"}}}
    _, [row], _ = read(tmp_path, answers, "Cluster", text=SHARED, kind="cluster")
    assert (row["name"], row["arn"]) == ("a", "x")


def test_a_denied_listing_has_a_stand_in(tmp_path) -> None:
    aliases = [{"AliasName": "x", "TargetKeyId": "a"}, {"AliasName": "y"}, {"AliasName": "z", "TargetKeyId": "a"}]
    answers = {"kms:ListKeys": denied("kms:ListKeys"), "kms:ListAliases": {"Aliases": aliases}}
    record, [row], _ = read(tmp_path, answers, text=SHARED)
    assert (row["_id"], row["_arn"]) == ("a", ARNS[0])
    assert [(gap.detail, gap.call) for gap in record.gaps] == [("", "kms:ListKeys")]


def test_another_failure_of_a_listing_has_none(tmp_path) -> None:
    answers = {"kms:ListKeys": denied("kms:ListKeys", "Timeout"), "kms:ListAliases": {"Aliases": []}}
    record, rows, asked = read(tmp_path, answers, text=SHARED)
    assert (rows, asked) == ([], ["kms:ListKeys"])
    assert [gap.code for gap in record.gaps] == ["Timeout"]


def test_types_and_what_is_kept_as_data() -> None:
    kind = declared()["key"]
    assert kind.schema()["Tags"] == TAGS
    assert kind.schema()["Invented"] == MapOf(Scalar("integer"))
    assert kind.schema()["Rotation"] == Struct({"Status": Scalar("text")})
    assert kind.augments() == {"Tags"}
    assert kind.filters["rotation"].plain() == {"value": "Rotation.Status"}
    assert kind.details["Tags"].may_need == ("tag:GetResources", "kms:ListResourceTags")
    assert kind.details["Granted"].needs == ("Grants",)


def test_an_empty_answer_may_be_one(tmp_path) -> None:
    record, rows, _ = read(tmp_path, {"kms:GetKeyRotationStatus": {}}, "Rotation")
    assert rows[0]["Rotation"] == {}
    assert record.gaps == ()


FUNCTIONS = """
service: lambda
types:
  one:
    list: {call: ListLayers, items: Layers}
    id: LayerName
    tags: LatestMatchingVersion
  two:
    list: {call: ListFunctions, items: Functions}
    id: FunctionName
    tags: tags
    details:
      More: {call: GetFunction, with: {FunctionName: "{FunctionName}"}, merge: true, type: {tags: {"*": text}}}
"""


def test_tags_out_of_another_column(tmp_path) -> None:
    kinds = declared(FUNCTIONS)
    assert kinds["one"].columns["Tags"] == TAGS
    assert "LatestMatchingVersion" not in kinds["one"].columns
    assert kinds["two"].schema()["Tags"] == TAGS
    assert "tags" not in kinds["two"].schema()
    answers = {
        "lambda:ListFunctions": {"Functions": [{"FunctionName": "f"}]},
        "lambda:GetFunction": {"tags": {"a": "b"}},
    }
    _, [row], _ = read(tmp_path, answers, "More", text=FUNCTIONS, kind="two")
    assert row["Tags"] == [{"Key": "a", "Value": "b"}]
    assert "tags" not in row


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("as: tags", "as: labels", "only `as: tags`"),
        ("of: KeyPolicy", "of: NoPolicy", "there is no column NoPolicy"),
        ("as: statements", "as: tags", "needs `as: statements`"),
        ("over: Grants", "over: KeyId", "needs a list of structures"),
        ("empty: true}", "at: there}", "`at` is one of home, main"),
        ("else: {call: ListResourceTags, with", "else: {with", "needs `call`"),
        ('"{@arn}"}, take: Tags, as: tags}', '"{@arn}"}, merge: true}', "the first source has no column"),
        ("call: ListGrants", "call: ListGrand", "kms has no operation ListGrand"),
    ],
)
def test_mistakes_are_told(was, now, message) -> None:
    assert was in KEYS
    with pytest.raises(PolicyError, match=message):
        declared(KEYS.replace(was, now, 1))


# --- what one run adds


def test_a_run_adds_details_and_narrowed_listings(tmp_path) -> None:
    overlay = Extended(catalog())
    name = overlay.variant("aws.ebs", {"Filters": [{"Name": "status", "Values": ["in-use"]}]})
    assert overlay.variant("ebs", {"Filters": [{"Name": "status", "Values": ["in-use"]}]}) == name
    assert (overlay[name].reported_as, overlay[name].table) == ("ebs", overlay[name].name.replace("+", "_"))
    assert name not in catalog()
    assert name in list(overlay)
    asked = catalog()["kms-key"].details["AliasNames"]
    overlay.add_detail("ebs", asked)
    overlay.add_detail("ebs", asked)
    assert overlay["ebs"].detail_of("AliasNames") == "AliasNames"
    assert overlay["opensearch"].name == "elasticsearch"
    with pytest.raises(ValueError, match="another detail"):
        overlay.add_detail("ebs", catalog()["kms-key"].details["AliasNames"].__class__("AliasNames", {}))
    with pytest.raises(ValueError, match="no listing"):
        overlay.variant("account", {})


def test_a_variant_is_collected_and_kept_beside_its_type(tmp_path) -> None:
    overlay = Extended(catalog())
    name = overlay.variant("ebs", {"VolumeIds": ["vol-2"]})

    def volumes(params, _):
        return {"Volumes": [{"VolumeId": f"vol-{number}"} for number in (2, 1)][: 1 if "VolumeIds" in params else 2]}

    one = target(FakeCaller({"ec2:DescribeVolumes": volumes}))
    needs = [Needs("ebs"), Needs(name)]
    covered = [Coverage(ACCOUNT, "us-east-1", "scanned")]
    records = collect([one], needs, covered, Spool(tmp_path / "spool"), catalog=overlay, now=NOW)
    assert {record.unit.type: record.rows for record in records} == {"ebs": 2, name: 1}
    info = ScanInfo("x", NOW, NOW, (Account(ACCOUNT),), ("us-east-1",), (), {need.type: () for need in needs})
    (tmp_path / "out").mkdir()
    assert write_tables(tmp_path / "out", tmp_path / "spool", info, overlay) == {"ebs": 2, name: 1}
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["ebs.parquet", f"{overlay[name].table}.parquet"]
    lines = estimate(needs, ["us-east-1"], overlay, rates())
    assert [line.service for line in lines] == ["ec2"]


def test_rows_keep_the_order_in_which_they_were_listed(tmp_path) -> None:
    record, _, _ = read(tmp_path, {})
    source = rows_sql(collected_columns(declared()["key"], ()), [Spool(tmp_path).rows_file(record.unit)])
    assert connect().execute(f"SELECT _id FROM ({source}) ORDER BY _n").fetchall() == [("a",), ("b",)]


MORE = """
service: iam
types:
  user:
    list: {call: ListUsers, items: Users, where: {Path: "/staff/*"}}
    id: UserName
    columns: {Tags: ~}
    details:
      User:
        call: GetAccountAuthorizationDetails
        once: true
        whole: true
        each: UserDetailList
        match: [UserName, UserName]
        merge: true
        keep: [Tags]
        empty: true
      Names: {call: ListUserPolicies, with: {UserName: "{UserName}"}, take: PolicyNames, scalar: PolicyName}
      Groups: {call: ListGroupsForUser, with: {UserName: "{UserName}"}, take: Groups.GroupName}
      Login:
        {call: GetLoginProfile, with: {UserName: "{UserName}"}, take: LoginProfile, absent: [NoSuchEntity], flag: There}
      Plain:
        {call: GetLoginProfile, with: {UserName: "{UserName}"}, take: LoginProfile, absent: [NoSuchEntity], default: {}}
      Logins: {call: GetLoginProfile, with: {UserName: "{UserName}"}, take: LoginProfile, as: list}
      Members:
        over: Names
        when: {item.PolicyName: ["p*", "q"]}
        call: GetUserPolicy
        with: {UserName: "{UserName}", PolicyName: "{item.PolicyName}"}
        take: PolicyDocument
        gone: [NoSuchEntity]
"""


def test_what_is_kept_of_an_answer_and_in_which_form(tmp_path) -> None:
    kinds = declared(MORE)["user"]
    assert "Tags" not in kinds.columns
    assert kinds.details["User"].columns.keys() == {"Tags"}
    assert kinds.schema()["Groups"] == ListOf(Scalar("text"))
    assert kinds.schema()["Names"] == ListOf(Struct({"PolicyName": Scalar("text")}))

    def policy(params, _):
        gone = params["PolicyName"] == "q"
        return denied("iam:GetUserPolicy", "NoSuchEntity") if gone else {"PolicyDocument": {"Id": params["PolicyName"]}}

    answers = {
        "iam:ListUsers": {"Users": [{"UserName": "a", "Path": "/staff/x/"}, {"UserName": "b", "Path": "/"}]},
        "iam:GetAccountAuthorizationDetails": {"UserDetailList": [{"UserName": "a", "GroupList": ["g"]}]},
        "iam:ListUserPolicies": {"PolicyNames": ["p1", "q", "r"]},
        "iam:ListGroupsForUser": {"Groups": [{"GroupName": "g"}, {"GroupName": "h"}]},
        "iam:GetLoginProfile": {"LoginProfile": {"UserName": "a"}},
        "iam:GetUserPolicy": policy,
    }
    record, [row], _ = read(tmp_path, answers, *kinds.details, text=MORE, kind="user")
    assert record.gaps == ()
    assert row["Names"] == [{"PolicyName": "p1"}, {"PolicyName": "q"}, {"PolicyName": "r"}]
    assert row["Groups"] == ["g", "h"]
    assert row["Login"] == {"UserName": "a", "There": True}
    assert row["Logins"] == [{"UserName": "a"}]
    assert row["Members"] == [{"Id": "p1"}]
    assert "GroupList" not in row
    answers["iam:GetLoginProfile"] = denied("iam:GetLoginProfile", "NoSuchEntity")
    _, [row], _ = read(tmp_path, answers, "Login", "Plain", text=MORE, kind="user")
    assert row["Login"] == {"There": False}
    assert row["Plain"] == {}


def test_each_region_s_row_of_an_account_shares_what_one_place_says(tmp_path) -> None:
    fake = FakeCaller({"iam:GetAccountSummary": {"SummaryMap": {"Users": 1}}})
    one = target(fake)
    covered = [Coverage(ACCOUNT, region, "scanned") for region in ("eu-west-1", "us-east-1")]
    needs = [Needs("account-region", frozenset({"SummaryMap"}))]
    records = collect([one], needs, covered, Spool(tmp_path), catalog=catalog(), now=NOW)
    assert [record.rows for record in records] == [1, 1]
    assert fake.names() == ["iam:GetAccountSummary"]
