"""The token buckets, by a clock that the tests turn."""

from pathlib import Path

import pytest

from crenel.collect.limits import DEFAULT_RATES, Bucket, Limits, Rate, rate_of, rates, read_rates
from crenel.errors import PolicyError


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_out_at_once_and_the_rest_queues_in_order() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 3), clock)
    assert [bucket.take() for _ in range(3)] == [0, 0, 0]
    assert [round(bucket.take(), 3) for _ in range(3)] == [0.1, 0.2, 0.3]


def test_tokens_come_back_with_time_but_no_more_than_the_burst() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 2), clock)
    assert [bucket.take(), bucket.take()] == [0, 0]
    clock.now += 60
    assert [bucket.take(), bucket.take()] == [0, 0]
    assert bucket.take() == pytest.approx(0.1)


def test_throttling_halves_the_rate_once_a_second_and_not_below_the_least() -> None:
    clock = Clock()
    bucket = Bucket(Rate(8, 100), clock)
    bucket.throttled()
    bucket.throttled()
    assert bucket.rate == pytest.approx(4)
    assert bucket.take() == pytest.approx(1 / 4)  # the burst is gone
    for _ in range(20):
        clock.now += 1
        bucket.throttled()
    assert bucket.rate == pytest.approx(0.5, abs=0.2)


def test_the_rate_recovers_slowly_up_to_its_ceiling() -> None:
    clock = Clock()
    bucket = Bucket(Rate(60, 1), clock)
    bucket.throttled()
    clock.now += 10
    bucket.take()
    assert [bucket.rate] == [pytest.approx(40)]
    clock.now += 1000
    bucket.take()
    assert [bucket.rate] == [60]


def test_buckets_are_apart_by_account_region_and_service() -> None:
    limits = Limits({"*": (1, 1)}, Clock())
    places = [("1", "a", "ec2"), ("2", "a", "ec2"), ("1", "b", "ec2"), ("1", "a", "kms")]
    assert [limits.take(*place) for place in places] == [0, 0, 0, 0]
    assert limits.take(*places[0]) == 1


def test_an_operation_with_a_rate_of_its_own_is_counted_apart() -> None:
    limits = Limits({"iam": (10, 1), "iam:GetCredentialReport": (1, 1)}, Clock())
    assert limits.take("1", "a", "iam", "GetCredentialReport") == 0
    assert limits.take("1", "a", "iam", "GetCredentialReport") == 1
    limits.throttled("1", "a", "iam", "GetCredentialReport")
    assert limits.take("1", "a", "iam", "ListUsers") == 0
    assert limits.take("1", "a", "iam", "ListRoles") == pytest.approx(0.1)


def test_an_assumed_rate_grows_by_asking_until_aws_says_no() -> None:
    clock = Clock()
    bucket = Bucket(Rate(10, 1, assumed=True), clock)
    clock.now += 3600
    bucket.take()
    assert bucket.rate < 10.2  # an idle hour teaches nothing
    for _ in range(400):
        clock.now += bucket.take() / 100  # as fast as it goes
    reached = bucket.rate
    assert 20 < reached <= 100
    bucket.throttled()
    assert bucket.ceiling == pytest.approx(reached / 2)
    for _ in range(400):
        clock.now += 1
        bucket.take()
    assert bucket.rate == pytest.approx(reached / 2)  # half of what AWS was found to take


def test_the_time_that_calls_take() -> None:
    assert Rate(10, 50).seconds(50) == 0
    assert Rate(10, 50).seconds(150) == 10
    assert Rate(10, 0, assumed=True).seconds(15) == pytest.approx(1.4, abs=0.1)
    slow = Rate(10, 0, assumed=True).seconds(10_000)
    assert slow == pytest.approx(90 + (10_000 - 4_950) / 100)


def test_s3_does_not_crawl_by_default() -> None:
    assert DEFAULT_RATES["s3"][0] >= 300
    assert Limits().most("s3") >= 300
    assert rates()["s3"].most >= 300
    assert rate_of({}, "anything") == DEFAULT_RATES["*"]


def test_shipped_rates_take_half_of_what_aws_documents(tmp_path: Path) -> None:
    file = tmp_path / "rates.yaml"
    file.write_text(
        "rows:\n"
        "  - {service: ec2, operation: '*', rate: 20, burst: 100, documented: true}\n"
        "  - {service: ec2, operation: DescribeVpcs, rate: 20, burst: 100, documented: true}\n"
        "  - {service: ec2, operation: RunInstances, rate: 2, burst: 5, documented: true}\n"
        "  - {service: iam, operation: '*', rate: 10, burst: 20, documented: false}\n"
    )
    found = read_rates(file)
    assert found["ec2"] == found["ec2:DescribeVpcs"] == Rate(10.0, 50)
    assert found["ec2:RunInstances"] == Rate(1.0, 2)
    assert found["iam"] == Rate(10, 20, assumed=True)
    assert found["*"] == DEFAULT_RATES["*"]
    assert read_rates(tmp_path / "none.yaml") == DEFAULT_RATES
    assert all(rate.per_second > 0 and rate.burst >= 1 for rate in rates().values())


def test_a_rate_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "rates.yaml"
    file.write_text("rows:\n  - {service: ec2, operation: '*', rate: fast, burst: 1, documented: true}\n")
    with pytest.raises(PolicyError, match="number of calls"):
        read_rates(file)
