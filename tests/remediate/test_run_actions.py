"""Actions of policies: `crenel run` plans them, --apply does them, and `crenel fix undo` takes them back."""

from __future__ import annotations

import base64
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from crenel.cli import main
from crenel.errors import UnsureError
from crenel.remediate.apply import send

from . import seeds

Aws = Callable[..., Any]
ACCOUNT = "123456789012"


def vpc(aws: Aws) -> Any:
    return aws("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]


def vpc_tags(aws: Aws) -> Any:
    found = aws("ec2").describe_vpcs(VpcIds=[vpc(aws)])["Vpcs"][0]
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def tagged_vpc(aws: Aws) -> None:
    aws("ec2").create_tags(Resources=[vpc(aws)], Tags=[{"Key": "owner", "Value": "old"}, {"Key": "gone", "Value": "x"}])


def tagged_bucket(aws: Aws) -> None:
    aws("s3").create_bucket(Bucket="ours")
    aws("s3").put_bucket_tagging(Bucket="ours", Tagging={"TagSet": [{"Key": "owner", "Value": "old"}]})


def bucket_tags(aws: Aws) -> Any:
    return {tag["Key"]: tag["Value"] for tag in aws("s3").get_bucket_tagging(Bucket="ours")["TagSet"]}


def half_open_bucket(aws: Aws) -> None:
    aws("s3").create_bucket(Bucket="ours")
    block = {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": True,
    }
    aws("s3").put_public_access_block(Bucket="ours", PublicAccessBlockConfiguration=block)


def bucket_block(aws: Aws) -> Any:
    return aws("s3").get_public_access_block(Bucket="ours")["PublicAccessBlockConfiguration"]


def user_keys(aws: Aws) -> Any:
    return [key["Status"] for key in aws("iam").list_access_keys(UserName="ann")["AccessKeyMetadata"]]


def user(aws: Aws) -> None:
    aws("iam").create_user(UserName="ann", Tags=[{"Key": "team", "Value": "sea"}])
    aws("iam").create_access_key(UserName="ann")


def user_tags(aws: Aws) -> Any:
    return {tag["Key"]: tag["Value"] for tag in aws("iam").list_user_tags(UserName="ann")["Tags"]}


def volume(aws: Aws) -> None:
    aws("ec2").create_volume(AvailabilityZone="us-east-1a", Size=8)


def volumes(aws: Aws) -> Any:
    return len(aws("ec2").describe_volumes()["Volumes"])


def instance(aws: Aws) -> None:
    aws("ec2").run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)


def instance_state(aws: Aws) -> Any:
    return aws("ec2").describe_instances()["Reservations"][0]["Instances"][0]["State"]["Name"]


def attachments(aws: Aws) -> Any:
    return [each["Device"] for one in aws("ec2").describe_volumes()["Volumes"] for each in one["Attachments"]]


def key(aws: Aws) -> None:
    aws("kms").create_key(Tags=[{"TagKey": "owner", "TagValue": "old"}])


def key_state(aws: Aws) -> Any:
    kms = aws("kms")
    return kms.describe_key(KeyId=kms.list_keys()["Keys"][0]["KeyId"])["KeyMetadata"]["KeyState"]


def key_tags(aws: Aws) -> Any:
    kms = aws("kms")
    tags = kms.list_resource_tags(KeyId=kms.list_keys()["Keys"][0]["KeyId"])["Tags"]
    return {tag["TagKey"]: tag["TagValue"] for tag in tags}


def rotation(aws: Aws) -> Any:
    kms = aws("kms")
    return kms.get_key_rotation_status(KeyId=kms.list_keys()["Keys"][0]["KeyId"])["KeyRotationEnabled"]


def trail_state(aws: Aws) -> Any:
    return aws("cloudtrail", "eu-west-1").get_trail_status(Name="audit")["IsLogging"]


def password_policy(aws: Aws) -> Any:
    found = aws("iam").get_account_password_policy()["PasswordPolicy"]
    return {name: found[name] for name in ("MinimumPasswordLength", "RequireSymbols", "RequireNumbers")}


