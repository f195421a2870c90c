"""Whose account it is, which Regions it has, and what a scan will cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from crenel.catalog.load import catalog
from crenel.collect.calls import Patience
from crenel.collect.estimate import EVERY_REGION, estimate
from crenel.collect.limits import rates
from crenel.collect.regions import coverage
from crenel.collect.session import Target, home_region, open_profiles
from crenel.errors import CredentialsError, UsageError
from crenel.model import Needs

from .fakes import FakeCaller, denied, target
from .stub import XML, Answer

ONCE = Patience(attempts=1)


def identity(arn: str = "arn:aws:iam::123456789012:user/u") -> Answer:
    result = f"<Arn>{arn}</Arn><Account>123456789012</Account><UserId>x</UserId>"
    body = f"<R><GetCallerIdentityResult>{result}</GetCallerIdentityResult></R>"
    return Answer(body.encode(), kind=XML)


def opened(profiles: Sequence[str] = (), **changes: Any) -> list[Target]:
    targets, _ = open_profiles(list(profiles), **changes)
    for one in targets:
        one.close()
    return targets


def test_the_account_behind_the_credentials(stub) -> None:
    server = stub(lambda _: identity())
    [one] = opened()
    assert (one.account.id, one.account.partition, one.home_region, one.start_region) == (
        "123456789012", "aws", "us-east-1", "us-east-1",
    )  # fmt: skip
    assert "AKIAIOSFODNN7EXAMPLE/" in server.asked[0].headers["authorization"]


@pytest.mark.parametrize(
    ("partition", "region", "home"),
    [("aws-us-gov", "us-gov-east-1", "us-gov-west-1"), ("aws-cn", "cn-northwest-1", "cn-north-1")],
)
def test_other_partitions(stub, monkeypatch, partition, region, home) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    server = stub(lambda _: identity(f"arn:{partition}:sts::123456789012:assumed-role/r/s"))
    [one] = opened()
    assert (one.account.partition, one.home_region, one.start_region) == (partition, home, region)
    assert f"/{region}/sts/" in server.asked[0].headers["authorization"]
    assert home_region("aws-iso").startswith("us-iso")


def test_two_profiles_of_one_account_are_one(stub, monkeypatch, tmp_path) -> None:
    file = tmp_path / "credentials"
    file.write_text("".join(f"[{name}]\naws_access_key_id=a\naws_secret_access_key=b\n" for name in "pq"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    stub(lambda _: identity())
    assert len(opened(["p", "q"])) == 1


def test_no_credentials(monkeypatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError, match="no AWS credentials were found"):
        opened()


def test_half_credentials(monkeypatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CredentialsError):
        opened()


def test_an_unknown_profile_is_told_with_the_nearest(monkeypatch, tmp_path) -> None:
    (tmp_path / "config").write_text("[profile production]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(CredentialsError, match='Did you mean "production"'):
        opened(["prodution"])


def test_sso_that_is_not_signed_in(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "config").write_text(
        "[profile s]\nsso_session = x\nsso_account_id = 123456789012\nsso_role_name = r\nregion = us-east-1\n"
        "[sso-session x]\nsso_region = us-east-1\nsso_start_url = https://example.invalid/start\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(CredentialsError, match="aws sso login"):
        opened(["s"])


@pytest.mark.parametrize(
    ("code", "words"), [("ExpiredToken", "have expired"), ("InvalidClientTokenId", "AWS refuses the credentials")]
)
def test_refused_credentials(stub, code, words) -> None:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
    stub(lambda _: Answer(body.encode(), 403, XML))
    with pytest.raises(CredentialsError, match=words):
        opened()


def test_an_endpoint_that_is_not_there_is_named(monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:1") as caught:
        opened(patience=ONCE)
    assert not isinstance(caught.value, CredentialsError)


REGIONS = {
    "Regions": [
        {"RegionName": "us-east-1", "OptInStatus": "opt-in-not-required"},
        {"RegionName": "me-south-1", "OptInStatus": "opted-in"},
        {"RegionName": "af-south-1", "OptInStatus": "not-opted-in"},
    ]
}


def covered(answers: Mapping[str, Any], *asked: str):
    found, gaps = coverage(target(FakeCaller(answers)), asked)
    return {one.region: one.state for one in found}, gaps


def test_regions_by_their_opt_in() -> None:
    found, gaps = covered({"ec2:DescribeRegions": REGIONS})
    assert found == {"af-south-1": "not-opted-in", "me-south-1": "scanned", "us-east-1": "scanned"}
    assert gaps == []
    listed, _ = coverage(target(FakeCaller({"ec2:DescribeRegions": REGIONS})), ["af-south-1"])
    assert [one.reason for one in listed] == ["Region af-south-1 is not enabled in the account."]


def test_asked_regions_alone_and_a_misspelt_one() -> None:
    assert covered({"ec2:DescribeRegions": REGIONS}, "me-south-1")[0] == {"me-south-1": "scanned"}
    with pytest.raises(UsageError, match='Did you mean "us-east-1"'):
        covered({"ec2:DescribeRegions": REGIONS}, "us-eats-1")


def test_account_management_stands_in_for_ec2() -> None:
    listed = {"Regions": [
        {"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"},
        {"RegionName": "me-south-1", "RegionOptStatus": "ENABLED"},
        {"RegionName": "af-south-1", "RegionOptStatus": "DISABLED"},
    ]}  # fmt: skip
    found, gaps = covered({"account:ListRegions": listed})
    assert found == {"af-south-1": "not-opted-in", "me-south-1": "scanned", "us-east-1": "scanned"}
    assert gaps == []


@pytest.mark.parametrize("answer", [
    {}, {"Regions": []}, {"Regions": [{"RegionName": "cn-north-1"}]},
    {"Regions": [{"RegionName": "us-east-1", "OptInStatus": "not-opted-in"}]},
])  # fmt: skip
def test_an_answer_without_a_region_is_no_answer(answer) -> None:
    listed = {"Regions": [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]}
    found, gaps = covered({"ec2:DescribeRegions": answer, "account:ListRegions": listed})
    assert (found, gaps) == ({"us-east-1": "scanned"}, [])
    found, [gap] = covered({"ec2:DescribeRegions": answer, "account:ListRegions": {"Regions": []}})
    assert found["us-east-1"] == "scanned"
    assert (gap.code, gap.call) == ("NoRegions", "ec2:DescribeRegions")


def test_without_either_the_old_regions_are_taken_and_the_gap_says_so() -> None:
    found, [gap] = covered({"ec2:DescribeRegions": denied("ec2:DescribeRegions", "UnauthorizedOperation")})
    assert [name for name, state in found.items() if state == "scanned"] == sorted([
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
        "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    ])  # fmt: skip
    assert (gap.permission, gap.code) == ("ec2:DescribeRegions", "UnauthorizedOperation")
    assert "no opt-in" in gap.message


def test_an_estimate_by_service_and_region() -> None:
    needs = [
        Needs("s3", frozenset({"Encryption", "PublicAccessBlock"})),
        Needs("ebs"),
        Needs("config-recorder", frozenset({"status"})),
        Needs("account", frozenset({"SummaryMap", "PublicAccessBlock"})),
    ]
    lines = {(line.service, line.region): line for line in estimate(needs, None, catalog(), rates())}
    assert lines["ec2", EVERY_REGION].calls == 1
    assert not lines["ec2", EVERY_REGION].exact
    assert lines["s3", "global"].calls == 1
    assert "each of the S3 buckets" in lines["s3", "global"].depends
    assert (lines["iam", "global"].calls, lines["iam", "global"].exact) == (1, True)
    sizes = {("s3", "global"): 5_000, ("ebs", "eu-west-1"): 1_500}
    sized = {
        (line.service, line.region): line
        for line in estimate(needs, ["us-east-1", "eu-west-1"], catalog(), rates(), sizes)
    }
    assert sized["s3", "global"].calls in range(10_001, 10_006)
    assert (sized["ec2", "eu-west-1"].calls, sized["ec2", "us-east-1"].calls) == (2, 1)
    assert sized["s3", "global"].seconds[0] > 1
    assert 0 < sized["s3", "global"].share <= 0.5


def test_every_type_can_be_estimated() -> None:
    needs = [Needs(name, frozenset(catalog()[name].details)) for name in catalog()]
    sizes = {(name, region): 1_000 for name in catalog() for region in ("us-east-1", "global")}
    for line in estimate(needs, ["us-east-1"], catalog(), rates(), sizes):
        assert line.calls >= 1 or line.depends
        assert line.seconds[0] <= line.seconds[1]
