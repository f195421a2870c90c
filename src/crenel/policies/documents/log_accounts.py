"""AWS's own accounts that deliver logs into buckets. Cloud Custodian's `cross-account` of s3 always allows them.

Regions that AWS opened later deliver as a service principal instead, and so do these by now where a bucket lets them.
"""

from __future__ import annotations

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
_LOAD_BALANCERS = (
    "127311923021", "033677994240", "027434742980", "797873946194", "098369216593", "985666609251", "054676820928",
    "897822967062", "635631232127", "156460612806", "652711504416", "009996457667", "754344448648", "582318560864",
    "600734575887", "383597477331", "114774131450", "783225319266", "718504428378", "076674570225", "507241528517",
    "048591011584", "190560391635", "638102146993", "037604701340",
)  # fmt: skip
# https://docs.aws.amazon.com/redshift/latest/mgmt/db-auditing.html
_REDSHIFT = (
    "193672423079", "391106570357", "262260360010", "902366379725", "365689465814", "313564881002", "865932855811",
    "090321488786", "760740231472", "361669875840", "762762565011", "404641285394", "907379612154", "053454850223",
    "210876761215", "307160386991", "945612479654", "915173422425", "729911121831", "013126148197", "075028567923",
)  # fmt: skip
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
_TRAILS = (
    "086441151436", "475085895292", "388731089494", "113285607260", "819402241893", "977081816279", "492519147666",
    "903692715234", "284668455005", "216624486486", "035351147821", "859597730677", "282025262664", "814480443879",
)  # fmt: skip

LOG_DELIVERY = (*_LOAD_BALANCERS, *_REDSHIFT, *_TRAILS)