def weak_passwords(aws: Aws) -> None:
    aws("iam").update_account_password_policy(MinimumPasswordLength=6, RequireNumbers=True)


def ebs_default(aws: Aws) -> Any:
    return aws("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"]


def nothing(aws: Aws) -> None:
    """An account as it comes."""


def flow_logs(aws: Aws) -> Any:
    return [log["LogDestination"] for log in aws("ec2").describe_flow_logs()["FlowLogs"]]


def detectors(aws: Aws) -> Any:
    return len(aws("guardduty").list_detectors()["DetectorIds"])


def function_tags(aws: Aws) -> Any:
    client = aws("lambda")
    arn = client.list_functions()["Functions"][0]["FunctionArn"]
    return client.list_tags(Resource=arn)["Tags"]


@dataclass(frozen=True)
class Case:
    """A policy's actions on what `seed` makes; `look` is the state `before` and `after` them.

    `back` is the state after undo, where it is not the one before.
    """

    resource: str
    actions: list[Any]
    seed: Callable[[Aws], Any]
    look: Callable[[Aws], Any]
    before: Any
    after: Any
    back: Any = None
    options: tuple[str, ...] = ()
    region: str = "us-east-1"


OPEN = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": True}
TAGS: list[Any] = [
    {"type": "tag", "tags": {"owner": "crew", "cost": 7}},
    {"type": "remove-tag", "tags": ["gone", "never-there"]},
    {"type": "tag", "key": "owner", "value": "captain"},
]
LAND = {"type": "tag", "key": "team", "value": "land"}
CASES = {
    "tags of a network: the last edit of a key counts": Case(
        "vpc", TAGS, tagged_vpc, vpc_tags, {"owner": "old", "gone": "x"}, {"owner": "captain", "cost": "7"}
    ),
    "tags of a bucket: the whole set at once": Case(
        "s3", TAGS, tagged_bucket, bucket_tags, {"owner": "old"}, {"owner": "captain", "cost": "7"}
    ),
    "tags of a user": Case("iam-user", [LAND], user, user_tags, {"team": "sea"}, {"team": "land"}),
    "a value from the resource": Case(
        "iam-user",
        [{"type": "tag", "tags": {"name": {"type": "resource", "key": "UserName"}}}],
        user, user_tags, {"team": "sea"}, {"team": "sea", "name": "ann"},
    ),
    "tags of a key": Case(
        "kms-key", [{"type": "untag", "tags": ["owner"]}], key, key_tags, {"owner": "old"}, {}
    ),
    "tags of a function": Case("lambda", [LAND], seeds.old_function, function_tags, {}, {"team": "land"}),
    "a mark for later": Case(
        "vpc", [{"type": "mark-for-op", "op": "delete", "days": 2, "tag": "later"}], nothing, vpc_tags, {},
        {"later": "Resource does not meet policy: delete@2026/11/27"}, options=("--now", "2026-11-25T12:00:00Z"),
    ),
    "all four flags of a bucket": Case(
        "s3", ["set-public-block"], half_open_bucket, bucket_block, OPEN, dict.fromkeys(OPEN, True)
    ),
    "one flag of a bucket": Case(
        "s3", [{"type": "set-public-block", "BlockPublicPolicy": True}], half_open_bucket, bucket_block, OPEN,
        OPEN | {"BlockPublicPolicy": True},
    ),
    "keys are deactivated": Case(
        "iam-user", [{"type": "remove-keys", "disable": True}], user, user_keys, ["Active"], ["Inactive"]
    ),
    "keys that are too young stay": Case(
        "iam-user", [{"type": "remove-keys", "disable": True, "age": 90}], user, user_keys, ["Active"], ["Active"]
    ),
    "keys are deleted": Case(
        "iam-user", ["remove-keys"], user, user_keys, ["Active"], [], [], ("--allow-irreversible",)
    ),
    "a volume is deleted": Case("ebs", ["delete"], volume, volumes, 1, 0, 0, ("--allow-irreversible",)),
    "a volume is detached": Case("ebs", ["detach"], instance, attachments, ["/dev/sda1"], []),
    "an instance is stopped": Case("ec2", ["stop"], instance, instance_state, "running", "stopped"),
    "a deletion is cancelled, and the key enabled": Case(
        "kms-key", ["cancel-deletion"], seeds.dying_key, key_state, "PendingDeletion", "Enabled"
    ),
    "a key is to be deleted": Case(
        "kms-key", [{"type": "schedule-deletion", "days": 7}], key, key_state, "Enabled", "PendingDeletion"
    ),
    "a key is rotated": Case("kms-key", ["set-rotation"], key, rotation, before=False, after=True),
    "a trail logs": Case(
        "cloudtrail", ["set-logging"], seeds.regional_trail, trail_state, before=False, after=True, region="eu-west-1"
    ),
    "the password policy keeps what is not named": Case(
        "account", [{"type": "set-password-policy", "policy": {"MinimumPasswordLength": 14}}], weak_passwords,
        password_policy, {"MinimumPasswordLength": 6, "RequireSymbols": False, "RequireNumbers": True},
        {"MinimumPasswordLength": 14, "RequireSymbols": False, "RequireNumbers": True},
    ),
    "new volumes are encrypted": Case(
        "account", ["set-ebs-encryption"], nothing, ebs_default, before=False, after=True
    ),
    "GuardDuty watches": Case("account", ["enable-guard-duty"], nothing, detectors, 0, 1),
    "a network gets a flow log": Case(
        "vpc",
        [{"type": "set-flow-log", "attrs": {"LogDestination": "arn:aws:s3:::logs", "LogDestinationType": "s3"}}],
        seeds.service_role, flow_logs, [], ["arn:aws:s3:::logs"],
    ),
}  # fmt: skip


