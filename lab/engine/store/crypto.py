"""Secrets encrypted by a passphrase, in the format of the Pulumi CLI's passphrase provider.

Format (pulumi/pulumi, sdk/go/common/resource/config/crypt.go and pkg/secrets/passphrase): the key is
PBKDF2-HMAC-SHA256(passphrase, 8 bytes of salt, 1,000,000 rounds), 32 bytes; a text is AES-256-GCM with a nonce of 12
bytes, written `v1:<base64 nonce>:<base64 ciphertext>`; the salt is written `v1:<base64 salt>:<the word pulumi,
encrypted>`, which tells a wrong passphrase from a right one.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from lab.errors import LabError

ROUNDS = 1_000_000
_CHECK = "pulumi"


class Crypter:
    """Encrypts and decrypts with one passphrase and salt. The key is derived at first use; that takes a while.

    passphrase None: nothing can be encrypted or decrypted, and the first attempt says so.
    """

    def __init__(self, salt: bytes, passphrase: str | None, check: str = ""):
        self._salt = salt
        self._passphrase = passphrase
        self._check = check
        self._encrypted: dict[str, str] = {}  # a secret that did not change keeps its ciphertext

    @classmethod
    def new(cls, passphrase: str | None) -> "Crypter":
        """With a salt of its own."""
        return cls(secrets.token_bytes(8), passphrase)

    @classmethod
    def of(cls, state: str, passphrase: str | None) -> "Crypter":
        """With the salt of a stack file or a checkpoint. Raises LabError when it is none."""
        version, _, rest = state.partition(":")
        salt, _, check = rest.partition(":")
        if version != "v1" or not check:
            raise LabError("The encryption salt is not of the form v1:SALT:CHECK; restore it from version control.")
        try:
            return cls(base64.b64decode(salt, validate=True), passphrase, check)
        except binascii.Error:
            raise LabError("The encryption salt is no base64; restore it from version control.") from None

    @property
    def state(self) -> str:
        """The salt as stack files and checkpoints have it."""
        if not self._check:
            self._check = self._sealed(_CHECK, self._cipher)
        return f"v1:{base64.b64encode(self._salt).decode()}:{self._check}"

    def encrypt(self, text: str) -> str:
        """The text, encrypted; the same again for a text that this object has seen."""
        if text not in self._encrypted:
            self._encrypted[text] = self._sealed(text, self._cipher)
        return self._encrypted[text]

    def decrypt(self, sealed: str) -> str:
        """The text. Raises LabError when the passphrase is wrong or missing, or the text was changed."""
        text = _opened(sealed, self._cipher)
        self._encrypted.setdefault(text, sealed)
        return text

    @cached_property
    def _cipher(self) -> AESGCM:
        if self._passphrase is None:
            raise LabError(
                "The stack has secrets, and neither PULUMI_CONFIG_PASSPHRASE nor PULUMI_CONFIG_PASSPHRASE_FILE is set."
            )
        key = PBKDF2HMAC(algorithm=SHA256(), length=32, salt=self._salt, iterations=ROUNDS)
        cipher = AESGCM(key.derive(self._passphrase.encode()))
        if self._check:
            try:
                _opened(self._check, cipher)
            except LabError:
                raise LabError(
                    "The passphrase is not this stack's; set PULUMI_CONFIG_PASSPHRASE to the one it has."
                ) from None
        return cipher

    @staticmethod
    def _sealed(text: str, cipher: AESGCM) -> str:
        nonce = secrets.token_bytes(12)
        sealed = cipher.encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"


def _opened(sealed: str, cipher: AESGCM) -> str:
    version, _, rest = sealed.partition(":")
    nonce, _, body = rest.partition(":")
    if version != "v1":
        raise LabError("An encrypted value is not of the form v1:NONCE:TEXT; it was written by another program.")
    try:
        return cipher.decrypt(base64.b64decode(nonce), base64.b64decode(body), None).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise LabError("An encrypted value cannot be decrypted: it was changed, or belongs to another stack.") from None


def passphrase_of(environment: Mapping[str, str] = os.environ) -> str | None:
    """The passphrase that the CLI would take. Raises LabError when its file cannot be read."""
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    path = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not path:
        return None
    try:
        return Path(path).expanduser().read_text().strip()
    except OSError as error:
        raise LabError(f"PULUMI_CONFIG_PASSPHRASE_FILE: {path}: {error.strerror}") from None
