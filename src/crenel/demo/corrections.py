"""Where moto answers a read otherwise than AWS does, and the difference would change a verdict, it is put right here.

Each function names the difference. What moto keeps as data is set as data; a method is replaced only where there is
nothing to set. All of it happens in the demo's own server process.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.cloudtrail.models import CloudTrailBackend, Trail, cloudtrail_backends
from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import Region, RegionsAndZonesBackend
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.iam.models import AccountSummary, IAMBackend
from moto.iam.responses import IamResponse
from moto.kms import utils as kms_utils
from moto.kms.models import Key, KmsBackend
from moto.sns.models import SNSBackend, Subscription

from crenel.demo.clients import ACCOUNT

if TYPE_CHECKING:
    from moto.ec2.models.elastic_block_store import Snapshot
    from moto.iam.models import AccessKey, User

# The Regions that every account has, and those that its owner switched on or could.
ENABLED_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
OPTED_IN_REGIONS = ("eu-south-1",)
NOT_OPTED_IN_REGIONS = (
    "af-south-1",
    "ap-east-1",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ca-west-1",
    "eu-central-2",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
)

# What IAM reports of users and moto does not keep: when a password was last changed.
PASSWORD_CHANGED: dict[str, datetime] = {}
ROOT_CREATED = datetime(2019, 3, 4, 9, 12, 30, tzinfo=UTC)
ROOT_PASSWORD_USED = datetime(2026, 2, 11, 17, 40, 5, tzinfo=UTC)

REPORT_COLUMNS = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,"
    "cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)
NO_KEY = ("false", "N/A", "N/A", "N/A", "N/A")
NO_CERTIFICATES = ("false", "N/A", "false", "N/A")

# What AWS answers for a trail whose owner never chose event selectors.
DEFAULT_SELECTOR = {
    "ReadWriteType": "All",
    "IncludeManagementEvents": True,
    "DataResources": [],
    "ExcludeManagementEventSources": [],
}


def apply() -> None:
    """Put moto's answers right. Call once, before the server answers its first request."""
    _regions()
    _snapshots()
    _credential_report()
    _login_profiles()
    _event_selectors()
    _aws_managed_keys()
    _replicated_keys()
    _subscriptions()


class RootSummary(AccountSummary):
    """An account summary that tells of the root user what moto leaves at zero, or out."""

    def __init__(self, backend: IAMBackend, *, mfa: bool, access_key: bool) -> None:
        """`mfa` and `access_key` say what the root user has."""
        super().__init__(backend)
        self._account_mfa_enabled = int(mfa)
        self._account_access_keys_present = int(access_key)

    @property
    def summary_map(self) -> dict[str, Any]:
        """The map that GetAccountSummary answers."""
        return {**super().summary_map, "AccountPasswordPresent": 1}


def _regions() -> None:
    """DescribeRegions lists Regions of other partitions, and takes opt-in Regions for ones that are always on."""
    states = {
        **dict.fromkeys(ENABLED_REGIONS, "opt-in-not-required"),
        **dict.fromkeys(OPTED_IN_REGIONS, "opted-in"),
        **dict.fromkeys(NOT_OPTED_IN_REGIONS, "not-opted-in"),
    }
    RegionsAndZonesBackend.regions = [
        Region(name, f"ec2.{name}.amazonaws.com", state) for name, state in sorted(states.items())
    ]


def _snapshots() -> None:
    """DescribeSnapshots does not look at OwnerIds and RestorableByUserIds."""

    def describe_snapshots(self: ElasticBlockStore) -> ActionResult:
        snapshots = self.ec2_backend.describe_snapshots(
            snapshot_ids=self._get_param("SnapshotIds", []), filters=self._filters_from_querystring()
        )
        owners = {ACCOUNT if owner == "self" else owner for owner in self._get_param("OwnerIds", [])}
        restorers = set(self._get_param("RestorableByUserIds", []))
        return ActionResult({"Snapshots": [one for one in snapshots if _is_asked_for(one, owners, restorers)]})

    ElasticBlockStore.describe_snapshots = describe_snapshots  # type: ignore[method-assign]


def _is_asked_for(snapshot: Snapshot, owners: set[str], restorers: set[str]) -> bool:
    if owners and snapshot.owner_id not in owners:
        return False
    allowed = snapshot.create_volume_permission_groups | snapshot.create_volume_permission_userids
    return not restorers or bool(restorers & allowed)


def _credential_report() -> None:
    """The credential report lacks the root user, where keys were used, when passwords changed; and it is of 2015."""

    def get_credential_report(self: IamResponse) -> ActionResult:
        self.backend.get_credential_report()  # raises where there is no report yet
        rows = [REPORT_COLUMNS, _root_row(self.backend), *(_user_row(user) for user in self.backend.users.values())]
        result = {"Content": "\n".join(rows), "ReportFormat": "text/csv", "GeneratedTime": datetime.now(UTC)}
        return ActionResult(result)

    IamResponse.get_credential_report = get_credential_report  # type: ignore[method-assign]


