"""One call against a stub: errors, retries, deadlines, signatures, masking and paging."""

import json
import threading
import time

import pytest

from crenel.collect.calls import Patience
from crenel.collect.limits import Limits
from crenel.collect.tally import InterruptedScan, Tally
from crenel.errors import CallError

from .stub import XML, Answer, error

US = "us-east-1"


def replies(*answers: Answer):
    """Answer in this order, the last one for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_throttling_is_waited_out_counted_and_slows_the_bucket(stub, caller) -> None:
    stub(replies(error("ThrottlingException"), error("Throttling"), Answer(b'{"Keys": [{"KeyId": "a"}]}')))
    limits, tally = Limits({"*": (1000, 1000)}), Tally()
    one = caller(limits=limits)
    assert one.call("kms", "ListKeys", {}, US, tally) == {"Keys": [{"KeyId": "a"}]}
    assert tally.calls == one.tally.calls == {"kms:ListKeys": 3}
    assert limits.bucket("123456789012", US, "kms").rate < 600


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors_are_retried(stub, caller, status) -> None:
    server = stub(replies(Answer(b"<html>oops</html>", status, "text/html"), Answer(b'{"Keys": []}')))
    assert caller().call("kms", "ListKeys", {}, US) == {"Keys": []}
    assert len(server.asked) == 2


def test_throttled_to_the_end_keeps_the_code(stub, caller) -> None:
    server = stub(replies(error("ThrottlingException", "slow down")))
    with pytest.raises(CallError) as caught:
        caller(patience=Patience(attempts=3, base=0.001)).call("kms", "ListKeys", {}, US)
    assert (caught.value.call, caught.value.code, caught.value.detail) == (
        "kms:ListKeys", "ThrottlingException", "slow down",
    )  # fmt: skip
    assert len(server.asked) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"])
def test_a_refusal_is_final(stub, caller, code) -> None:
    server = stub(replies(error(code, "not you")))
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US)
    assert caught.value.code == code
    assert len(server.asked) == 1


def test_one_report_at_a_time_is_waited_for(stub, caller) -> None:
    busy = Answer(
        b"<ErrorResponse><Error><Code>LimitExceeded</Code><Message>x</Message></Error></ErrorResponse>", 409, XML
    )
    body = b"<R><GenerateCredentialReportResult><State>COMPLETE</State></GenerateCredentialReportResult></R>"
    stub(replies(busy, Answer(body, kind=XML)))
    assert caller().call("iam", "GenerateCredentialReport", {}, US) == {"State": "COMPLETE"}


def test_a_hanging_answer_ends_at_the_deadline(stub, caller) -> None:
    release = threading.Event()

    def hang(_) -> Answer:
        release.wait(5)
        return Answer()

    stub(hang)
    began = time.monotonic()
    with pytest.raises(CallError) as caught:
        caller(patience=Patience(base=0.01, deadline=0.5, read_timeout=0.2)).call("kms", "ListKeys", {}, US)
    release.set()
    assert caught.value.code == "Timeout"
    assert time.monotonic() - began < 3


def test_nobody_there_is_a_connection_error(monkeypatch, caller) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    tally = Tally()
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US, tally)
    assert caught.value.code == "ConnectionError"
    assert tally.total == 4


@pytest.mark.parametrize(
    ("service", "operation", "answer"),
    [
        ("kms", "ListKeys", Answer(b"<html>login</html>", kind="text/html")),
        ("kms", "ListKeys", Answer(b'{"Keys": [')),
        ("kms", "ListKeys", Answer(b"[]")),
        ("kms", "ListKeys", Answer(b"")),
        ("kms", "ListKeys", Answer(b'{"Keys": "none"}')),
        ("kms", "ListKeys", Answer(b'{"Keys": []}', length=500)),
        ("lambda", "ListFunctions", Answer(b"garbage")),
        ("ec2", "DescribeVpcs", Answer(b"<DescribeVpcsResponse><vpcSet>", kind=XML)),
        ("ec2", "DescribeVpcs", Answer(b"<html><body>hi</body></html>", kind="text/html")),
        ("iam", "ListUsers", Answer(b"\x00\xff", kind=XML)),
        ("s3", "ListBuckets", Answer(b"", kind=XML)),
    ],
)
def test_garbage_is_an_error_and_never_an_empty_listing(stub, caller, service, operation, answer) -> None:
    stub(replies(answer))
    with pytest.raises(CallError) as caught:
        caller().call(service, operation, {}, US)
    assert caught.value.code in ("InvalidResponse", "ConnectionError", "Timeout")


@pytest.mark.parametrize(
    ("service", "operation"), [("kms", "ListKeys"), ("ec2", "DescribeVpcs"), ("s3", "ListBuckets")]
)
def test_an_error_in_no_known_form_keeps_its_status(stub, caller, service, operation) -> None:
    stub(replies(Answer(b"<html>forbidden</html", 403, "text/html")))
    with pytest.raises(CallError) as caught:
        caller().call(service, operation, {}, US)
    assert caught.value.code == "403"


def test_s3_may_fail_after_it_said_ok(stub, caller) -> None:
    late = b'<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>x</Message></Error>'
    fine = b"<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>"
    stub(replies(Answer(late, kind=XML), Answer(fine, kind=XML)))
    assert caller().call("s3", "ListBuckets", {}, US)["Buckets"] == [{"Name": "b"}]


def test_wrong_parameters_are_no_crash(stub, caller) -> None:
    stub(replies(Answer()))
    with pytest.raises(CallError) as caught:
        caller().call("s3", "GetBucketEncryption", {}, US)
    assert caught.value.code == "InvalidParameters"


def test_a_set_stop_ends_a_wait_at_once(stub, caller) -> None:
    stop = threading.Event()

    def answer(_) -> Answer:
        stop.set()
        return error("Throttling")

    stub(answer)
    with pytest.raises(InterruptedScan):
        caller(patience=Patience(base=50)).call("kms", "ListKeys", {}, US, Tally(stop))


def test_bucket_locations_odd_root_is_read(stub, caller) -> None:
    body = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">EU</LocationConstraint>'
    stub(replies(Answer(body, kind=XML)))
    assert caller().call("s3", "GetBucketLocation", {"Bucket": "b"}, US) == {"LocationConstraint": "EU"}


def test_secrets_are_masked_and_keys_stay(stub, caller) -> None:
    function = {
        "FunctionName": "f",
        "Environment": {"Variables": {"DB_PASSWORD": "hunter2", "MODE": "x"}, "Error": {"Message": "hunter3"}},
    }
    stub(replies(Answer(json.dumps({"Functions": [function]}).encode())))
    answer = caller().call("lambda", "ListFunctions", {}, US)
    environment = answer["Functions"][0]["Environment"]
    assert environment["Variables"] == {"DB_PASSWORD": "(masked)", "MODE": "(masked)"}
    assert "hunter" not in str(answer)
    assert answer["Functions"][0]["FunctionName"] == "f"


def test_passwords_of_builds_are_masked_and_their_names_stay(stub, caller) -> None:
    """Values of variables, and the password in a repository's address: that there is one can still be asked."""
    project = {
        "name": "p",
        "source": {"type": "BITBUCKET", "location": "https://me:hunter2@bitbucket.org/a/b.git", "buildspec": "b.yml"},
        "secondarySources": [{"type": "BITBUCKET", "location": "https://me@bitbucket.org/a/b.git"}],
        "environment": {"environmentVariables": [{"name": "TOKEN", "value": "hunter3", "type": "PLAINTEXT"}]},
    }
    stub(replies(Answer(json.dumps({"projects": [project]}).encode())))
    (found,) = caller().call("codebuild", "BatchGetProjects", {"names": ["p"]}, US)["projects"]
    assert found["source"]["location"] == "https://me:(masked)@bitbucket.org/a/b.git"
    assert found["secondarySources"][0]["location"] == "https://me@bitbucket.org/a/b.git"
    assert found["environment"]["environmentVariables"] == [{"name": "TOKEN", "value": "(masked)", "type": "PLAINTEXT"}]
    assert found["source"]["buildspec"] == "b.yml"


