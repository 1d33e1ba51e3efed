"""Signatures by SSH keys in the format of `ssh-keygen -Y` (OpenSSH's PROTOCOL.sshsig): written, read and verified."""

import base64
import hashlib
import struct
from textwrap import wrap

NAMESPACE = "runbook-approval"
EVIDENCE = "runbook-evidence"

_MAGIC, _VERSION, _HASH = b"SSHSIG", 1, b"sha512"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_CURVES = {b"ecdsa-sha2-nistp256": 256, b"ecdsa-sha2-nistp384": 384, b"ecdsa-sha2-nistp521": 521}
_RSA = b"ssh-rsa"
_USABLE = frozenset({b"ssh-ed25519", _RSA, *_CURVES})
_LEAST_RSA_BITS = 2048


class SignatureError(ValueError):
    """A key or a signature that can't be used, or does not fit; the text says why."""


def to_be_signed(message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Give the bytes that the key itself signs: the message's digest, bound to what the signature is for."""
    return _signed_data(_HASH, message, namespace)


def armor(public: bytes, signature: bytes, namespace: str = NAMESPACE) -> str:
    """Write a signature as `ssh-keygen -Y sign` does.

    Args:
        public: the key's public part, as `key_blob` gives it.
        signature: by the key over `to_be_signed`, as the SSH protocol writes it.
    """
    parts = (public, namespace.encode(), b"", _HASH, signature)
    blob = _MAGIC + struct.pack(">I", _VERSION) + b"".join(map(_string, parts))
    return "\n".join((_BEGIN, *wrap(base64.b64encode(blob).decode(), 70), _END, ""))


def verify(signature: str, message: bytes, namespace: str = NAMESPACE) -> bytes:
    """Verify an armored signature over a message, and give the public part of the key that made it.

    Args:
        namespace: what it must have been made for.

    Raises:
        SignatureError: it is none, is for something else, or does not fit the message.
    """
    public, hashed, inner = _read(signature, namespace)
    algorithm, value = _strings(inner, 2)
    data = _signed_data(hashed, message, namespace)
    # The library takes a while to import, and few journals hold signatures.
    from cryptography.exceptions import InvalidSignature

    try:
        _verify(public, algorithm, value, data)
    except InvalidSignature:
        raise SignatureError("it does not fit what was signed") from None
    return public


def key_blob(line: str) -> bytes:
    """Give the public part of a key from its line as in `id_ed25519.pub`.

    Raises:
        SignatureError: it is no such line, or a key that signatures can't be verified by.
    """
    kind, encoded, *_ = (*line.split(), "", "")
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        blob = b""
    if not blob or _strings(blob, 1, rest=True)[0] != kind.encode(errors="replace"):
        raise SignatureError("it is no public key; a line of a .pub file looks like `ssh-ed25519 AAAA… name`")
    _check_usable(blob)
    return blob


def key_line(blob: bytes) -> str:
    """Give a key's line, without a comment."""
    return f"{_kind(blob).decode()} {base64.b64encode(blob).decode()}"


def fingerprint(blob: bytes) -> str:
    """Give a key's fingerprint as `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _read(signature: str, wanted: str) -> tuple[bytes, bytes, bytes]:
    """Give the public key, the name of the hash, and the key's own signature."""
    lines = signature.strip().splitlines()
    if len(lines) < 3 or lines[0].strip() != _BEGIN or lines[-1].strip() != _END:  # noqa: PLR2004 - frame and content
        raise SignatureError("it is no SSH signature")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        raise SignatureError("it is no SSH signature") from None
    if not blob.startswith(_MAGIC + struct.pack(">I", _VERSION)):
        raise SignatureError("it is no SSH signature of a version that is known")
    public, namespace, _, hashed, inner = _strings(blob[len(_MAGIC) + 4 :], 5)
    if namespace != wanted.encode():
        raise SignatureError(f"it was made for another purpose, {namespace.decode(errors='replace')!r}")
    if hashed not in _HASHES:
        raise SignatureError(f"its hash {hashed.decode(errors='replace')!r} is unknown")
    return public, hashed, inner


def _signed_data(hashed: bytes, message: bytes, namespace: str) -> bytes:
    return _MAGIC + b"".join(map(_string, (namespace.encode(), b"", hashed, _HASHES[hashed](message).digest())))


def _verify(public: bytes, algorithm: bytes, value: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    _check_usable(public)
    try:
        key = load_ssh_public_key(key_line(public).encode())
    except ValueError:
        raise SignatureError("its public key is damaged") from None
    rsa_hash = {b"rsa-sha2-256": hashes.SHA256(), b"rsa-sha2-512": hashes.SHA512()}.get(algorithm)
    if isinstance(key, rsa.RSAPublicKey):
        if rsa_hash is None or key.key_size < _LEAST_RSA_BITS:
            raise SignatureError("RSA with SHA-1, or with a key of less than 2048 bits, proves nothing")
        key.verify(value, data, padding.PKCS1v15(), rsa_hash)
    elif algorithm != _kind(public):
        raise SignatureError("it was not made by the key that it names")
    elif isinstance(key, ec.EllipticCurvePublicKey):
        curve_hash = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[_CURVES[algorithm]]
        r, s = (int.from_bytes(number, "big") for number in _strings(value, 2))
        key.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(curve_hash))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(value, data)


def _check_usable(blob: bytes) -> None:
    kind = _kind(blob)
    if kind in _USABLE:
        return
    name = kind.decode("ascii", "replace")
    if kind.startswith(b"sk-"):
        raise SignatureError(f"a key on a security token ({name}) can't be verified here; use another key")
    raise SignatureError(f"keys of type {name!r} can't be used; ed25519, ECDSA and RSA can")


def _kind(blob: bytes) -> bytes:
    return _strings(blob, 1, rest=True)[0]


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _strings(data: bytes, number: int, *, rest: bool = False) -> list[bytes]:
    """Read so many SSH strings; what follows them is refused unless `rest` allows it."""
    found: list[bytes] = []
    at = 0
    while len(found) < number:
        size = int.from_bytes(data[at : at + 4], "big")
        end = at + 4 + size
        if at + 4 > len(data) or end > len(data):
            raise SignatureError("it is cut off or damaged")
        found.append(data[at + 4 : end])
        at = end
    if at != len(data) and not rest:
        raise SignatureError("it has something behind its end")
    return found
