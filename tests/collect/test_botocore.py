"""What we use of botocore beyond its public face. If this fails after an upgrade, read `wire` and `endpoints` again."""

import inspect
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore import auth, awsrequest, endpoint_provider, httpsession, parsers, serialize
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crenel.catalog.columns import service_model
from crenel.collect.endpoints import Endpoints, UnknownPlaceError, placed
from crenel.errors import CallError, UnsureError

from .stub import JSON, Answer, Stub


def names(function) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_parts_have_the_signatures_that_we_call() -> None:
    assert names(serialize.create_serializer)[:2] == ["protocol_name", "include_validation"]
    assert names(parsers.ResponseParser.__init__)[1:3] == ["timestamp_parser", "blob_parser"]
    assert names(parsers.ResponseParser.parse) == ["self", "response", "shape"]
    assert names(parsers.BaseJSONParser._parse_body_as_json) == ["self", "body_contents"]
    assert {"json", "rest-json", "query", "ec2", "rest-xml"} <= set(parsers.PROTOCOL_PARSERS)
    assert names(endpoint_provider.EndpointProvider.__init__)[1:3] == ["ruleset_data", "partition_data"]
    assert names(auth.SigV4Auth.__init__)[1:] == ["credentials", "service_name", "region_name"]
    assert names(awsrequest.prepare_request_dict) == ["request_dict", "endpoint_url", "context", "user_agent"]
    assert names(httpsession.URLLib3Session._setup_ssl_cert) == ["self", "conn", "url", "verify"]
    assert names(httpsession.URLLib3Session._get_pool_manager_kwargs) == ["self", "extra_kwargs"]
    assert names(httpsession.URLLib3Session._get_ssl_context) == ["self"]
    assert service_model("ec2").resolved_protocol == "ec2"


@pytest.mark.parametrize(
    ("service", "region", "url", "name", "signed_for"),
    [
        ("ec2", "eu-west-1", "https://ec2.eu-west-1.amazonaws.com", "ec2", "eu-west-1"),
        ("iam", "us-east-1", "https://iam.amazonaws.com", "iam", "us-east-1"),
        ("iam", "us-gov-west-1", "https://iam.us-gov.amazonaws.com", "iam", "us-gov-west-1"),
        ("iam", "cn-north-1", "https://iam.cn-north-1.amazonaws.com.cn", "iam", "cn-north-1"),
        ("s3", "eu-west-1", "https://s3.eu-west-1.amazonaws.com", "s3", "eu-west-1"),
        ("s3express", "us-east-1", "https://s3express-control.us-east-1.amazonaws.com", "s3express", "us-east-1"),
        ("s3control", "us-east-1", "https://123456789012.s3-control.us-east-1.amazonaws.com", "s3", "us-east-1"),
        ("opensearch", "us-east-1", "https://es.us-east-1.amazonaws.com", "es", "us-east-1"),
        ("sagemaker", "us-east-1", "https://api.sagemaker.us-east-1.amazonaws.com", "sagemaker", "us-east-1"),
        ("sts", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn", "sts", "cn-north-1"),
        ("account", "us-east-1", "https://account.us-east-1.amazonaws.com", "account", "us-east-1"),
    ],
)
def test_endpoints_of_aws_itself(service, region, url, name, signed_for) -> None:
    place = Endpoints(Session(), "123456789012").place(service, region)
    assert (place.url, place.signing_name, place.signing_region, place.own) == (url, name, signed_for, True)


def test_directory_buckets_are_asked_for_where_they_are() -> None:
    assert placed("s3", "ListDirectoryBuckets", {}) == "s3express"
    assert placed("s3", "GetBucketLifecycleConfiguration", {"Bucket": "a--use1-az4--x-s3"}) == "s3express"
    assert placed("s3", "GetBucketLifecycleConfiguration", {"Bucket": "a"}) == "s3"
    assert placed("kms", "ListKeys", {}) == "kms"


def test_custom_endpoints_by_the_environment_and_by_the_profile(monkeypatch, tmp_path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile p]\nendpoint_url = http://profile:1\nservices = mine\n[services mine]\nkms =\n  endpoint_url = http://kms:2\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    endpoints = Endpoints(Session(profile="p"), "1")
    assert endpoints.place("kms", "us-east-1").url == "http://kms:2"
    assert endpoints.place("ec2", "us-east-1").url == "http://profile:1"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://all:3/")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://s3:4")
    endpoints = Endpoints(Session(profile="p"), "1")
    assert endpoints.place("s3", "us-east-1").url == "http://s3:4"
    place = endpoints.place("s3control", "us-east-1")
    assert (place.url, place.signing_name, place.own) == ("http://all:3", "s3", False)
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert Endpoints(Session(profile="p"), "1").place("kms", "eu-west-1").url == "https://kms.eu-west-1.amazonaws.com"


def test_fips_and_dualstack(monkeypatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert Endpoints(Session(), "1").place("kms", "us-east-1").url == "https://kms-fips.us-east-1.amazonaws.com"
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "false")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    assert Endpoints(Session(), "1").place("s3", "us-east-1").url == "https://s3.dualstack.us-east-1.amazonaws.com"


def test_an_endpoint_that_can_not_be(monkeypatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", "true")
    with pytest.raises(UnknownPlaceError):
        Endpoints(Session(), "1").place("s3", "not a region!")


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("s3", "GetBucketEncryption", {"Bucket": "my.bucket"}),
        ("iam", "ListAccessKeys", {"UserName": "a/b@c"}),
        ("kms", "DescribeKey", {"KeyId": "k"}),
        ("lambda", "ListFunctions", {"MaxItems": 50}),
        ("ec2", "DescribeSnapshots", {"OwnerIds": ["self"], "MaxResults": 1000}),
    ],
)
def test_we_send_what_a_botocore_client_sends(stub, caller, service, operation, params) -> None:
    """Same method, path, body and signed headers; so AWS takes our signature as it takes botocore's."""
    server = stub(lambda _: Answer(b"", 400))
    with pytest.raises(CallError):
        caller().call(service, operation, params, "us-east-1")
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    client = Session().create_client(service, config=config)
    method = next(name for name, full in client.meta.method_to_api_mapping.items() if full == operation)
    with pytest.raises((ClientError, ResponseParserError)):
        getattr(client, method)(**params)
    client.close()
    ours, theirs = server.asked
    assert (ours.method, ours.path, ours.body) == (theirs.method, theirs.path, theirs.body)
    for header in ("content-type", "x-amz-target", "x-amz-account-id", "x-amz-content-sha256"):
        assert ours.headers.get(header) == theirs.headers.get(header), header
    scope = [one.headers["authorization"].split("/", 1)[1].split("/aws4_request")[0] for one in (ours, theirs)]
    assert scope[0] == scope[1]


