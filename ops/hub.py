"""Commits of revisions, asked from the Hugging Face Hub or a mirror of it."""

import ipaddress
import logging
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, ModelCardData, ModelInfo, get_session
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from blueprint.sizing.facts import ModelFacts
from ops.sources import CONFIG, Answer, ModelRevision, UnresolvedError, facts_from, is_commit
from ops.terms import Terms, terms_of


class Hub:
    """A hub address.

    The token goes only where nobody on the way can read it: over https, or to this machine. No
    answer's own text is ever repeated, because a server may echo what it was sent.
    """

    def __init__(self, endpoint: str, token: str | None, timeout: float):
        self.description = public_address(endpoint)
        self._timeout = timeout
        self._token_withheld = token is not None and not private_way(endpoint)
        self._has_token = token is not None and not self._token_withheld
        # False, not None: None would take a token that somebody once saved on this machine.
        self._api = HfApi(endpoint=endpoint.rstrip("/"), token=(token if self._has_token else None) or False)
        # It prints warnings that a server puts into headers.
        logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)

    def commit(self, model: ModelRevision) -> Answer:
        """The commit of a revision, and the terms of the model there.

        Raises UnresolvedError when the hub cannot be reached, does not know it, or does not give access.
        """
        try:
            info = self._api.model_info(model.repository, revision=model.revision, timeout=self._timeout)
        except (HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, OSError) as error:
            # Not chained: the cause's text may hold what the server echoed.
            raise UnresolvedError(self._reason(model, error)) from None
        sha = info.sha
        if not is_commit(sha):
            raise UnresolvedError(
                f"{self.description} answered without a commit SHA. Is it the Hub, or a full mirror of it?"
            )
        if is_commit(model.revision) and sha != model.revision:
            raise UnresolvedError(
                f"{self.description} answered with commit {str(sha)[:8]} when asked for "
                f"{model.revision[:8]}. Do not use this hub."
            )
        return Answer(str(sha), _terms(info))

    def facts(self, model: ModelRevision, commit: str) -> ModelFacts | None:
        """What sizing needs of the model at a commit; None where the repository has no config.json.

        Raises UnresolvedError when it cannot be read, or describes a model that sizing does not know.
        """
        address = f"{self._api.endpoint}/{model.repository}/resolve/{commit}/{CONFIG}"
        try:
            # The client drops the token where another host is named on the way.
            answer = get_session().get(
                address,
                headers={"authorization": f"Bearer {self._api.token}"} if self._api.token else {},
                timeout=self._timeout,
                follow_redirects=True,
            )
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return None
            answer.raise_for_status()
            info = self._api.model_info(model.repository, revision=commit, timeout=self._timeout, files_metadata=True)
        except (HfHubHTTPError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, OSError) as error:
            raise UnresolvedError(f"{CONFIG} was not read ({type(error).__name__})") from None
        files = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        return facts_from(answer.content, files)

    def _reason(self, model: ModelRevision, error: Exception) -> str:
        """Why, and what to do, from the kind of the error alone."""
        hub, page = self.description, f"{self.description}/{model.repository}"
        match error:
            case GatedRepoError():
                reason = f"{model.repository} is gated. Accept its licence at {page}, and {self._ask()}"
            case RepositoryNotFoundError():
                reason = (
                    f"{hub} shows no repository {model.repository}. Correct the name; if it is private, {self._ask()}"
                )
            case RevisionNotFoundError():
                reason = (
                    f"{model.repository} has no revision {model.revision}. "
                    f"Choose a branch, tag or commit listed at {page}/tree/main"
                )
            case OfflineModeIsEnabled():
                reason = "HF_HUB_OFFLINE forbids the network. Unset it, or use --from with a local directory."
            case HfHubHTTPError():
                reason = self._status_reason(error.response.status_code)
            case HFValidationError():
                reason = "the Hub allows no such name ('--' and '..' are forbidden in it). Correct the name."
            case httpx2.TimeoutException():
                reason = f"{hub} gave no answer within {self._timeout:g} s. {_NETWORK}"
            case httpx2.HTTPError() | OSError():
                reason = f"{hub} cannot be reached ({type(error).__name__}). {_NETWORK}"
            case _:
                reason = f"{hub} does not answer like the Hub. {_ADDRESS}"
        return reason

    def _status_reason(self, status: int) -> str:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"{self.description} refuses access (HTTP {status}): there is no such repository, or it is "
                f"private or gated. Correct the name, or {self._ask()}"
            )
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return f"{self.description} asks to slow down (HTTP {status}). Try again in some minutes."
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"{self.description} is in trouble (HTTP {status}). Try again later."
        return f"{self.description} does not answer like the Hub (HTTP {status}). {_ADDRESS}"

    def _ask(self) -> str:
        if self._token_withheld:
            return "use an https address: HF_TOKEN is not sent over plain http to another machine."
        if self._has_token:
            return "set HF_TOKEN to a token of an account with read access; the present one has none."
        return "set HF_TOKEN to a token of an account with read access."


def _terms(info: ModelInfo) -> Terms | None:
    """The terms; None where the answer has no word about them, as of a mirror that keeps commits alone."""
    card, tags = info.card_data, info.tags
    if card is None and not tags and info.gated is None:
        return None
    return terms_of(
        vars(card) if isinstance(card, ModelCardData) else {},
        tags if isinstance(tags, list) else [],
        gated=None if info.gated is None else bool(info.gated),
    )


_ADDRESS = "Correct --endpoint or HF_ENDPOINT."
_NETWORK = "Check network, proxy and address (--endpoint or HF_ENDPOINT); --from takes a local directory."


def public_address(endpoint: str) -> str:
    """An address as it may be shown and committed: without user, password, query and fragment."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def private_way(endpoint: str) -> bool:
    """Whether nobody on the way to an address reads what goes there: https, or this machine."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