def _login_profiles() -> None:
    """A password is as old as its user."""

    def get_login_profile(self: IamResponse) -> ActionResult:
        user = self.backend.get_login_profile(self._get_param("UserName"))
        profile = {
            "UserName": user.name,
            "CreateDate": PASSWORD_CHANGED.get(user.name, user.create_date),
            "PasswordResetRequired": user.password_reset_required,
        }
        return ActionResult({"LoginProfile": profile})

    IamResponse.get_login_profile = get_login_profile  # type: ignore[method-assign]


def _root_row(backend: IAMBackend) -> str:
    summary = backend.account_summary.summary_map
    key = NO_KEY
    if summary["AccountAccessKeysPresent"]:
        key = ("true", _stamp(ROOT_CREATED), "2021-06-30T08:15:00+00:00", "us-east-1", "s3")
    return ",".join(
        (
            "<root_account>",
            f"arn:aws:iam::{ACCOUNT}:root",
            _stamp(ROOT_CREATED),
            "not_supported",
            _stamp(ROOT_PASSWORD_USED),
            "not_supported",
            "not_supported",
            "true" if summary["AccountMFAEnabled"] else "false",
            *key,
            *NO_KEY,
            *NO_CERTIFICATES,
        )
    )


def _user_row(user: User) -> str:
    password = ("false", "N/A", "N/A", "N/A")
    if user.password:
        used: datetime | None = vars(user)["password_last_used"]  # moto declares it as always None
        last = _stamp(used) if used else "no_information"
        password = ("true", last, _stamp(PASSWORD_CHANGED.get(user.name, user.create_date)), "N/A")
    keys = [_key_columns(key) for key in user.access_keys]
    first, second = [*keys, NO_KEY, NO_KEY][:2]
    return ",".join(
        (
            user.name,
            user.arn,
            _stamp(user.create_date),
            *password,
            "true" if user.mfa_devices else "false",
            *first,
            *second,
            *NO_CERTIFICATES,
        )
    )


def _key_columns(key: AccessKey) -> tuple[str, str, str, str, str]:
    active = "true" if key.status == "Active" else "false"
    if key.last_used is None:
        return (active, _stamp(key.create_date), "N/A", "N/A", "N/A")
    used = key.last_used
    return (active, _stamp(key.create_date), _stamp(used.timestamp), used.region, used.service)


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _event_selectors() -> None:
    """Selectors are found in a trail's home Region alone, the default one not at all, and a trail never has its own."""

    def get_event_selectors(self: CloudTrailBackend, trail_name: str) -> tuple[str, list[Any], list[Any]]:
        home = trail_name.split(":")[3] if trail_name.startswith("arn:") else self.region_name
        trail = cloudtrail_backends[self.account_id][home].get_trail(trail_name)
        basic, advanced = trail.get_event_selectors()
        return trail.arn, basic if basic or advanced else [DEFAULT_SELECTOR], advanced

    def description(self: Trail, include_region: bool = False) -> dict[str, Any]:  # noqa: FBT002 (moto's signature)
        chosen = bool(self.event_selectors or self.advanced_event_selectors)
        return {**moto_describes(self, include_region), "HasCustomEventSelectors": chosen}

    moto_describes = Trail.description
    CloudTrailBackend.get_event_selectors = get_event_selectors  # type: ignore[method-assign]
    Trail.description = description  # type: ignore[method-assign]


def _aws_managed_keys() -> None:
    """Every reserved alias points at a key that does not exist, and keys made for AWS's services are the customer's."""

    def create_key(self: KmsBackend, *arguments: Any, **named: Any) -> Key:  # noqa: ANN401
        key = moto_creates(self, *arguments, **named)
        if key.description.startswith("Default "):  # how moto describes the keys that it makes for a service
            key.key_manager = "AWS"
        return key

    moto_creates = KmsBackend.create_key
    KmsBackend.create_key = create_key  # type: ignore[method-assign]
    kms_utils.RESERVED_ALIASE_TARGET_KEY_IDS.clear()


def _replicated_keys() -> None:
    """A multi-Region key shares its record and aliases with its replicas: describing one makes replicas of both."""

    def replicate_key(self: KmsBackend, key_id: str, replica_region: str) -> Key:
        replica = moto_replicates(self, key_id, replica_region)
        replica.multi_region_configuration = deepcopy(replica.multi_region_configuration)
        replica.aliases = {}  # an alias stays in its Region
        return replica

    moto_replicates = KmsBackend.replicate_key
    KmsBackend.replicate_key = replicate_key  # type: ignore[method-assign]


def _subscriptions() -> None:
    """A topic does not count its subscriptions; here each is one that was confirmed."""

    def subscribe(self: SNSBackend, topic_arn: str, endpoint: str, protocol: str) -> Subscription:
        made = moto_subscribes(self, topic_arn, endpoint, protocol)
        own = [each for each in self.subscriptions.values() if each.topic_arn == topic_arn]
        made.topic.subscriptions_confimed = len(own)
        return made

    moto_subscribes = SNSBackend.subscribe
    SNSBackend.subscribe = subscribe  # type: ignore[method-assign]
