"""Digests of tags, asked from a registry by the OCI distribution API."""

import hashlib
import re
from http import HTTPStatus

import httpx2

from ops.locking.challenge import authorization
from ops.locking.credentials import Credentials
from ops.locking.reference import TaggedImage
from ops.sources import UnresolvedError

# An index before a manifest: the digest is then the same for every platform.
_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 4 * 1024 * 1024
"""Bytes of a manifest: what the distribution specification has registries take at least."""
_REDIRECTS = 5
_NETWORK = "Check network, proxy and the registry's name; `--only models` leaves images out."
_NAME = "Correct the registry's name."


class Registry:
    """The registry of one image.

    A login goes only to the registry and to the token server that it names. No answer's own text is ever
    repeated, because a server may echo what it was sent.
    """

    def __init__(self, image: TaggedImage, credentials: Credentials, timeout: float):
        self.address = f"{'http' if image.on_this_machine else 'https'}://{image.host}"
        self._image = image
        self._credentials = credentials
        self._timeout = timeout

    def digest(self) -> str:
        """The digest of the image's tag, which is the sha256 of its index or manifest.

        Raises UnresolvedError when the registry cannot be reached, does not know it, or does not give access.
        """
        try:
            # A proxy has no part in what stays on this machine.
            with httpx2.Client(timeout=self._timeout, trust_env=not self._image.on_this_machine) as client:
                return self._ask(client)
        except httpx2.TimeoutException:
            reason = f"{self.address} gave no answer within {self._timeout:g} s. {_NETWORK}"
        except (httpx2.InvalidURL, ValueError, OverflowError):
            reason = f"{self.address} does not answer like a registry. {_NAME}"
        except (httpx2.HTTPError, OSError) as error:
            reason = f"{self.address} cannot be reached ({type(error).__name__}). {_NETWORK}"
        # Not chained: the cause's text may hold what the server echoed.
        raise UnresolvedError(reason)

    def _ask(self, client: httpx2.Client) -> str:
        answer, body = self._get(client, None)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and _origin(answer.url) == _origin(httpx2.URL(self.address)):
            login = authorization(answer, self._image, self._credentials, client)
            if login is not None:
                answer, body = self._get(client, login)
        if answer.status_code != HTTPStatus.OK:
            raise UnresolvedError(self._status_reason(answer))
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind not in _KINDS:
            raise UnresolvedError(
                f"{self.address} answers neither with an index nor with a manifest of an image. "
                "Is it a registry, and the image not older than Docker's manifests of 2016?"
            )
        return self._checked(answer.headers.get("Docker-Content-Digest"), body)

    def _get(self, client: httpx2.Client, login: str | None) -> tuple[httpx2.Response, bytes]:
        """The answer behind redirects, and its content. The login stays where it was meant for."""
        home = httpx2.URL(self.address)
        url = home.join(f"/v2/{self._image.repository}/manifests/{self._image.tag}")
        for _ in range(_REDIRECTS):
            headers = {"Accept": ", ".join(_KINDS)}
            if login is not None and _origin(url) == _origin(home):
                headers["Authorization"] = login
            with client.stream("GET", url, headers=headers) as answer:
                if not answer.has_redirect_location:
                    return answer, self._read(answer)
                url = url.join(answer.headers["Location"])
            if not self._image.may_lead_to(url.scheme, url.host):
                raise UnresolvedError(f"{self.address} redirects to a server without https. Do not use this registry.")
        raise UnresolvedError(f"{self.address} redirects more than {_REDIRECTS} times. Do not use this registry.")

    def _read(self, answer: httpx2.Response) -> bytes:
        body = b""
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > _LARGEST:
                raise UnresolvedError(f"{self.address} answers with more than a manifest may have. Is it a registry?")
        return body

    def _checked(self, said: str | None, body: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if said is None or said == digest:
            return digest
        if _DIGEST.fullmatch(said) is None:
            said = "no sha256"
        raise UnresolvedError(
            f"{self.address} says the digest is {said}, and sends what has {digest}. Something on the way "
            "changes it, or the registry is damaged: ask again on another way, and do not deploy from here."
        )

    def _status_reason(self, answer: httpx2.Response) -> str:
        status, image = answer.status_code, self._image
        if status == HTTPStatus.NOT_FOUND:
            return (
                f"{self.address} has no tag {image.tag} in {image.repository}. Correct the name; if it is private, "
                f"{self._credentials.advice(image.registry)}"
            )
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"{self.address} refuses access to {image.repository} (HTTP {status}): there is no such repository, "
                f"or it is private. Correct the name, or {self._credentials.advice(image.registry)}"
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = answer.headers.get("Retry-After", "")
            when = f"in {int(wait)} s" if re.fullmatch("[0-9]{1,6}", wait) else "in some minutes"
            return (
                f"{self.address} asks to slow down (HTTP {status}). Try again {when}; a login may have a higher limit."
            )
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"{self.address} is in trouble (HTTP {status}). Try again later."
        return f"{self.address} does not answer like a registry (HTTP {status}). {_NAME}"


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