def test_the_key_that_encrypts_a_bucket_is_no_secret(stub, caller) -> None:
    body = (
        b"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm>"
        b"<KMSMasterKeyID>arn:k</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>"
        b"</ServerSideEncryptionConfiguration>"
    )
    stub(replies(Answer(body, kind=XML)))
    answer = caller().call("s3", "GetBucketEncryption", {"Bucket": "b"}, US)["ServerSideEncryptionConfiguration"]
    assert answer["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == "arn:k"


@pytest.mark.parametrize("document", ["%7B%22Version%22%3A%222012-10-17%22%7D", '{"Version":"2012-10-17"}'])
def test_policy_documents_come_decoded(stub, caller, document) -> None:
    policy = (
        f"<Policies><member><PolicyVersionList><member><Document>{document}</Document></member></PolicyVersionList>"
    )
    result = f"{policy}</member></Policies>"
    body = f"<R><GetAccountAuthorizationDetailsResult>{result}</GetAccountAuthorizationDetailsResult></R>"
    stub(replies(Answer(body.encode(), kind=XML)))
    answer = caller().call("iam", "GetAccountAuthorizationDetails", {}, US)
    assert answer["Policies"][0]["PolicyVersionList"][0]["Document"] == {"Version": "2012-10-17"}


def test_pages_follow_the_tokens(stub, caller) -> None:
    first = {"Keys": [{"KeyId": "a"}], "Truncated": True, "NextMarker": "m"}
    server = stub(
        replies(Answer(json.dumps(first).encode()), Answer(b'{"Keys": [], "Truncated": false, "NextMarker": "n"}'))
    )
    assert len(list(caller().pages("kms", "ListKeys", {"Limit": 1000}, US))) == 2
    assert [json.loads(one.body) for one in server.asked] == [{"Limit": 1000}, {"Limit": 1000, "Marker": "m"}]


def test_the_same_token_twice_is_an_error(stub, caller) -> None:
    stub(replies(Answer(b'{"Keys": [], "Truncated": true, "NextMarker": "m"}')))
    with pytest.raises(CallError) as caught:
        list(caller().pages("kms", "ListKeys", {}, US))
    assert caught.value.code == "SameToken"


@pytest.mark.parametrize(
    ("service", "operation", "answer"),
    [
        ("kms", "ListKeys", Answer(b'{"Keys": [{"KeyId": "a"}], "Truncated": true}')),
        (
            "iam",
            "ListUsers",
            Answer(b"<R><ListUsersResult><IsTruncated>true</IsTruncated><Users/></ListUsersResult></R>", kind=XML),
        ),
    ],
)
def test_more_without_a_token_is_an_error_and_no_end(stub, caller, service, operation, answer) -> None:
    stub(replies(answer))
    pages = caller().pages(service, operation, {}, US)
    next(pages)
    with pytest.raises(CallError) as caught:
        next(pages)
    assert caught.value.code == "NoToken"


TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN=="
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
QUOTING = "The request signature we calculated does not match the signature you provided."


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException"])
@pytest.mark.parametrize("words", ["The Canonical String for this request", "(Hashed) of The authorization header is"])
def test_a_quoted_request_is_cut_off(stub, caller, code, words) -> None:
    stub(replies(error(code, f"{QUOTING} {words} should have been x-amz-security-token:abc", 403)))
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US)
    assert caught.value.detail.startswith(QUOTING)
    assert "abc" not in str(caught.value)


