"""moto's S3, as the tests of the collector have it."""

from tests.collect.conftest import aws, credentials, moto_server

__all__ = ["aws", "credentials", "moto_server"]
