"""moto's S3 and the stub, as the tests of the collector have them."""

from tests.collect.conftest import aws, credentials, moto_server, stub

__all__ = ["aws", "credentials", "moto_server", "stub"]
