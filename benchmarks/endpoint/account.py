"""The synthetic account: how many of everything, where it lies, and how a row's number becomes an identifier.

Nothing is stored. Row `i` of a type is computed from `i` whenever somebody asks, so an account of a million resources
costs as much memory as an empty one. Row `i` lies in Region `i % regions`; what a resource refers to is found by
arithmetic too, and every identifier can be turned back into its number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

ACCOUNT_ID = "111122223333"
REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1",
    "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1",
    "ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2",
)  # fmt: skip
DORMANT_REGIONS = (
    "af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1",
    "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1",
)  # fmt: skip

_SPREAD = 0x9E3779B97F4A7C15  # odd, so multiplying by it modulo 2**64 can be undone
_GATHER = pow(_SPREAD, -1, 1 << 64)
_WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How many resources of each type the account has, and a few settings of the account as a whole.

    `vpcs` are those besides the default one of each Region, `security_groups` those besides the default group of each
    VPC. `recorders`, `detectors` and `encrypting` say in how many Regions AWS Config, GuardDuty and EBS encryption by
    default are set up; `root_mfa` is 0 for none, 1 for a virtual device, 2 for a hardware one.
    """

    regions: int = len(REGIONS)
    users: int = 0
    groups: int = 0
    roles: int = 0
    policies: int = 0
    buckets: int = 0
    trails: int = 0
    volumes: int = 0
    snapshots: int = 0
    vpcs: int = 0
    security_groups: int = 0
    flow_logs: int = 0
    replication_instances: int = 0
    domains: int = 0
    notebooks: int = 0
    functions: int = 0
    keys: int = 0
    instances: int = 0
    interfaces: int = 0
    subnets: int = 0
    log_groups: int = 0
    recorders: int = 0
    detectors: int = 0
    encrypting: int = 0
    root_keys: int = 0
    root_mfa: int = 0
    password_policy: int = 0
    account_block: int = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < 0:
                raise ValueError(f"{name}={value} is negative")
        if not 1 <= self.regions <= len(REGIONS):
            raise ValueError(f"regions={self.regions} is not between 1 and {len(REGIONS)}")
        if (self.instances or self.interfaces) and self.subnets < self.regions:
            raise ValueError("instances and interfaces need a subnet in each Region")

    @property
    def all_vpcs(self) -> int:
        """The VPCs, the default ones included."""
        return self.regions + self.vpcs

    @property
    def all_security_groups(self) -> int:
        """The security groups, the default ones included."""
        return self.all_vpcs + self.security_groups

    @property
    def total(self) -> int:
        """The number of resources: everything that can be listed, Regions and the account's own settings aside."""
        listed = (
            self.users, self.groups, self.roles, self.policies, self.buckets, self.trails, self.volumes,
            self.snapshots, self.all_vpcs, self.all_security_groups, self.flow_logs, self.replication_instances,
            self.domains, self.notebooks, self.functions, self.keys, self.instances, self.interfaces, self.subnets,
            self.log_groups,
        )  # fmt: skip
        return sum(listed)

    @classmethod
    def parse(cls, spec: str) -> Sizes:
        """Read a preset's name, or ``key=value,key=value`` with an optional preset in front: ``small,users=5000``."""
        sizes, given = cls(), dict[str, int]()
        for part in filter(None, spec.split(",")):
            name, equals, value = part.partition("=")
            if not equals and part in PRESETS:
                sizes, given = PRESETS[part], {}
            elif equals and name in cls.__dataclass_fields__ and value.isdecimal():
                given[name] = int(value)
            else:
                known = ", ".join([*PRESETS, *(f"{key}=N" for key in cls.__dataclass_fields__)])
                raise ValueError(f"{part!r} is not one of {known}")
        return dataclasses.replace(sizes, **given)


