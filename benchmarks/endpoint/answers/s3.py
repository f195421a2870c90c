"""S3: buckets with their encryption and their public access blocks, and the account's block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.endpoint.account import ACCOUNT_ID, Account, row_of_name, uuid
from benchmarks.endpoint.answers.paging import Handler, Kind, Listing, Paging
from benchmarks.endpoint.wire import Call, Document, Refusal

PAGING = Paging("MaxBuckets", "ContinuationToken", "ContinuationToken", default=10_000, most=10_000)
PREFIX = "crenel-bench-"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def encryption(bucket: int) -> str:
    """A bucket's default encryption; one in five has none, as no bucket had before January 2023."""
    return ("", "aws:kms", "AES256", "AES256", "AES256")[bucket % 5]


def block(bucket: int) -> tuple[bool, ...] | None:
    """The four flags of a bucket's public access block: one in six has no block, one in six a half."""
    return {0: None, 1: (True, False, True, False)}.get(bucket % 6, (True,) * 4)


def _flags(values: tuple[bool, ...]) -> Document:
    return {"PublicAccessBlockConfiguration": dict(zip(FLAGS, values, strict=True))}


def _bucket(_variant: None) -> Document:
    return {
        "Name": f"{PREFIX}~row~",
        "CreationDate": "~created~",
        "BucketRegion": "~region~",
        "BucketArn": f"arn:aws:s3:::{PREFIX}~row~",
    }


def _bucket_holes(account: Account, row: int) -> Mapping[str, object]:
    created = f"20{20 + row % 6}-{1 + row % 12:02d}-{1 + row % 28:02d}T09:00:00.000Z"
    return {"row": f"{row:07d}", "created": created, "region": account.region_of(row)}


BUCKETS = Listing(Kind(lambda _account, _row: None, _bucket, _bucket_holes), "Buckets", PAGING)


def list_buckets(account: Account, call: Call) -> Document:
    """List the buckets of the account, or of one of its Regions."""
    rows: Sequence[int] = range(account.sizes.buckets)
    region, prefix = call.text("BucketRegion"), call.text("Prefix")
    if region:
        rows = account.spread(account.sizes.buckets, region) if account.has(region) else range(0)
    if prefix:
        rows = [row for row in rows if f"{PREFIX}{row:07d}".startswith(prefix)]
    return {**BUCKETS.page(account, call, rows), "Owner": {"ID": "0" * 64, "DisplayName": "benchmark"}}


def _existing(account: Account, call: Call) -> int:
    name = call.text("Bucket")
    row = row_of_name(name)
    if not name.startswith(PREFIX) or not 0 <= row < account.sizes.buckets:
        raise Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
    return row


def get_bucket_location(account: Account, call: Call) -> Document:
    """Say where a bucket lies; nothing means us-east-1."""
    region = account.region_of(_existing(account, call))
    return {"LocationConstraint": "" if region == "us-east-1" else region}


def head_bucket(account: Account, call: Call) -> Document:
    """Say where a bucket lies, in a header."""
    return {"BucketRegion": account.region_of(_existing(account, call))}


def get_bucket_encryption(account: Account, call: Call) -> Document:
    """Return a bucket's default encryption."""
    row = _existing(account, call)
    algorithm = encryption(row)
    if not algorithm:
        code = "ServerSideEncryptionConfigurationNotFoundError"
        raise Refusal(code, "The server side encryption configuration was not found", 404)
    by_default = {"SSEAlgorithm": algorithm}
    if algorithm == "aws:kms":
        by_default["KMSMasterKeyID"] = f"arn:aws:kms:{account.region_of(row)}:{ACCOUNT_ID}:key/{uuid(row % 10)}"
    rule = {"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": algorithm == "aws:kms"}
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


def get_public_access_block(account: Account, call: Call) -> Document:
    """Return a bucket's public access block."""
    flags = block(_existing(account, call))
    if flags is None:
        raise Refusal(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404
        )
    return _flags(flags)


def get_account_block(account: Account, _call: Call) -> Document:
    """Return the account's public access block, which has a gap."""
    if not account.sizes.account_block:
        raise Refusal(
            "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", 404
        )
    return _flags((True, True, True, False))


def get_bucket_acl(account: Account, call: Call) -> Document:
    """Return a bucket's list of grants: the owner's alone."""
    _existing(account, call)
    return {"Owner": {"ID": "0" * 64}, "Grants": []}


def _plain(document: Document) -> Handler:
    """Answer each existing bucket alike."""

    def answer(account: Account, call: Call) -> Document:
        _existing(account, call)
        return document

    return answer


def _absent(code: str) -> Handler:
    """Answer of each existing bucket that it has no such thing."""

    def answer(account: Account, call: Call) -> Document:
        _existing(account, call)
        raise Refusal(code, "The configuration does not exist", 404)

    return answer


def _operations(answer: Callable[[str], Handler], table: Mapping[str, str]) -> dict[str, Handler]:
    return {f"s3:{operation}": answer(code) for operation, code in table.items()}


_ABSENT = {
    "GetBucketPolicy": "NoSuchBucketPolicy",
    "GetBucketPolicyStatus": "NoSuchBucketPolicy",
    "GetBucketTagging": "NoSuchTagSet",
    "GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration",
    "GetBucketReplication": "ReplicationConfigurationNotFoundError",
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
    "GetBucketWebsite": "NoSuchWebsiteConfiguration",
    "GetBucketCors": "NoSuchCORSConfiguration",
}
_OWNERSHIP = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}

ANSWERS: dict[str, Handler] = {
    "s3:ListBuckets": list_buckets,
    "s3:HeadBucket": head_bucket,
    "s3:GetBucketLocation": get_bucket_location,
    "s3:GetBucketEncryption": get_bucket_encryption,
    "s3:GetPublicAccessBlock": get_public_access_block,
    "s3:GetBucketAcl": get_bucket_acl,
    "s3:GetBucketVersioning": _plain({"Status": "Enabled"}),
    "s3:GetBucketLogging": _plain({}),
    "s3:GetBucketNotificationConfiguration": _plain({}),
    "s3:GetBucketOwnershipControls": _plain(_OWNERSHIP),
    "s3:ListObjectsV2": _plain({"KeyCount": 0, "IsTruncated": False}),
    **_operations(_absent, _ABSENT),
    "s3control:GetPublicAccessBlock": get_account_block,
    "s3control:ListAccessPoints": lambda _account, _call: {"AccessPointList": []},
    "s3control:ListMultiRegionAccessPoints": lambda _account, _call: {"AccessPoints": []},
}
