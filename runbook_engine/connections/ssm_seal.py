"""Seals what passes through Systems Manager, whose history keeps every command and its output for a month to read.

The target makes a key pair; we send it a random key under the public one, and both seal with that. The formats are
those of `openssl`, in the oldest version that hosts still have (1.0.2): RSA-OAEP, and AES-256-CBC with a key derived
by SHA-256 from the random key and a salt.
"""

import base64
import binascii
import gzip
import hashlib
import os
import secrets
import zlib

from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_SALTED = b"Salted__"
_BLOCK = 128

# The target's side of the functions below; $s is the session's folder. OpenSSL 3 warns of the derivation.
SHELL = r"""unseal() { base64 -d | openssl enc -d -aes-256-cbc -md sha256 -pass "file:$s/key" 2>/dev/null | gzip -dc; }
seal() { openssl enc -aes-256-cbc -md sha256 -salt -pass "file:$s/key" 2>/dev/null | base64 | tr -d '\n'; }
"""


def new_key() -> str:
    """Give a random key, as one line that `openssl -pass file:` reads."""
    return secrets.token_hex(32)


def wrapped(key: str, public: bytes) -> str:
    """Encrypt the key for the target's public key (PEM), as base64.

    Raises:
        ValueError: that is no RSA key.
    """
    other = serialization.load_pem_public_key(public)
    if not isinstance(other, rsa.RSAPublicKey):
        raise ValueError("the target's key is not RSA")  # noqa: TRY004 - it is the target's answer that is wrong
    # SHA-1 is what openssl's OAEP means unless told otherwise; nothing here rests on its collisions.
    oaep = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 - see above
    return base64.b64encode(other.encrypt(key.encode(), oaep)).decode()


def seal(content: bytes, key: str) -> str:
    """Compress and seal content for `unseal` on the target, as base64."""
    salt = os.urandom(8)
    padder = padding.PKCS7(_BLOCK).padder()
    packed = gzip.compress(content, 6)
    encryptor = _cipher(key, salt).encryptor()
    sealed = encryptor.update(padder.update(packed) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(_SALTED + salt + sealed).decode()


def unseal(text: str, key: str) -> bytes:
    """Open what the target sealed (base64 of the compressed content).

    Raises:
        ValueError: it is cut off, damaged, or sealed with another key.
    """
    try:
        content = base64.b64decode(text, validate=True)
        if not content.startswith(_SALTED):
            raise ValueError("it does not begin as sealed content does")
        decryptor = _cipher(key, content[8:16]).decryptor()
        unpadder = padding.PKCS7(_BLOCK).unpadder()
        packed = unpadder.update(decryptor.update(content[16:]) + decryptor.finalize()) + unpadder.finalize()
        return gzip.decompress(packed)
    except (binascii.Error, zlib.error, EOFError, OSError) as error:
        raise ValueError(str(error)) from error


def _cipher(key: str, salt: bytes) -> Cipher[modes.CBC]:
    secret = key.encode()
    first = hashlib.sha256(secret + salt).digest()
    second = hashlib.sha256(first + secret + salt).digest()
    return Cipher(algorithms.AES(first), modes.CBC(second[:16]))
