"""RSA signatures, beside what `cryptography` makes and says of them."""

from __future__ import annotations

import base64
import contextlib
import hashlib

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from crenel.trail.signatures import _SHA256, PublicKey, public_key, verifies

from .material import der, private_key

MESSAGE = b"2026-11-01T01:01:31Z\nbucket/key\nhash\nnull"
# Of AWS's documentation, with its fingerprint: the MD5 of the DER.
DOCUMENTED = (
    "MIIBCgKCAQEAn11L2YZ9h7onug2ILi1MWyHiMRsTQjfWE+pHVRLk1QjfWhirG+lpOa8NrwQ/r7Ah5bNL6HepznOU9XTDSfmmnP97mqyc7z/upfZdS"
    "/AHhYcGaz7n6Wc/RRBU6VmiPCrAUojuSk6/GjvA8iOPFsYDuBtviXarvuLPlrT9kAd4Lb+rFfR5peEgBEkhlzc5HuWO7S0y+KunqxX6jQBnXGMtxmPB"
    "PP0FylgWGNdFtks/4YSKcgqwH0YDcawP9GGGDAeCIqPWIXDLG1jOjRRzWfCmD0iJUkz8vTsn4hq/5ZxRFE7UBAUiVcGbdnDdvVfhF9C3dQiDq3k7adQI"
    "ziLT0cShgQIDAQAB"
)


def signed(message: bytes = MESSAGE, algorithm: hashes.HashAlgorithm | None = None) -> bytes:
    return private_key().sign(message, padding.PKCS1v15(), algorithm or hashes.SHA256())


def made(block: bytes) -> bytes:
    """Sign a block that may be padded as one likes, as only the key's owner can."""
    numbers = private_key().private_numbers()
    number = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(256, "big")


def test_a_key_in_both_its_forms() -> None:
    numbers = private_key().public_key().public_numbers()
    x509 = private_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert public_key(der(private_key())) == public_key(x509) == PublicKey(numbers.n, numbers.e)


def test_a_key_of_the_documentation() -> None:
    assert public_key(base64.b64decode(DOCUMENTED)).modulus.bit_length() == 2048


@pytest.mark.parametrize("bits", [1024, 2049, 3072, 4096])
def test_signatures_of_keys_of_any_length(bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    signature = key.sign(MESSAGE, padding.PKCS1v15(), hashes.SHA256())

    assert verifies(public_key(der(key)), MESSAGE, signature)
    assert not verifies(public_key(der(key)), MESSAGE + b"\n", signature)


@settings(deadline=None, max_examples=200)
@given(position=st.integers(0, 2047), message=st.binary(max_size=200))
def test_one_bit_is_enough(position: int, message: bytes) -> None:
    key = public_key(der(private_key()))
    signature = signed(message)
    other = bytearray(signature)
    other[position // 8] ^= 1 << position % 8

    assert verifies(key, message, signature)
    assert not verifies(key, message, bytes(other))
    with pytest.raises(InvalidSignature):
        private_key().public_key().verify(bytes(other), message, padding.PKCS1v15(), hashes.SHA256())


def test_signatures_that_are_none() -> None:
    key = public_key(der(private_key()))
    good = signed()
    larger = int.from_bytes(good, "big") + key.modulus  # the same number, modulo the modulus
    pss = private_key().sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())

    for signature in (b"", good[:-1], b"\0" + good, good + b"\0", bytes(256), larger.to_bytes(257, "big"), pss):
        assert not verifies(key, MESSAGE, signature)
    assert not verifies(key, MESSAGE, signed(algorithm=hashes.SHA384()))
    assert not verifies(public_key(der(private_key(1))), MESSAGE, good)


def test_paddings_that_a_lax_reader_takes() -> None:
    """Bleichenbacher's: short padding with bytes of the forger's choice behind the hash, or within the algorithm."""
    key = public_key(der(private_key()))
    told = _SHA256 + hashlib.sha256(MESSAGE).digest()
    no_parameters = bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + hashlib.sha256(MESSAGE).digest()
    full = 256 - 3

    assert verifies(key, MESSAGE, made(b"\0\1" + b"\xff" * (full - len(told)) + b"\0" + told))
    for block in (
        b"\0\1" + b"\xff" * 8 + b"\0" + told + bytes(full - 8 - len(told)),
        b"\0\1" + b"\xff" * (full - len(no_parameters)) + b"\0" + no_parameters,
        b"\0\2" + b"\xff" * (full - len(told)) + b"\0" + told,
        b"\0\1" + b"\xfe" + b"\xff" * (full - len(told) - 1) + b"\0" + told,
        b"\0\1" + b"\xff" * (full - len(told)) + b"\1" + told,
    ):
        assert not verifies(key, MESSAGE, made(block))


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_what_is_no_key(data: st.DataObject) -> None:
    """Cut off, prolonged, or with another byte: an error, or another key; never a crash."""
    good = der(private_key())
    cut = data.draw(st.integers(0, len(good) - 1))
    for bad in (good[:cut], good + b"\0"):
        with pytest.raises(ValueError, match=r"key|DER"):
            public_key(bad)
    other = bytearray(good)
    other[cut] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(ValueError):
        assert public_key(bytes(other)) != public_key(good)


@pytest.mark.parametrize(
    "hexadecimal",
    [
        "",
        "30",
        "3080",
        "308000",
        "3003020103",  # one number alone
        "30060201ff020103",  # a negative modulus
        "30080203000005020103",  # a number with a zero too many
        "3081060201050201" + "03",  # a length with a byte too many
        "3006020105020103",  # five is no modulus
        "3085000000000602010502" + "0103",
    ],
)
def test_der_that_is_none(hexadecimal: str) -> None:
    with pytest.raises(ValueError, match=r"key|DER"):
        public_key(bytes.fromhex(hexadecimal))
