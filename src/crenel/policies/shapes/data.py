"""The shapes of the filters of databases, queues, functions, clusters and what else keeps data."""

from __future__ import annotations

from collections.abc import Mapping

from crenel.policies.shapes.shape import COMPARED, INNER, OPERATOR, Option, Shape

_IGNORED = Option("key", "Has no effect, as in Cloud Custodian: the filter's name says what is compared.", "text")
KEYED = Shape("Compares what the filter's name says with a value.", (_IGNORED, *COMPARED))
_PARAMETER = Option("key", "The parameter's name.", "text", required=True)
PARAMETER = Shape("A value filter on what a parameter of the database is set to.", (_PARAMETER, *COMPARED))
UPGRADE = Shape(
    "AWS offers a newer version.",
    (
        Option("major", "Count versions with another major number, too.", "boolean"),
        Option("value", "`false`: there is none, or only the same one.", "boolean"),
    ),
)

NAMED: Mapping[str, Shape] = {
    "upgrade-available": UPGRADE,
    "db-parameter": PARAMETER,
    "db-cluster-parameter": PARAMETER,
    "kms-alias": Shape("A value filter on the aliases of the key that encrypts it.", INNER.options),
    "latest": Shape(
        "The newest snapshot of its database.",
        (Option("automatic", "`false`: of the manual ones.", "boolean"),),
    ),
    "dead-letter": Shape("Another queue sends its dead letters here."),
    "ebs-storage": Shape("A value filter on the volumes of the cluster's instances.", (*INNER.options, OPERATOR)),
    "mismatch-s3-origin": Shape(
        "An origin is a bucket of another account.",
        (Option("check_custom_origins", "Look at custom origins, too.", "boolean"),),
    ),
    "cross-cluster": Shape(
        "A connection with another domain matches.",
        (
            Option("inbound", "A value filter on connections from others.", "mapping"),
            Option("outbound", "A value filter on connections to others.", "mapping"),
        ),
    ),
    "event-source": Shape("A value filter on the list of the services that may call the function.", KEYED.options),
    "lambda-edge": Shape("A CloudFront distribution calls it.", (Option("state", "Whether one does.", "boolean"),)),
    "lifecycle-policy": Shape(
        "There are lifecycle policies, or none.",
        (
            Option("state", "Whether there are.", words=("present", "absent"), required=True),
            Option("value", "After how long files move to infrequent access.", "text"),
        ),
    ),
    "lifecycle-rule": Shape(
        "The last rule of the lifecycle policy matches.",
        (
            Option("state", "`true`: it does; else it does not, or there is none.", "boolean"),
            Option("match", "Value filters on the rule.", "list"),
        ),
    ),
}
OF_TYPES: Mapping[tuple[str, str], Shape] = {
    ("redshift", "param"): Shape(PARAMETER.text, (Option("key", "The parameter's name.", "text"), *COMPARED)),
    ("lambda", "has-specific-managed-policy"): Shape("A value filter on the policies of its role.", INNER.options),
}
