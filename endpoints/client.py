"""Calls of the Inference Endpoints API: by huggingface_hub where it can express them, by the same HTTP client else.

Every call names its namespace and its token, has a time-out, and fails with one of this package's errors, whose text
holds no token. What may be asked twice is asked again when the API is out of breath; a create never is.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import httpx2
from huggingface_hub import HfApi, InferenceEndpoint
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils._http import get_session

from endpoints.access import MANAGE, Access
from endpoints.body import stopped
from endpoints.catalogue import Hardware, hardware_of
from endpoints.errors import AmbiguousError, EndpointsError, RefusedError, TransientError, redacted
from endpoints.requests import create_arguments, update_arguments
from endpoints.session import Destination, destined

Raw = dict[str, Any]
"""An endpoint as the API gives it."""

_Result = TypeVar("_Result")
_BUSY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
_ADVICE = {
    HTTPStatus.UNAUTHORIZED: "The API does not know this token ({variable}).",
    HTTPStatus.FORBIDDEN: "The token ({variable}) may not do this in {namespace}: it needs the permission "
    "{permission} there, and the namespace a payment method.",
    HTTPStatus.TOO_MANY_REQUESTS: "The API asks to slow down.",
}
_PAGE = 100


class EndpointsClient:
    """The endpoints of one namespace.

    patience: seconds for which a call that may be repeated is, before it fails. sleep, clock: of all who wait with this
    client, for tests.
    secrets: more that may stand in no message, beside the tokens.
    """

    def __init__(
        self,
        access: Access,
        namespace: str,
        *,
        patience: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        secrets: tuple[str, ...] = (),
    ):
        self.access = access
        self.namespace = namespace
        self._patience = patience
        self.sleep = sleep
        self.clock = clock
        self._secrets = (*access.secrets, *secrets)
        self._api = HfApi(
            endpoint=access.hub,
            token=access.token,
            library_name="llm-inference",
            library_version=_version(),
        )
        self._named: dict[str, Any] = {"namespace": namespace, "token": access.token}

    def get(self, name: str) -> Raw | None:
        """An endpoint, None where there is none of that name."""
        try:
            return self._again(lambda: self._api.get_inference_endpoint(name, **self._named).raw)
        except RefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def all_endpoints(self) -> Iterator[Raw]:
        """All endpoints of the namespace, over all pages; the library knows only the first."""
        cursor: str | None = None
        while True:
            items, cursor = self._again(partial(self._page, cursor))
            yield from items
            if not cursor:
                return

    def create(self, body: Raw, secrets: Mapping[str, str], registry_password: str | None) -> Raw:
        """Ask for a new endpoint, once.

        Raises RefusedError when there is none; TransientError and AmbiguousError when there may be one by now.
        """
        arguments = create_arguments(body, secrets, registry_password)
        return self._once(lambda: self._api.create_inference_endpoint(**arguments, **self._named).raw)

    def update(self, name: str, change: Raw) -> Raw:
        """Change an endpoint. change: the API's update body, null to clear."""
        arguments = update_arguments(change)
        if arguments is None:
            return self._again(lambda: self._put(name, change))
        return self._again(lambda: self._api.update_inference_endpoint(name, **arguments, **self._named).raw)

    def pause(self, name: str) -> Raw:
        """Stop an endpoint, which costs nothing then. One that is paused stays so."""
        try:
            return self._again(lambda: self._api.pause_inference_endpoint(name, **self._named).raw)
        except RefusedError as error:
            found = self.get(name) if error.status == HTTPStatus.BAD_REQUEST else None
            if found is None or not stopped(found):
                raise
            return found

    def resume(self, name: str) -> Raw:
        """Let a paused endpoint run again. One that runs goes on."""
        return self._again(lambda: self._api.resume_inference_endpoint(name, running_ok=True, **self._named).raw)

    def delete(self, name: str) -> None:
        """Ask for an endpoint's end; fine where there is none."""
        try:
            self._again(lambda: self._api.delete_inference_endpoint(name, **self._named))
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    def hardware(self) -> list[Hardware]:
        """What can be rented, with prices and what is left of the namespace's quota."""
        return self._again(lambda: hardware_of(self._raw("GET", f"/provider/{self.namespace}")))

    def may_manage(self) -> bool | None:
        """Whether the token may do more than look, as the Hub says of it; None where it does not say."""
        return managing(self._once(lambda: json.loads(self._asked("GET", f"{self.access.hub}/api/whoami-v2"))))

    def logs(self, name: str, *, tail: int) -> list[str]:
        """The last lines that the endpoint's container wrote."""
        text = self._again(
            lambda: self._text("GET", f"/endpoint/{self.namespace}/{name}/logs", params={"tail": str(tail)})
        )
        return [self.shown(line, 2000) for line in text.splitlines()][-tail:]

    def shown(self, text: str, limit: int = 600) -> str:
        """A text of the API's as it may be shown."""
        return redacted(text, self._secrets, limit)

    def _put(self, name: str, change: Raw) -> Raw:
        raw = self._raw("PUT", f"/endpoint/{self.namespace}/{name}", json=change)
        return InferenceEndpoint.from_raw(raw, api=self._api, **self._named).raw  # no KeyError for who reads it

    def _page(self, cursor: str | None) -> tuple[list[Raw], str | None]:
        """A page of the endpoints, and where the next one begins."""
        query = {"limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
        page = self._raw("GET", f"/endpoint/{self.namespace}", params=query)
        return [dict(item) for item in page["items"]], page.get("nextCursor")

    def _raw(self, method: str, path: str, **options: Any) -> Any:
        return json.loads(self._text(method, path, **options))

    def _text(self, method: str, path: str, **options: Any) -> str:
        return self._asked(method, f"{self.access.url}/v2{path}", **options)

    def _asked(self, method: str, url: str, **options: Any) -> str:
        headers = {"authorization": f"Bearer {self.access.token}"}
        response = get_session().request(method, url, headers=headers, **options)
        response.raise_for_status()
        return response.text

    def _again(self, call: Callable[[], _Result]) -> _Result:
        """Repeat a call that may be repeated, with full jitter, and never sooner than the API asks for."""
        deadline, pause = self.clock() + self._patience, 0.5
        while True:
            try:
                return self._once(call)
            except TransientError as error:
                wait = max(error.retry_after or 0.0, random.uniform(0, pause))  # noqa: S311  only spreads load
                if self.clock() + wait > deadline:
                    raise
                self.sleep(wait)
                pause = min(2 * pause, 15.0)

    def _once(self, call: Callable[[], _Result]) -> _Result:
        try:
            with destined(Destination(self.access.url)):
                return call()
        # Not chained: a cause may hold the request, with the token in its headers.
        except (HfHubHTTPError, httpx2.HTTPStatusError) as error:
            raise self._answered(error) from None
        except httpx2.HTTPError as error:
            raise TransientError(f"{self.access.url} gave no answer ({type(error).__name__}).") from None
        except (KeyError, ValueError, TypeError) as error:
            raise AmbiguousError(
                f"{self.access.url} gave an answer that cannot be read ({type(error).__name__})."
            ) from None

    def _answered(self, error: HfHubHTTPError | httpx2.HTTPStatusError) -> EndpointsError:
        response = error.response
        status = response.status_code
        said = self.shown(_said(response))
        known = HTTPStatus(status) if status in set(HTTPStatus) else None
        advice = _ADVICE.get(known, "") if known else ""
        advice = advice.format(
            variable=self.access.token_variable, namespace=self.namespace, permission=self.access.permission
        )
        text = " ".join(part for part in (f"HTTP {status}{f': {said}' if said else ''}.", advice) if part)
        kind = TransientError if status in _BUSY else RefusedError
        return kind(text, status=status, retry_after=_retry_after(response))


def managing(account: Mapping[str, Any]) -> bool | None:
    """Whether a token may change endpoints, from the Hub's answer to /api/whoami-v2; None where it does not tell.

    Raises KeyError and TypeError when it is no such answer.
    """
    granted = account["auth"]["accessToken"]
    if granted["role"] in ("read", "write"):
        return bool(granted["role"] == "write")
    if granted["role"] != "fineGrained":
        return None
    fine = granted["fineGrained"]
    return any(
        MANAGE in permissions for permissions in (fine["global"], *(one["permissions"] for one in fine["scoped"]))
    )


def _version() -> str:
    """Of this project; an image that has nothing but the exporter's code does not know it."""
    try:
        return version("llm-inference")
    except PackageNotFoundError:
        return "unknown"


def _said(response: httpx2.Response) -> str:
    """What an error's body says; of a page for browsers, nothing."""
    try:
        body = response.json()
    except (ValueError, httpx2.HTTPError):
        text = response.text if "html" not in response.headers.get("content-type", "") else ""
        return text.rstrip(".")
    if isinstance(body, dict):
        said = body.get("error") or body.get("message") or body.get("errors") or ""
        return (said if isinstance(said, str) else json.dumps(said)).rstrip(".")
    return ""


def _retry_after(response: httpx2.Response) -> float | None:
    """Seconds that the API asks to wait; of a date, nothing, since clocks differ."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if seconds >= 0 else None
