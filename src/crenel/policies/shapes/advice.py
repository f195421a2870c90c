"""The shapes of the filters on what AWS's own advisers say."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import COMPARED, INNER_KEY, Option, Shape

NAMED: Mapping[str, Shape] = {
    "health-event": Shape(
        "An event of AWS Health affects the resource.",
        (
            Option("types", "Of these types only.", "texts"),
            Option("statuses", "Open and upcoming ones where it is left out.", "texts"),
            Option("category", "Has no effect, as in Cloud Custodian.", "texts"),
        ),
    ),
    "cost-optimization": Shape(
        "The Cost Optimization Hub has a recommendation for the resource.",
        (
            Option("attrs", "Filters that the recommendation has to match.", "attrs"),
            Option("action", "Has no effect, as in Cloud Custodian.", "text"),
            Option("efforts", "Has no effect, as in Cloud Custodian.", "texts"),
        ),
    ),
    "compute-optimizer": Shape(
        "Compute Optimizer has a recommendation for the instance.",
        (
            INNER_KEY,
            *COMPARED,
            Option("filters", "The API's own filters: name to values.", "mapping"),
            Option("recommendation-preferences", "The API's own preferences.", "mapping"),
        ),
    ),
    "iam-analyzer": Shape(
        "IAM Access Analyzer has an active finding on the resource.",
        (INNER_KEY, *COMPARED, Option("analyzer", "The analyzer's ARN; the account's where it is left out.", "text")),
    ),
    "fault-tolerant": Shape(
        "Trusted Advisor finds no fault with the volume's snapshots.",
        (Option("tolerant", "Whether it finds none; true where it is left out.", "boolean"),),
    ),
    "service-limit": Shape(
        "Trusted Advisor flags a service limit in the Region.",
        (
            Option("threshold", "Used to so many percent, instead of flagged.", "number"),
            Option("names", "Checks by name (shell patterns).", "texts"),
            Option("services", "Of these services (shell patterns).", "texts"),
            Option("limits", "These limits (shell patterns).", "texts"),
            Option("refresh_period", "Has no effect: checks are read and never refreshed.", "number"),
        ),
    ),
}