def test_credentials_in_a_message_are_masked(stub, caller, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    stub(replies(error("AccessDenied", f"The authorization header had {TOKEN} and {SECRET}", 403)))
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US)
    assert caught.value.detail == "The authorization header had (masked) and (masked)"
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"{TOKEN}\n")  # no header may hold it, and the complaint quotes it
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US)
    assert TOKEN not in str(caught.value)


def test_a_short_secret_of_an_emulator_does_not_eat_words(stub, caller, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    stub(replies(error("AccessDenied", "the latest test", 403)))
    with pytest.raises(CallError) as caught:
        caller().call("kms", "ListKeys", {}, US)
    assert caught.value.detail == "the latest test"


def test_new_credentials_that_have_expired_already_are_not_renewed(stub, caller, monkeypatch) -> None:
    stub(replies(Answer()))
    one = caller()

    class Stale:
        method = "sso"

        def get_frozen_credentials(self):
            raise RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired.")

    monkeypatch.setattr(one.session, "get_credentials", Stale)
    with pytest.raises(CallError) as caught:
        one.call("kms", "ListKeys", {}, US)
    assert caught.value.code == "CredentialsError"
    assert "still expired" in caught.value.detail


def test_a_closed_caller_opens_new_connections(stub, caller, target) -> None:
    stub(replies(Answer(b'{"Keys": []}')))
    one = target()
    assert one.caller.call("kms", "ListKeys", {}, US) == {"Keys": []}
    one.close()
    assert one.caller.call("kms", "ListKeys", {}, US) == {"Keys": []}
    one.close()


def test_operations_without_rules_page_by_the_usual_names(stub, caller) -> None:
    first = Answer(b'{"Trails": [{"Name": "a"}], "NextToken": "t"}')
    server = stub(replies(first, Answer(b'{"Trails": []}')))
    assert len(list(caller().pages("cloudtrail", "ListTrails", {}, US))) == 2
    assert json.loads(server.asked[1].body) == {"NextToken": "t"}
