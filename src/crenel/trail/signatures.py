"""RSA signatures as CloudTrail makes them: PKCS #1 v1.5 with SHA-256, checked to the last byte.

https://www.rfc-editor.org/rfc/rfc8017#section-8.2.2
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_SEQUENCE, _INTEGER, _BITS = 0x30, 0x02, 0x03
# AlgorithmIdentifier of rsaEncryption, and the beginning of a DigestInfo of SHA-256.
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")
_BITS_LEAST, _BITS_MOST = 1024, 16384
_EXPONENT_MOST = 1 << 64
_PADDING_LEAST = 8


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA key: its modulus and its exponent."""

    modulus: int
    exponent: int


def public_key(data: bytes) -> PublicKey:
    """Read a key in DER: PKCS #1, which CloudTrail answers with, or the X.509 form. Raises `ValueError`."""
    body = _only(data, _SEQUENCE)
    if body.startswith(_RSA):
        bits = _only(body[len(_RSA) :], _BITS)
        if not bits.startswith(b"\0"):
            raise ValueError("the key's bits are not whole bytes")
        body = _only(bits[1:], _SEQUENCE)
    first, rest = _take(body, _INTEGER)
    key = PublicKey(_positive(first), _positive(_only(rest, _INTEGER)))
    if not _BITS_LEAST <= key.modulus.bit_length() <= _BITS_MOST or not key.modulus % 2:
        raise ValueError(f"the key's modulus is none, or has not {_BITS_LEAST} to {_BITS_MOST} bits")
    if not 3 <= key.exponent < _EXPONENT_MOST or not key.exponent % 2:
        raise ValueError("the key's exponent is none")
    return key


def verifies(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is that of a message.

    The whole padded block is built and compared; nothing of what the signature decodes to is parsed, so that a
    forger is left no byte to choose.
    """
    size = (key.modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    told = _SHA256 + hashlib.sha256(message).digest()
    padding = size - len(told) - 3
    if len(signature) != size or number >= key.modulus or padding < _PADDING_LEAST:
        return False
    block = pow(number, key.exponent, key.modulus).to_bytes(size, "big")
    return block == b"\0\1" + b"\xff" * padding + b"\0" + told


def _take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the DER value that data begins with, and what follows it."""
    if len(data) < 2 or data[0] != tag:
        raise ValueError("this is no RSA key in DER")
    length, begin = data[1], 2
    if length >= 0x80:
        width = length - 0x80
        begin += width
        length = int.from_bytes(data[2:begin], "big")
        if not 1 <= width <= 4 or len(data) < begin or length < 0x80 or data[2] == 0:
            raise ValueError("a length in the key is not as DER has it")
    if len(data) < begin + length:
        raise ValueError("the key is cut off")
    return data[begin : begin + length], data[begin + length :]


def _only(data: bytes, tag: int) -> bytes:
    content, rest = _take(data, tag)
    if rest:
        raise ValueError("something follows the key")
    return content


def _positive(content: bytes) -> int:
    padded = len(content) > 1 and content[0] == 0
    if not content or content[0] >= 0x80 or (padded and content[1] < 0x80):
        raise ValueError("a number in the key is not as DER has it")
    return int.from_bytes(content, "big")