@pytest.fixture
def crenel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Return a function that runs a command line and returns its exit code and what it printed."""

    def call(*words: str) -> tuple[int, str]:
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return call


def written(tmp_path: Path, resource: str, actions: list[Any]) -> str:
    path = tmp_path / "policies.yml"
    path.write_text(yaml.safe_dump({"policies": [{"name": "mine", "resource": resource, "actions": actions}]}))
    return str(path)


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_an_action_is_planned_done_and_taken_back(
    case: Case, aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    case.seed(aws)
    file = written(tmp_path, case.resource, case.actions)
    lake, out = str(tmp_path / "lake"), str(tmp_path / "out")
    common = ("run", "-q", "-s", out, "-r", case.region, *case.options[case.options[:1] == ("--allow-irreversible",) :])

    assert case.look(aws) == case.before
    code, told = crenel(*common, file)
    assert code == 0, told
    assert case.look(aws) == case.before  # the dry run is the default
    plan = json.loads((tmp_path / "out" / "mine" / "plan.json").read_text())
    assert bool(plan["steps"]) is (case.after != case.before)

    words = ("--allow-irreversible",) if "--allow-irreversible" in case.options else ()
    code, told = crenel(*common, "--apply", "--yes", "--lake", lake, *words, file)
    assert code == 0, told
    assert case.look(aws) == case.after, told
    if case.after == case.before:
        return
    crenel("fix", "undo", "--yes", "--lake", lake)
    assert case.look(aws) == (case.before if case.back is None else case.back)


def queue(aws: Aws) -> None:
    user(aws)
    aws("sqs").create_queue(QueueName="mailer")


def received(aws: Aws) -> list[Any]:
    sqs = aws("sqs")
    url = sqs.get_queue_url(QueueName="mailer")["QueueUrl"]
    return list(sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", []))


def unpacked(body: str) -> dict[str, Any]:
    """What Cloud Custodian's mailer makes of a message."""
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(body)))
    return found


