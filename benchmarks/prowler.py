"""Prowler on the same endpoint, for the same 26 practices: what it costs, as a process of its own.

Prowler isn't a dependency. Install it into an environment of its own, and name its executable:

    CRENEL_BENCH_PROWLER=/path/to/prowler python -m benchmarks.prowler --account small --latency-ms 40
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.endpoint.launch import Running, running
from benchmarks.process import measured

VARIABLE = "CRENEL_BENCH_PROWLER"

CHECKS: dict[int, tuple[str, ...]] = {
    1: (
        "iam_customer_attached_policy_no_administrative_privileges",
        "iam_customer_unattached_policy_no_administrative_privileges",
    ),
    2: ("iam_policy_attached_only_to_group_or_roles",),
    3: ("iam_rotate_access_key_90_days",),
    4: ("iam_no_root_access_key",),
    5: ("iam_user_mfa_enabled_console_access",),
    6: ("iam_root_hardware_mfa_enabled",),
    7: (
        "iam_password_policy_lowercase",
        "iam_password_policy_minimum_length_14",
        "iam_password_policy_number",
        "iam_password_policy_symbol",
        "iam_password_policy_uppercase",
    ),
    8: ("iam_user_accesskey_unused", "iam_user_console_access_unused"),
    9: ("s3_account_level_public_access_blocks",),
    10: ("s3_bucket_default_encryption",),
    11: ("s3_bucket_level_public_access_block",),
    12: ("cloudtrail_multi_region_enabled",),
    13: ("cloudtrail_kms_encryption_enabled",),
    14: ("cloudtrail_log_file_validation_enabled",),
    15: ("config_recorder_all_regions_enabled",),
    16: ("ec2_ebs_volume_encryption",),
    17: ("vpc_flow_logs_enabled",),
    18: ("ec2_securitygroup_default_restrict_traffic",),
    19: ("ec2_ebs_default_encryption",),
    20: ("dms_instance_no_public_access",),
    21: ("ec2_ebs_public_snapshot",),
    22: ("opensearch_service_domains_encryption_at_rest_enabled",),
    23: ("sagemaker_notebook_instance_without_direct_internet_access_configured",),
    24: ("awslambda_function_using_supported_runtimes",),
    25: ("kms_cmk_not_deleted_unintentionally",),
    26: ("guardduty_is_enabled",),
}
"""Prowler's nearest checks, by the number of the practice."""


@dataclass(frozen=True, slots=True)
class ProwlerRun:
    """What one run of Prowler cost and found.

    `findings` counts its lines by check and status, as in ``iam_no_root_access_key FAIL``; `errors` counts the errors
    that it logs on the way, among them each answer that something isn't there. `exit_code` is 0 when it ran
    to the end (failed checks do not change it here).
    """

    version: str
    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_rss_mib: float
    calls: int
    calls_by_service: dict[str, int]
    calls_by_operation: dict[str, int]
    unknown_calls: dict[str, int]
    throttled: int
    errors: int
    max_in_flight: int
    findings: dict[str, int]


def executable(named: str = "") -> str:
    """Return Prowler's path: the one named, else the environment's, else that on the search path; empty if none."""
    return shutil.which(named or os.environ.get(VARIABLE, "") or "prowler") or ""


def run(endpoint: Running, prowler: str = "", *, timeout: float = 3600) -> tuple[ProwlerRun | None, str]:
    """Run Prowler against an endpoint. Without Prowler, or past the timeout, the answer is None and the reason."""
    path = executable(prowler)
    if not path:
        return None, f"Prowler is not installed: set {VARIABLE} to its executable"
    endpoint.reset()
    with tempfile.TemporaryDirectory(prefix="prowler-") as folder:
        cost = measured(command(path, folder), endpoint.environment(), timeout=timeout, folder=folder)
        if cost.exit_code is None:
            return None, f"Prowler did not end within {timeout:,.0f} s"
        findings = _findings(Path(folder))
        if not findings:
            return None, f"Prowler found nothing; it ended with {cost.exit_code}: {cost.output[-2000:]}"
    stats = endpoint.stats()
    found = ProwlerRun(
        version=_version(path),
        exit_code=cost.exit_code,
        wall_seconds=cost.wall,
        cpu_seconds=cost.cpu,
        peak_rss_mib=cost.rss_mib,
        calls=stats["total"],
        calls_by_service=stats["services"],
        calls_by_operation=stats["calls"],
        unknown_calls=stats["unknown"],
        throttled=stats["throttled"],
        errors=cost.output.count(" ERROR: "),
        max_in_flight=stats["max_in_flight"],
        findings=findings,
    )
    return found, ""


def command(path: str, folder: str) -> list[str]:
    """Return Prowler's command line for the 26 practices; its report goes into a folder, as CSV.

    Left to itself it says nothing of VPCs and security groups that no network interface uses; the practices do.
    """
    checks = [check for checks in CHECKS.values() for check in checks]
    options = ["--no-banner", "--no-color", "--ignore-exit-code-3", "--log-level", "ERROR", "--scan-unused-services"]
    return [path, "aws", *options, "--output-formats", "csv", "--output-directory", folder, "--check", *checks]


def _findings(folder: Path) -> dict[str, int]:
    found: Counter[str] = Counter()
    for report in folder.glob("*.csv"):
        with report.open(newline="", encoding="utf-8") as lines:
            found.update(f"{line['CHECK_ID']} {line['STATUS']}" for line in csv.DictReader(lines, delimiter=";"))
    return dict(sorted(found.items()))


def _version(path: str) -> str:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False, timeout=120).stdout
    return next((word for word in said.split() if word[:1].isdigit()), "unknown")


def main() -> int:
    """Run Prowler on a fresh endpoint and print what it cost, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prowler", description=main.__doc__)
    parser.add_argument("--prowler", default="", help=f"the executable; else ${VARIABLE}")
    parser.add_argument("--account", default="small")
    parser.add_argument("--latency-ms", type=float, default=40)
    parser.add_argument("--throttle", type=float, default=0)
    parser.add_argument("--timeout", type=float, default=3600)
    options = parser.parse_args()
    with running(options.account, latency_ms=options.latency_ms, throttle=options.throttle) as endpoint:
        result, reason = run(endpoint, options.prowler, timeout=options.timeout)
    if result is None:
        print(reason, file=sys.stderr)
        return 1
    print(json.dumps(dataclasses.asdict(result), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
