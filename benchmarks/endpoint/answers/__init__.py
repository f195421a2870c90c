"""What the account answers: one table from ``service:Operation`` to the function that writes the document."""

from __future__ import annotations

from benchmarks.endpoint.answers import audit, ec2, iam, s3, workloads
from benchmarks.endpoint.answers.paging import Handler

ANSWERS: dict[str, Handler] = {**iam.ANSWERS, **ec2.ANSWERS, **s3.ANSWERS, **audit.ANSWERS, **workloads.ANSWERS}
