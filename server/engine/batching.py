"""transformers' continuous batching, with our sampler in it and one report per step out of it.

The library's scheduler, paged cache and loop do the work. What it does not offer is overridden here: it copies a whole
answer for every token that is streamed, its loop ends with the first failing step, and a denied request is logged with
its tokens. Held to the version in uv.lock.
"""

from collections.abc import Callable, Collection
from itertools import chain
from typing import Any, Protocol

import torch
from transformers import ContinuousBatchingConfig, GenerationConfig
from transformers.generation.continuous_batching.cache import group_layers_by_attn_type
from transformers.generation.continuous_batching.continuous_api import ContinuousBatchingManager
from transformers.generation.continuous_batching.requests import RequestState

from server.engine import attention
from server.log import LOG

FAILURES = 3
"""So many failing steps in a row end the loop: what failed is the device and not a batch."""


class Listener(Protocol):
    """Whom the loop tells, in its own thread, what happens to requests (by their ids)."""

    def scheduled(self, request_ids: Collection[str]) -> None:
        """These are part of the step that begins."""
        ...

    def sample(self, logits: Any, request_ids: Collection[str]) -> Any:
        """The ids of the next tokens, one for each row of logits."""
        ...

    def finished(self, request_id: str) -> None:
        """Its last token was made."""
        ...

    def failed(self, request_id: str, cause: str) -> None:
        """It was given up."""
        ...

    def stepped(self, *, size: int, waiting: int, running: int, cache_used: float) -> None:
        """A step ended; with size 0 there was none, but requests went away."""
        ...

    def ended(self) -> None:
        """The loop ended: nothing that still waits will be answered."""
        ...


class _Router:
    """Takes the place of the library's OutputRouter: knows only ends, and never sees what was made."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def deliver_batch(self, outputs: list[Any]) -> None:
        for output in outputs:
            self._listener.finished(output.request_id)

    def fail_and_deliver(self, state: Any, error: Exception) -> None:
        # The type alone: a message may quote what the request held.
        self._listener.failed(state.request_id, type(error).__name__)


class Batching(ContinuousBatchingManager):
    """The library's manager: a thread that makes step after step while there are requests."""

    def __init__(self, model: Any, config: ContinuousBatchingConfig, context_length: int, listener: Listener) -> None:
        # A plain generation config: the model's own would bring the library's slow processors.
        super().__init__(model, GenerationConfig(do_sample=False, eos_token_id=-1), config)
        if model.device.type == "cpu" and _attends_to_all(model):
            self._attend_per_request(context_length)
        self._listener = listener
        self._failures = 0
        self._counts = (0, 0)
        self.output_router = _Router(listener)

    def _attend_per_request(self, context_length: int) -> None:
        """Our attention in place of the library's; it reads block tables, which the library offers to GPUs alone."""
        self._original_attn_impl = "sdpa"  # what the manager puts back when it stops
        self.model.set_attn_implementation(attention.NAME)
        settings = self.continuous_batching_config
        settings.max_blocks_per_request = -(-context_length // settings.page_size)

    def prepare(self) -> None:
        """Set the cache up, in the caller's thread: what does not fit in memory is raised here. Then `start`."""
        self.batch_processor = self._create_batch_processor()

    @property
    def alive(self) -> bool:
        """Whether the loop runs and takes requests."""
        return self.is_running() and self.background_thread_status.can_accept_new_requests() is None

    @property
    def cache_tokens(self) -> int:
        """How many tokens the cache holds."""
        return int(self.batch_processor.cache.max_tokens_read)

    def submit(self, request_id: str, prompt: list[int], *, max_new_tokens: int, stop_ids: Collection[int]) -> None:
        """Queue a request."""
        self.input_queue.put(
            RequestState(
                request_id=request_id,
                initial_tokens=prompt,
                max_new_tokens=max_new_tokens,
                eos_token_id=list(stop_ids),
            )
        )
        self._wake_up_loop.set()

    def _create_batch_processor(self) -> Any:
        processor = super()._create_batch_processor()
        processor.model_runner._sample = self._sample  # noqa: SLF001 - the one place where it samples
        return processor

    def _sample(self, scores: Any, output_ids: Any) -> None:
        batch = self.batch_processor.inputs_and_outputs.requests_in_batch
        request_ids = [each.state.request_id for each in batch if each.has_new_token]
        # A row for every request; those whose prompts are not read whole yet have none of their own, and come last.
        if request_ids:
            chosen = self._listener.sample(scores[0, : len(request_ids)], request_ids)
            output_ids[0, : len(chosen)].copy_(chosen)

    def _generation_step(self) -> None:
        """One step. If it fails, so do the requests that are part of it, and the others go on."""
        ios = self.batch_processor.inputs_and_outputs
        self._listener.scheduled([each.state.request_id for each in ios.requests_in_batch])
        attention.begin()
        try:
            super()._generation_step()
        except Exception as error:
            LOG.error("a step of the engine failed", exc_info=error)
            self._failures += 1
            if self._failures == FAILURES:
                raise
            self.batch_processor.handle_batch_error(error)
            ios.requests_in_batch = []  # nothing of this step is to be taken up
        else:
            self._failures = 0

    def _generation_loop_body(self, batch_processor: Any, bootstrapping: bool) -> bool:
        before = self.current_batch
        goes_on = bool(super()._generation_loop_body(batch_processor, bootstrapping))
        scheduler = batch_processor.scheduler
        counts = len(scheduler.waiting_requests), len(scheduler.active_requests)
        stepped = self.current_batch > before
        # Without a step the loop only looks for work; what it then finds cancelled is told too.
        if stepped or counts != self._counts:
            self._counts = counts
            self._listener.stepped(
                size=batch_processor.inputs_and_outputs.num_request_in_batch if stepped else 0,
                waiting=counts[0],
                running=counts[1],
                cache_used=_cache_used(batch_processor.cache),
            )
        return goes_on

    def _run_generation_loop(self, use_inference_mode: bool) -> None:
        try:
            super()._run_generation_loop(use_inference_mode)
        finally:
            self._listener.ended()


def _attends_to_all(model: Any) -> bool:
    """Whether every layer looks at all tokens before it, not at a window of them, and in the plain way."""
    plain = model.config._attn_implementation == "sdpa"  # noqa: SLF001 - there is no public name for it
    return plain and set(group_layers_by_attn_type(model.config.get_text_config())) == {"full_attention"}


def _cache_used(cache: Any) -> float:
    """The share of blocks that requests hold. Blocks kept for prefixes to come are free for the taking."""
    allocators = cache.cache_allocators.values()
    held = sum(len(set(chain.from_iterable(each.block_table.values()))) for each in allocators)
    return held / int(sum(each.num_blocks for each in allocators))


def batching_config(
    *, max_running_requests: int, cache_tokens: int | None, max_batch_tokens: int | None
) -> ContinuousBatchingConfig:
    """The library's settings. Our sampler looks at requests, which no CUDA graph and no step made ahead can."""
    page = ContinuousBatchingConfig().page_size
    return ContinuousBatchingConfig(
        num_blocks=None if cache_tokens is None else max(1, cache_tokens // page),
        max_requests_per_batch=max_running_requests,
        max_batch_tokens=max_batch_tokens,
        use_cuda_graph=False,
        use_async_batching=False,
    )


def started(make: Callable[[], Batching]) -> Batching:
    """A manager whose cache and thread are in inference mode, which is the cheapest: both take it from here."""
    with torch.inference_mode():
        batching = make()
        batching.prepare()
        batching.start()
    return batching
