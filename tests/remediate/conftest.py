"""moto's account and credentials of nobody, as the tests of reading have them."""

from tests.collect.conftest import aws, caller, credentials, moto_server, stub

__all__ = ["aws", "caller", "credentials", "moto_server", "stub"]
