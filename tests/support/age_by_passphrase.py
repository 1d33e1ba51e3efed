"""Age files by a passphrase that cost next to nothing to open: the library takes a second for each, by design.

Written after the format's specification (age-encryption.org/v1), with a work factor of 2^4.
"""

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LOG_N = 4


def by_passphrase(plaintext, passphrase, *, armoured=True):
    """Encrypt less than 64 KiB by a passphrase."""
    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    wrap = hashlib.scrypt(passphrase.encode(), salt=label, n=1 << LOG_N, r=8, p=1, dklen=32)
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %s %d\n%s\n---" % (_b64(salt), LOG_N, _b64(body))
    mac = hmac.new(_derived(file_key, b"", b"header"), header, "sha256").digest()
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(bytes(11) + b"\1", plaintext, None)
    content = header + b" " + _b64(mac) + b"\n" + nonce + payload
    if not armoured:
        return content
    text = base64.b64encode(content)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN AGE ENCRYPTED FILE-----", *lines, b"-----END AGE ENCRYPTED FILE-----", b""])


def _b64(data):
    return base64.b64encode(data).rstrip(b"=")


def _derived(key, salt, info):
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(key)
