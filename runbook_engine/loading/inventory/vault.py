"""Decrypts what ansible-vault encrypted (AES256, formats 1.1 and 1.2), and remembers which texts are secret."""

import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from runbook_engine.loading.inventory.vault_passwords import VaultPassword, VaultProblemError, read_passwords

HEADER = "$ANSIBLE_VAULT;"
_VERSIONS = frozenset({"1.1", "1.2"})
_CIPHER = "AES256"
_ROUNDS = 10_000
_KEY, _IV = 32, 16
_LABELLED = 4


class Vault:
    """Decrypts with the operator's passwords, which are looked for when the first encrypted text comes.

    Attributes:
        secrets: each decrypted text with what it was encrypted as; empty when a whole file was.

    Args:
        passwords: gives the passwords.
    """

    def __init__(self, passwords: Callable[[], Sequence[VaultPassword]] = read_passwords) -> None:
        self.secrets: dict[str, str] = {}
        self._passwords = passwords
        self._known: Sequence[VaultPassword] | VaultProblemError | None = None

    def decrypt_value(self, encrypted: str) -> str:
        """Give the text of a `!vault` value, and remember it as secret.

        Raises:
            VaultProblemError: it is not in a known format, no password fits, or it is not UTF-8 text.
        """
        try:
            text = self.decrypt(encrypted).decode()
        except UnicodeDecodeError:
            raise VaultProblemError("the encrypted value is not UTF-8 text", "encrypt text only") from None
        if text:
            self.secrets[text] = encrypted
        return text

    def decrypt(self, encrypted: str) -> bytes:
        """Give what was encrypted.

        Raises:
            VaultProblemError: it is not in a known format, or no password fits.
        """
        label, sealed = _parse(encrypted)
        known = self._all()
        # As Ansible does: passwords of the same label first, then all others.
        for password in sorted(known, key=lambda one: one.label != label):
            if (content := _opened(sealed, password.secret)) is not None:
                return content
        tried = ", ".join(dict.fromkeys(password.origin for password in known))
        asked = f" of vault id {label!r}" if label else ""
        raise VaultProblemError(
            f"no vault password{asked} fits (tried: {tried})", "is it the right password, and is the text whole?"
        )

    def _all(self) -> Sequence[VaultPassword]:
        """Look for the passwords once, also when there is something wrong with them."""
        if self._known is None:
            try:
                self._known = self._passwords()
            except VaultProblemError as error:
                self._known = error
        if isinstance(self._known, VaultProblemError):
            raise self._known
        if not self._known:
            raise VaultProblemError(
                "it is encrypted with ansible-vault, and there is no password",
                "set RUNBOOK_VAULT_PASSWORD_FILE (or ANSIBLE_VAULT_PASSWORD_FILE) to the file that holds it",
            )
        return self._known

    def hide_derived(self, value: object) -> None:
        """Remember texts that were made of secret ones."""
        if isinstance(value, dict):
            for one in value.values():
                self.hide_derived(one)
        elif isinstance(value, list):
            for one in value:
                self.hide_derived(one)
        elif isinstance(value, str) and any(secret in value for secret in self.secrets):
            self.secrets.setdefault(value, "")

    def hide(self, value: object) -> None:
        """Remember every text and every long number in the data of an encrypted file as secret."""
        if isinstance(value, dict):
            for one in value.values():
                self.hide(one)
        elif isinstance(value, list):
            for one in value:
                self.hide(one)
        elif isinstance(value, str):
            if value:
                self.secrets.setdefault(value, "")
        elif isinstance(value, int | float) and len(str(value)) >= _SHORTEST_NUMBER:
            self.secrets.setdefault(str(value), "")


_SHORTEST_NUMBER = 6  # shorter ones are ports and counts; to redact them would take numbers out of every record


def is_vaulted(content: bytes) -> bool:
    """Tell whether a file as a whole is encrypted."""
    return content.startswith(HEADER.encode())


@dataclass(frozen=True, slots=True)
class _Sealed:
    """What stands in an envelope: salt, checksum over the ciphertext, ciphertext."""

    salt: bytes
    checksum: bytes
    ciphertext: bytes


def _parse(encrypted: str) -> tuple[str, _Sealed]:
    """Give the label (empty in format 1.1) and the envelope's contents."""
    lines = encrypted.strip().splitlines()
    head = lines[0].strip().split(";") if lines else []
    if len(head) not in {3, _LABELLED} or head[0] != HEADER[:-1] or head[1] not in _VERSIONS or head[2] != _CIPHER:
        raise VaultProblemError(
            "what is encrypted is not in ansible-vault's format 1.1 or 1.2 with AES256",
            "encrypt it with ansible-vault encrypt_string, and keep its lines as they are",
        )
    try:
        inside = binascii.unhexlify("".join(line.strip() for line in lines[1:]))
        salt, checksum, ciphertext = (binascii.unhexlify(part) for part in inside.split(b"\n", 2))
    except ValueError:
        raise VaultProblemError("the encrypted text is damaged", "encrypt it anew; is a line missing?") from None
    return head[3] if len(head) == _LABELLED else "", _Sealed(salt, checksum, ciphertext)


def _opened(sealed: _Sealed, password: bytes) -> bytes | None:
    """Decrypt; nothing when the checksum says that the password is another, or the text was changed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, hmac, padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    keys = _derived(password, sealed.salt)
    check = hmac.HMAC(keys[_KEY : 2 * _KEY], hashes.SHA256())
    check.update(sealed.ciphertext)
    try:
        check.verify(sealed.checksum)
    except InvalidSignature:
        return None
    decryptor = Cipher(algorithms.AES(keys[:_KEY]), modes.CTR(keys[2 * _KEY :])).decryptor()
    unpadder = padding.PKCS7(8 * _IV).unpadder()
    try:
        return unpadder.update(decryptor.update(sealed.ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise VaultProblemError("the encrypted text is damaged", "encrypt it anew") from None


@lru_cache(maxsize=256)
def _derived(password: bytes, salt: bytes) -> bytes:
    """Derive both keys and the counter's start (PBKDF2, as the format says)."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

    return PBKDF2HMAC(algorithm=hashes.SHA256(), length=2 * _KEY + _IV, salt=salt, iterations=_ROUNDS).derive(password)