def test_a_queue_is_told_once_as_custodians_mailer_reads_it(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    queue(aws)
    transport = {"type": "sqs", "queue": f"arn:aws:sqs:us-east-1:{ACCOUNT}:mailer"}
    file = written(tmp_path, "iam-user", [{"type": "notify", "to": ["crew@example.com"], "transport": transport}])
    words = ("run", "-q", "-s", str(tmp_path / "out"), "-r", "us-east-1", "--apply", "--yes", "--lake", str(tmp_path))

    code, told = crenel(*words, file)
    assert code == 0, told

    (message,) = received(aws)
    assert message["MessageAttributes"]["mtype"]["StringValue"] == "maidmsg/1.0"
    found = unpacked(message["Body"])
    assert (found["account_id"], found["region"], found["policy"]["name"]) == (ACCOUNT, "us-east-1", "mine")
    assert found["action"] == {"type": "notify", "to": ["crew@example.com"], "transport": transport}
    assert [resource["UserName"] for resource in found["resources"]] == ["ann"]


def test_a_topic_is_told(aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    queue(aws)
    topic = aws("sns").create_topic(Name="news")["TopicArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:mailer")
    transport = {"type": "sns", "topic": "news", "attributes": {"team": "sea"}}
    file = written(tmp_path, "iam-user", [{"type": "notify", "to": ["crew@example.com"], "transport": transport}])

    code, told = crenel("run", "-q", "-r", "us-east-1", "--apply", "--yes", "--lake", str(tmp_path), file)
    assert code == 0, told

    (message,) = received(aws)
    envelope = json.loads(message["Body"])
    assert envelope["MessageAttributes"]["team"]["Value"] == "sea"
    assert [resource["UserName"] for resource in unpacked(envelope["Message"])["resources"]] == ["ann"]


def test_a_message_of_which_nobody_knows_is_not_sent_twice(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to the call is lost; applied again, the run stops there and says so."""
    queue(aws)
    transport = {"type": "sqs", "queue": "mailer"}
    file = written(tmp_path, "iam-user", [{"type": "notify", "to": ["crew@example.com"], "transport": transport}])
    crenel("run", "-q", "-s", str(tmp_path / "out"), "-r", "us-east-1", file)
    again = ("fix", "apply", str(tmp_path / "out" / "mine" / "plan.json"), "--yes", "--lake", str(tmp_path / "lake"))

    def lost(*args: Any) -> None:
        send(*args)
        raise UnsureError("sqs:SendMessage", "Timeout", "no answer")

    with monkeypatch.context() as patched:
        patched.setattr("crenel.remediate.apply.send", lost)
        assert crenel(*again)[0] == 5
    code, told = crenel(*again)

    assert code == 5
    assert "nobody knows whether the message was sent, and it is not sent twice" in told
    assert len(received(aws)) == 1


@pytest.fixture
def hooked() -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """Yield the address of a server, and what it was sent: path, headers, body. It says no to the path /no."""
    seen: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.path, dict(self.headers), body))
            self.send_response(403 if self.path == "/no" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_a_webhook_is_called_after_the_steps(
    aws: Aws,
    crenel: Callable[..., tuple[int, str]],
    tmp_path: Path,
    hooked: tuple[str, list[tuple[str, dict[str, str], bytes]]],
) -> None:
    address, seen = hooked
    user(aws)
    hook = {
        "type": "webhook",
        "url": f"{address}/secret?a=1",
        "body": "{who: resource.UserName, where: region}",
        "query-params": {"policy": "policy.name"},
        "headers": {"X-Account": "account_id"},
    }
    file = written(tmp_path, "iam-user", [hook, LAND])
    words = ("run", "-q", "-s", str(tmp_path / "out"), "-r", "us-east-1", "--lake", str(tmp_path / "lake"))

    code, told = crenel(*words, file)
    assert (code, seen) == (0, []), told
    assert "/secret" not in told + (tmp_path / "out" / "mine" / "plan.json").read_text()

    code, told = crenel(*words, "--apply", "--yes", file)
    assert code == 0, told
    ((path, headers, body),) = seen
    assert path == "/secret?a=1&policy=mine"
    assert (headers["X-Account"], headers["Content-Type"]) == (ACCOUNT, "application/json")
    assert json.loads(body) == {"who": "ann", "where": "us-east-1"}
    assert "1 request sent to http://127.0.0.1." in told
    assert user_tags(aws) == {"team": "land"}


def test_a_webhook_that_fails_is_told_and_its_secret_is_not(
    aws: Aws,
    crenel: Callable[..., tuple[int, str]],
    tmp_path: Path,
    hooked: tuple[str, list[tuple[str, dict[str, str], bytes]]],
) -> None:
    user(aws)
    file = written(tmp_path, "iam-user", [{"type": "webhook", "url": f"{hooked[0]}/no", "batch": True}])

    code, told = crenel("run", "-q", "-r", "us-east-1", "--apply", "--yes", "--lake", str(tmp_path), file)

    assert code == 5
    assert "Error: mine: POST http://127.0.0.1: it answered 403." in told
    assert "/no" not in told


def test_the_same_step_of_two_policies_is_done_once(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    path = tmp_path / "policies.yml"
    tag = {"type": "tag", "key": "owner", "value": "crew"}
    policies = [{"name": name, "resource": "vpc", "actions": [tag]} for name in ("one", "two")]
    path.write_text(yaml.safe_dump({"policies": policies}))

    code, told = crenel("run", "-q", "-r", "us-east-1", "--apply", "--yes", "--lake", str(tmp_path), str(path))

    assert code == 0
    assert "1 step applied, 0 skipped" in told
    assert vpc_tags(aws) == {"owner": "crew"}


def test_what_is_not_supported_is_told_and_the_rest_is_done(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = written(tmp_path, "vpc", ["delete-empty", {"type": "tag", "key": "owner", "value": "crew"}])

    code, told = crenel("run", "-q", "-s", str(tmp_path / "out"), "-r", "us-east-1", file)

    assert code == 0
    assert "Warning: " in told
    assert "the action delete-empty of aws.vpc is not supported, and not planned." in told
    assert "Their actions plan 1 step, and 1 action is not supported: plan.json" in told
    assert "Nothing was changed; --apply does them." in told
    plan = json.loads((tmp_path / "out" / "mine" / "plan.json").read_text())
    assert plan["notes"] == ["not supported: the action delete-empty of aws.vpc."]
    assert [step["act"] for step in plan["steps"]] == ["tags/tag-ec2"]


def test_a_wrong_option_is_an_error_of_the_policy(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = written(tmp_path, "vpc", [{"type": "mark-for-op", "op": "delete", "day": 2}])

    code, told = crenel("run", "-q", "-r", "us-east-1", file)

    assert code == 2
    assert 'the action mark-for-op has no key "day". Did you mean "days"?' in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--apply",), "there is no terminal to ask on. --yes applies the plan without asking."),
        (("--apply", "--dryrun"), "--apply does not go with --dryrun"),
        (("--apply", "--json"), "--apply does not go with --format json"),
        (("--yes",), "--yes and --allow-irreversible go with --apply."),
        (("--apply", "--yes", "--max-changes", "1"), "the plan has 2 automatic steps, and at most 1 are done at once."),
    ],
)
def test_what_does_not_go_is_refused_before_anything_is_done(
    words: tuple[str, ...], said: str, aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    file = written(tmp_path, "vpc", [{"type": "tag", "tags": {"a": "1", "b": "2"}}])

    code, told = crenel("run", "-q", "-r", "us-east-1", "--lake", str(tmp_path / "lake"), *words, file)

    assert (code, said in told) == (2, True), told
    assert vpc_tags(aws) == {}


def test_what_can_not_be_taken_back_needs_a_word(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    volume(aws)
    file = written(tmp_path, "ebs", ["delete"])

    code, told = crenel("run", "-q", "-r", "us-east-1", "--apply", "--yes", "--lake", str(tmp_path), file)

    assert code == 2
    assert "step 1 can't be taken back. --allow-irreversible does such steps" in told
    assert volumes(aws) == 1


def test_a_plan_of_a_run_is_applied_by_fix_apply(
    aws: Aws, crenel: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """The file beside the resources is one like all others: reviewed today, applied tomorrow."""
    file = written(tmp_path, "vpc", [{"type": "tag", "key": "owner", "value": "crew"}])
    crenel("run", "-q", "-s", str(tmp_path / "out"), "-r", "us-east-1", file)

    plan = str(tmp_path / "out" / "mine" / "plan.json")
    code, told = crenel("fix", "apply", plan, "--yes", "--lake", str(tmp_path / "lake"))

    assert code == 0, told
    assert vpc_tags(aws) == {"owner": "crew"}
