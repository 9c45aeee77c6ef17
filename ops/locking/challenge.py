"""How a registry asks for a login: the WWW-Authenticate header, and the token server that it names."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import httpx2

from ops.locking.credentials import Credentials
from ops.locking.reference import TaggedImage
from ops.sources import UnresolvedError

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"', re.IGNORECASE)
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")


def challenges(headers: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """The ways to log in that a refusal names: parameters by scheme, in small letters."""
    found: dict[str, Mapping[str, str]] = {}
    for header in headers:
        scheme, _, rest = header.strip().partition(" ")
        found[scheme.lower()] = {key.lower(): value for key, value in reversed(_PARAMETER.findall(rest))}
    return found


def authorization(
    refusal: httpx2.Response, image: TaggedImage, credentials: Credentials, client: httpx2.Client
) -> str | None:
    """The Authorization header that a refusal asks for; None when there is no login for it.

    Raises UnresolvedError when the token server gives no token.
    """
    offered = challenges(refusal.headers.get_list("WWW-Authenticate"))
    basic = credentials.basic(image.registry)
    if "bearer" in offered:
        return f"Bearer {_token(offered['bearer'], image, basic, client, credentials)}"
    if "basic" in offered and basic is not None:
        return f"Basic {basic}"
    return None


def _token(
    parameters: Mapping[str, str],
    image: TaggedImage,
    basic: str | None,
    client: httpx2.Client,
    credentials: Credentials,
) -> str:
    realm = httpx2.URL(parameters.get("realm", ""))
    if not image.may_lead_to(realm.scheme, realm.host):
        raise UnresolvedError(
            f"{image.registry} sends logins to a token server without https. Do not use this registry, or correct it."
        )
    asked = {"scope": parameters.get("scope") or f"repository:{image.repository}:pull"}
    if "service" in parameters:
        asked["service"] = parameters["service"]
    # No redirect is followed: nobody but the named server gets the login.
    answer = client.get(
        realm.copy_merge_params(asked), headers={"Authorization": f"Basic {basic}"} if basic is not None else {}
    )
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise UnresolvedError(
            f"the token server of {image.registry} refuses access to {image.repository} "
            f"(HTTP {answer.status_code}). If the name is right, {credentials.advice(image.registry)}"
        )
    if answer.status_code != HTTPStatus.OK:
        raise UnresolvedError(
            f"the token server of {image.registry} gives no token (HTTP {answer.status_code}). Try again later."
        )
    try:
        content = answer.json()
    except ValueError:
        content = None
    token = (content.get("token") or content.get("access_token")) if isinstance(content, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise UnresolvedError(f"the token server of {image.registry} answers without a token. Try again later.")
    return token
