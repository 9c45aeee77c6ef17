"""What a Prometheus says now of a namespace's models."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import httpx2

from blueprint.addresses import address_of
from blueprint.description import LAB_ID
from blueprint.metrics.queries import matchers
from blueprint.settings import Cluster
from ops.cluster.forwarding import forwarded
from ops.cluster.lab import services
from ops.endpoints.outcome import NotSoError


class Prometheus:
    """Its query API."""

    def __init__(self, url: str, *, seconds: float) -> None:
        self._url = url.rstrip("/")
        self._http = httpx2.Client(timeout=seconds)

    def latest(self, name: str, namespace: str, **labels: str) -> Mapping[str, float]:
        """The value of a recorded series by model; of several of one model, such as its pods', the largest.

        Raises NotSoError when it does not answer.
        """
        query = f"{name}{{{matchers({'namespace': namespace, **labels})}}}"
        found: dict[str, float] = {}
        for one in self._ask(query):
            model, value = one["metric"].get("model", ""), float(one["value"][1])
            if not math.isnan(value):  # a quantile of no request
                found[model] = max(value, found.get(model, value))
        return found

    def values(self, query: str, *, at: float) -> Sequence[tuple[Mapping[str, str], float]]:
        """The elements of a query's answer at a moment, in seconds since 1970: labels and value.

        Raises NotSoError when it does not answer.
        """
        return [(one["metric"], float(one["value"][1])) for one in self._ask(query, time=f"{at:.3f}")]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def _ask(self, query: str, **moment: str) -> Any:
        try:
            answer = self._http.get(f"{self._url}/api/v1/query", params={"query": query, **moment})
            answer.raise_for_status()
            return answer.json()["data"]["result"]
        except httpx2.HTTPStatusError as error:
            said = f"HTTP {error.response.status_code}"
        except httpx2.HTTPError as error:
            said = type(error).__name__
        except (ValueError, KeyError, TypeError):
            said = "no answer of a Prometheus"
        raise NotSoError(f"{self._url}: {said}. --url takes the address of the Prometheus that watches the models.")


@contextlib.contextmanager
def reached(url: str, cluster: Cluster) -> Iterator[str]:
    """Where an address of the cluster is found from this machine: by kubectl, where it leads to a Service.

    In the lab by the file that LLM_LAB_ADDRESSES names, where that has it.

    Raises UnusableError without kubectl, NotSoError when there is no way.
    """
    address = address_of(url)
    if not address.is_service:
        yield url
        return
    namespace, service = address.service_namespace or cluster.namespace.name, address.host.split(".")[0]
    in_lab = (services() or {}).get(f"{namespace}/{service}") if cluster.context == cluster.id == LAB_ID else None
    if in_lab is not None:
        yield in_lab
        return
    way = forwarded(
        "Prometheus",
        context=cluster.context,
        namespace=namespace,
        to=f"service/{service}",
        port=address.port or address.default_port,
    )
    with way as port:
        yield f"{address.scheme}://127.0.0.1:{port}{address.path}"
