"""RPC v2 CBOR, the protocol of which newer SDKs think first: botocore's own reader and writer, the other way about.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

import io
from typing import Any

from botocore.parsers import RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

PROTOCOL = "smithy-rpc-v2-cbor"
HEADERS = (("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"))


def read(body: bytes) -> dict[str, Any]:
    """Return the parameters in a request's body."""
    if not body:
        return {}
    found = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body)))
    return found if isinstance(found, dict) else {}


def written(document: dict[str, Any], shape: Any) -> bytes:  # noqa: ANN401 (one of botocore's shapes)
    """Write a document of a shape."""
    found = bytearray()
    RpcV2CBORSerializer()._serialize_data_item(found, document, shape)  # noqa: SLF001 (there is no public way)
    return bytes(found)


def refused(code: str, message: str) -> bytes:
    """Write an error."""
    parts = [_text("__type"), _text(code), _text("message"), _text(message)]
    return bytes([0xA2]) + b"".join(parts)


def _text(text: str) -> bytes:
    """Write a text of up to 65,535 bytes."""
    data = text.encode()
    return bytes([0x79]) + len(data).to_bytes(2, "big") + data