def test_s3control_asks_a_custom_endpoint_without_the_account_in_its_name(stub, caller) -> None:
    body = b"<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>"
    server = stub(lambda _: Answer(body, kind="text/xml"))
    answer = caller().call("s3control", "GetPublicAccessBlock", {"AccountId": "123456789012"}, "us-east-1")
    assert answer == {"PublicAccessBlockConfiguration": {"BlockPublicAcls": True}}
    assert server.asked[0].path == "/v20180820/configuration/publicAccessBlock"
    assert server.asked[0].headers["x-amz-account-id"] == "123456789012"
    assert "/s3/aws4_request" in server.asked[0].headers["authorization"]


def certificate(folder: Path, alternative: x509.GeneralName) -> Path:
    """Write a self-signed certificate with its key for one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(("name", "trusted"), [(HERE, True), (HERE, False), (x509.DNSName("elsewhere.example"), True)])
def test_tls_certificates_are_checked(tmp_path, monkeypatch, caller, name, trusted) -> None:
    reached = name == HERE and trusted
    file = certificate(tmp_path, name)
    server = Stub(lambda _: Answer(b'{"Keys": []}', kind=JSON))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True, do_handshake_on_connect=False)
    monkeypatch.setattr(server.server, "handle_error", lambda *_: None)  # refused handshakes are what is tested
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.replace("http:", "https:"))
    if trusted:
        monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    with server.running():
        if reached:
            assert caller().call("kms", "ListKeys", {}, "us-east-1") == {"Keys": []}
        else:
            with pytest.raises(CallError, match="SSL validation failed"):
                caller().call("kms", "ListKeys", {}, "us-east-1")
            with pytest.raises(UnsureError):  # TLS may also break while an answer is read
                caller().alter("kms", "EnableKey", {"KeyId": "k"}, "us-east-1")
