"""What the account answers: one table from ``service:Operation`` to the function that writes the document."""

from __future__ import annotations

from benchmarks.endpoint.answers import audit, ec2, iam, logs, machines, s3, workloads
from benchmarks.endpoint.answers.paging import Handler

ANSWERS: dict[str, Handler] = {
    name: handler
    for module in (iam, ec2, machines, s3, audit, workloads, logs)
    for name, handler in module.ANSWERS.items()
}