PRESETS = {
    "empty": Sizes(),
    "small": Sizes(
        users=40, groups=5, roles=12, policies=20, buckets=50, trails=3, volumes=100, snapshots=68, vpcs=17,
        security_groups=51, flow_logs=20, replication_instances=6, domains=6, notebooks=6, functions=50, keys=17,
        recorders=12, detectors=10, encrypting=8, root_keys=1, root_mfa=1, password_policy=1, account_block=1,
    ),
    "50k": Sizes(
        users=2000, groups=20, roles=80, policies=500, buckets=5000, trails=5, volumes=15000, snapshots=12000,
        vpcs=483, security_groups=7500, flow_logs=500, replication_instances=95, domains=100, notebooks=200,
        functions=5000, keys=1000, recorders=12, detectors=10, encrypting=8, root_keys=1, root_mfa=1,
        password_policy=1, account_block=1,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One access key of a user. `age` and `unused` are in days; `unused` is None for a key that was never used."""

    id: str
    active: bool
    age: int
    unused: int | None


@dataclass(frozen=True, slots=True)
class Password:
    """A user's console password: its age and how long it lies idle, in days (None: never used)."""

    age: int
    unused: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the given sizes as it is at `now`."""

    sizes: Sizes
    now: datetime

    @classmethod
    def of(cls, spec: str) -> Account:
        """The account of a specification, as of today's midnight."""
        return cls(Sizes.parse(spec), datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0))

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions that are opted in."""
        return REGIONS[: self.sizes.regions]

    def has(self, region: str) -> bool:
        """Whether the account can use a Region."""
        return region in self.regions

    def number(self, region: str) -> int:
        """The place of an opted-in Region in the account's order."""
        return self.regions.index(region)

    def region_of(self, row: int) -> str:
        """The Region where a row lies."""
        return REGIONS[row % self.sizes.regions]

    def spread(self, count: int, region: str) -> range:
        """The numbers of those among `count` rows that lie in a Region."""
        return range(self.number(region), count, self.sizes.regions)

    def every(self, rows: range, modulus: int, remainder: int) -> range:
        """Those of a Region's rows that leave `remainder`; `modulus` has to be prime and above the Regions' number."""
        first = next((row for row in rows[:modulus] if row % modulus == remainder), rows.stop)
        return range(first, rows.stop, rows.step * modulus)

    def neighbour(self, row: int, count: int) -> int:
        """One of `count` other rows, in the Region of `row`; there has to be one in each Region."""
        home, regions = row % self.sizes.regions, self.sizes.regions
        return home + regions * (row // regions % len(range(home, count, regions)))

    def ago(self, days: int) -> datetime:
        """The time so many days before the account's now."""
        return self.now - timedelta(days=days)


def code(row: int) -> str:
    """The 17 hexadecimal digits of an EC2 identifier."""
    return f"0{(row + 1) * _SPREAD & _WORD:016x}"


def row_of_code(identifier: str) -> int:
    """The row of an EC2 identifier such as ``vol-0123456789abcdef0``, or -1."""
    try:
        return (int(identifier.rpartition("-")[2], 16) * _GATHER & _WORD) - 1
    except ValueError:
        return -1


def uuid(row: int) -> str:
    """A UUID that ends in the row's number."""
    digits = f"{(row + 1) * _SPREAD & _WORD:016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8000-{row:012x}"


def row_of_uuid(identifier: str) -> int:
    """The row of a UUID or of an ARN that ends in one, or -1."""
    try:
        return int(identifier[-12:], 16)
    except ValueError:
        return -1


def row_of_name(name: str) -> int:
    """The row of a name such as ``user-0000042``, or of an ARN that ends in one, or -1."""
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def unique_id(prefix: str, row: int) -> str:
    """An IAM unique identifier, 21 characters long."""
    return f"{prefix}{row:0{21 - len(prefix)}d}"


def has_password(user: int) -> bool:
    """Whether a user may use the console: two in five."""
    return user % 5 < 2


def has_mfa(user: int) -> bool:
    """Whether a user has an MFA device: three in four."""
    return user % 4 != 3


def password(user: int) -> Password | None:
    """A user's console password."""
    if not has_password(user):
        return None
    age = 120 + user % 7 * 30
    return Password(age, (1, 20, 50, 95, 200, None)[user % 6])


def access_keys(user: int) -> Iterator[AccessKey]:
    """A user's access keys: none, one, one or two."""
    for slot in range((0, 1, 1, 2)[user % 4]):
        mix = user // 4 + slot
        age = (30, 60, 89, 120, 200, 400)[mix % 6]
        unused = None if mix % 8 == 5 else min(age, (1, 10, 40, 60, 100, 300)[mix % 6])
        yield AccessKey(f"AKIA{user:015d}{slot}", not (slot == 1 and user % 3 == 0), age, unused)


def access_key(identifier: str) -> tuple[int, AccessKey] | None:
    """A key and its user's number, found by the key's identifier."""
    digits = identifier.removeprefix("AKIA")
    if len(digits) != 16 or not digits.isdecimal():
        return None
    user = int(digits[:15])
    return next(((user, key) for key in access_keys(user) if key.id == identifier), None)
