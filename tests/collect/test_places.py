"""In which Regions policies run."""

import pytest

from crenel.collect.places import regions_of

TWO = ("eu-west-1", "us-east-1")


@pytest.mark.parametrize(
    ("resource", "service", "asked", "named", "where"),
    [
        ("ebs", "ec2", TWO, TWO, TWO),
        ("s3", "s3", TWO, TWO, TWO),
        ("iam-user", "iam", TWO, ("us-east-1", "eu-west-1"), ("us-east-1",)),
        ("iam-user", "iam", TWO, ("all",), ("us-east-1",)),
        ("iam-user", "iam", TWO, ("all", "eu-west-1"), ("eu-west-1",)),
        ("iam-user", "iam", ("eu-west-1",), (), ("eu-west-1",)),
        ("account", "ec2", TWO, TWO, ("eu-west-1",)),
        ("distribution", "cloudfront", TWO, ("eu-west-1",), ("eu-west-1",)),
        ("ebs", "ec2", ("cn-north-1",), ("cn-north-1",), ("cn-north-1",)),
        ("no-such-type", "", TWO, TWO, ("eu-west-1",)),
        ("workforce", "mturk", TWO, TWO, ("us-east-1",)),
        ("workforce", "mturk", ("eu-west-1",), ("eu-west-1",), ()),
    ],
)
def test_the_regions_of_a_type(resource, service, asked, named, where):
    found, lacking = regions_of(resource, service, asked, named)
    assert found == where
    assert lacking == (("eu-west-1",) if service == "mturk" else ())
