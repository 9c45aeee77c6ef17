"""Who asks, and whether they may."""

from starlette.requests import Request

from lab.hub.refusal import Refusal
from lab.hub.world import Token, World


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header."""
    scheme, _, value = (authorization or "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" and value.strip() else None


def token_of(world: World, request: Request) -> Token | None:
    """The token that a request carries; None for none and for one that nobody has."""
    return world.tokens.get(bearer(request.headers.get("authorization")) or "")


def authenticated(world: World, request: Request) -> Token:
    """The token that a request carries. Raises Refusal 401 for none and for one that nobody has."""
    token = token_of(world, request)
    if token is None:
        raise Refusal(401, "Invalid credentials", headers={"www-authenticate": "Bearer"})
    return token


def authorized(world: World, request: Request, permission: str, namespace: str) -> Token:
    """The token of a request that may do this in the namespace. Raises Refusal 401 or 403.

    A namespace that does not exist is refused like one of somebody else.
    """
    token = authenticated(world, request)
    if not world.allows(token, permission, namespace):
        raise Refusal(403, f"Forbidden: the token lacks `{permission}` in namespace {namespace}")
    return token
