"""LoRA adapters of a locked revision, for engines that take a path and no revision."""

from collections.abc import Callable, Mapping

from blueprint.engines.process import ADAPTERS, Fetch
from blueprint.settings.engine import Adapters


def fetched(lora: Adapters | None, pin: Callable[[str, str], str]) -> Mapping[str, Fetch]:
    """What has to be fetched, by the name of the adapter.

    vLLM and SGLang would fetch the newest commit themselves (vllm/lora/utils.py, sglang/srt/lora/lora_config.py).
    """
    found = {}
    for name, adapter in (lora.adapters if lora else {}).items():
        revision = pin(adapter.model, adapter.revision)
        place = "/".join(part.replace("/", "--") for part in (adapter.model, revision))
        found[name] = Fetch(repository=adapter.model, revision=revision, path=f"{ADAPTERS}/{place}")
    return found
