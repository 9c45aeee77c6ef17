"""The push of the demo to its Space: one commit by the Hub's API, after which the Space is what space/ is."""

import logging
import warnings
from collections.abc import Sequence
from http import HTTPStatus

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

from endpoints.errors import redacted
from ops.endpoints.outcome import NotSoError, UnusableError
from ops.hub import private_way, public_address
from ops.space.files import SpaceFile

_KEPT = ".gitattributes"
"""The Hub's own: it says what is in LFS there."""


def push(repository: str, files: Sequence[SpaceFile], *, endpoint: str, token: str, message: str) -> str:
    """Make the Space hold these files and no others; it is made, private, where there is none. The URL of the Space.

    Raises UnusableError for a token or a name that the Hub does not take, NotSoError when it has another reason.
    """
    if not private_way(endpoint):
        raise UnusableError("HF_ENDPOINT: use https. HF_TOKEN is not sent over plain http to another machine.")
    hub = public_address(endpoint)
    # It says on its own what we say, and repeats what a server sends.
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)
    api = HfApi(endpoint=endpoint.rstrip("/"), token=token)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _push(api, repository, files, message)
    # Not chained: a cause holds the request, with the token in its headers.
    except HFValidationError:
        raise UnusableError(f"{repository} is no name of a Space: it is written OWNER/NAME.") from None
    except HfHubHTTPError as error:
        status, said = error.response.status_code, redacted(error.server_message or "", (token,))
        raise _refusal(repository, hub, status, said) from None
    except OfflineModeIsEnabled:
        raise UnusableError("HF_HUB_OFFLINE forbids the network. Unset it.") from None
    except (httpx2.HTTPError, OSError) as error:
        raise NotSoError(f"{hub} cannot be reached ({type(error).__name__}). What was pushed is seen there.") from None
    except (ValueError, KeyError, TypeError) as error:
        said = redacted(str(error), (token,))
        raise NotSoError(f"{hub} does not take it, or does not answer like the Hub: {said}") from None
    return f"{hub}/spaces/{repository}"


def _push(api: HfApi, repository: str, files: Sequence[SpaceFile], message: str) -> None:
    # Private: its owner shows it to others once it has its secrets. One that exists stays as it is.
    api.create_repo(repository, repo_type="space", space_sdk="gradio", private=True, exist_ok=True)
    there = api.space_info(repository)
    names = {file.name for file in files}
    gone = [one.rfilename for one in there.siblings or [] if one.rfilename not in names | {_KEPT}]
    api.create_commit(
        repository,
        [
            *(CommitOperationAdd(path_in_repo=file.name, path_or_fileobj=file.path) for file in files),
            *(CommitOperationDelete(path_in_repo=name, is_folder=False) for name in gone),
        ],
        repo_type="space",
        commit_message=message,
        # What came meanwhile is not deleted unseen.
        parent_commit=there.sha,
    )


def _refusal(repository: str, hub: str, status: int, said: str) -> NotSoError | UnusableError:
    head = f"{hub} answered HTTP {status}{f': {said}' if said else ''}."
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        owner = repository.partition("/")[0]
        return UnusableError(f"{head} HF_TOKEN needs write access to Spaces of {owner}.")
    if status == HTTPStatus.PRECONDITION_FAILED:
        return NotSoError(f"{head} Somebody has pushed to {repository} meanwhile. Look at it, and push again.")
    return NotSoError(f"{head} What was pushed is seen there.")
