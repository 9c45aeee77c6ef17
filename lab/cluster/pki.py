"""Keys, certificates, the token and the kubeconfig of one lab."""

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

import trustme
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.cluster.settings import write_private

FRONT_PROXY = "front-proxy-client"
"""Common name of the API server's certificate towards servers behind it; nobody else speaks for users there."""

CONTEXT = "lab"
"""Name of the context, the cluster and the user in the kubeconfig."""


@dataclass(frozen=True)
class Pki:
    """Files of a lab's `pki/` folder.

    An authority's own key is thrown away after use, so nothing else can ever be signed by it.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        """Certificate of the authority that everything here trusts."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Certificate for localhost: of every server, and of those who talk to etcd."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """Key of that certificate."""
        return self.folder / "server.key"

    @property
    def service_account_key(self) -> Path:
        """What signs service account tokens."""
        return self.folder / "service-accounts.key"

    @property
    def service_account_public_key(self) -> Path:
        """What checks service account tokens."""
        return self.folder / "service-accounts.pub"

    @property
    def tokens(self) -> Path:
        """The API server's token file: token, user, uid, groups."""
        return self.folder / "tokens.csv"

    @property
    def webhook(self) -> Path:
        """Folder with certificate and key under the names that controller-runtime reads."""
        return self.folder / "webhook"

    @property
    def front_proxy_authority(self) -> Path:
        """Certificate by which a server behind the API server knows it. Of its own: no client is known by it."""
        return self.folder / "front-proxy-ca.pem"

    @property
    def front_proxy_certificate(self) -> Path:
        """The API server's certificate towards servers behind it."""
        return self.folder / "front-proxy.pem"

    @property
    def front_proxy_key(self) -> Path:
        """Key of that certificate."""
        return self.folder / "front-proxy.key"

    def ensure(self) -> None:
        """Make what is missing; files that belong together are made anew together."""
        self._ensure_servers()
        # Apart from the others, which a home of an earlier version has, with its token.
        self._ensure_front_proxy()
        self._copy()

    def _ensure_front_proxy(self) -> None:
        if _all_there(self.front_proxy_authority, self.front_proxy_certificate, self.front_proxy_key):
            return
        authority = trustme.CA(organization_name="llm-inference lab, front proxy")
        _write_identity(
            authority, FRONT_PROXY, self.front_proxy_authority, self.front_proxy_certificate, self.front_proxy_key
        )

    def _ensure_servers(self) -> None:
        if _all_there(
            self.authority,
            self.certificate,
            self.key,
            self.service_account_key,
            self.service_account_public_key,
            self.tokens,
        ):
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_identity(
            trustme.CA(organization_name="llm-inference lab"), "lab", self.authority, self.certificate, self.key
        )
        signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        write_private(
            self.service_account_key,
            signer.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
        )
        write_private(
            self.service_account_public_key,
            signer.public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
            .decode(),
        )
        write_private(self.tokens, f'{secrets.token_urlsafe(32)},lab,lab,"system:masters"\n')

    def _copy(self) -> None:
        self.webhook.mkdir(mode=0o700, exist_ok=True)
        for name, file in (("tls.crt", self.certificate), ("tls.key", self.key)):
            copy, text = self.webhook / name, file.read_text()
            if not copy.is_file() or copy.read_text() != text:
                write_private(copy, text)

    def write_kubeconfig(self, path: Path, *, port: int) -> None:
        """Write a kubeconfig that refers to no other file, so that it can be copied."""
        authority = self.authority.read_bytes()
        token = self.tokens.read_text().split(",", 1)[0]
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": CONTEXT,
                    "cluster": {
                        "server": f"https://127.0.0.1:{port}",
                        "certificate-authority-data": base64.b64encode(authority).decode(),
                    },
                }
            ],
            "users": [{"name": CONTEXT, "user": {"token": token}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
            "current-context": CONTEXT,
        }
        text = yaml.safe_dump(config, sort_keys=False)
        if not path.is_file() or path.read_text() != text or path.stat().st_mode & 0o077:
            path.unlink(missing_ok=True)
            write_private(path, text)


def _all_there(*files: Path) -> bool:
    return all(file.is_file() and file.stat().st_size for file in files)


def _write_identity(authority: trustme.CA, name: str, ca: Path, certificate: Path, key: Path) -> None:
    leaf = authority.issue_cert("localhost", "127.0.0.1", common_name=name)
    write_private(ca, authority.cert_pem.bytes().decode())
    write_private(certificate, "".join(pem.bytes().decode() for pem in leaf.cert_chain_pems))
    write_private(key, leaf.private_key_pem.bytes().decode())
