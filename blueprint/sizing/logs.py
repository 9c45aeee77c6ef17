"""What an engine's start-up log says of memory, and how far an estimate was off it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace

from blueprint.sizing.constants import GIB
from blueprint.sizing.engines import Run
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import fit


@dataclass(frozen=True, kw_only=True)
class Started:
    """Of one start: sizes in GiB of each GPU. What the log does not say is None."""

    engine: str | None = None
    version: str | None = None
    memory: float | None = None
    utilisation: float | None = None
    tensor: int | None = None
    pipeline: int | None = None
    length: int | None = None
    sequences: int | None = None
    batched: int | None = None
    eager: bool | None = None
    kv_dtype: str | None = None
    weights: float | None = None
    non_torch: float | None = None
    activation: float | None = None
    graphs: float | None = None
    kv: float | None = None
    tokens: int | None = None
    concurrency: float | None = None

    @property
    def measured(self) -> bool:
        """Whether it says anything that an estimate can be held to."""
        return any(value is not None for value in (self.weights, self.kv, self.tokens))


def _whole(text: str) -> int:
    return int(text.replace(",", ""))


def _true(text: str) -> bool:
    return text == "True"


_NUMBER = r"(-?[\d.]+)"

_LINES: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    # vLLM. Lines of 0.8 to 0.31: vllm/v1/worker/gpu_worker.py, gpu_model_runner.py, core/kv_cache_utils.py.
    ("version", r"LLM engine \(v([^)]+)\)", str),
    ("tensor", r"tensor_parallel_size=(\d+)", int),
    ("pipeline", r"pipeline_parallel_size=(\d+)", int),
    ("length", r"max_seq_len=(\d+)", int),
    ("eager", r"enforce_eager=(True|False)", _true),
    ("kv_dtype", r"kv_cache_dtype=(\w+)", str),
    ("sequences", r"'max_num_seqs': (\d+)", int),
    ("batched", r"max_num_batched_tokens=(\d+)", int),
    ("weights", rf"(?:Model loading took|model weights take|Loading model weights took) {_NUMBER} ?Gi?B", float),
    ("weights", rf"Actual usage is {_NUMBER} GiB for weight", float),
    ("memory", rf"Free memory on device \([\d.]+/{_NUMBER} GiB\)", float),
    ("memory", rf"total_gpu_memory \({_NUMBER}GiB\)", float),
    ("utilisation", rf"Desired GPU memory utilization is \({_NUMBER},", float),
    ("utilisation", rf"gpu_memory_utilization \({_NUMBER}\)", float),
    ("activation", rf"{_NUMBER} GiB for peak activation", float),
    ("activation", rf"PyTorch activation peak memory takes {_NUMBER}GiB", float),
    ("activation", rf"torch peak memory increase: {_NUMBER}GiB", float),
    ("non_torch", rf"{_NUMBER} GiB for non-torch memory", float),
    ("non_torch", rf"non_torch_memory takes {_NUMBER}GiB", float),
    ("non_torch", rf"non-torch forward increase memory: {_NUMBER}GiB", float),
    ("graphs", rf"{_NUMBER} GiB for CUDAGraph memory", float),
    ("graphs", rf"Graph capturing finished in \d+ secs, took {_NUMBER} GiB", float),
    ("kv", rf"Available KV cache memory: {_NUMBER} GiB", float),
    ("kv", rf"reserved for KV Cache is {_NUMBER}GiB", float),
    ("tokens", r"GPU KV cache size: ([\d,]+) tokens", _whole),
    ("concurrency", rf"Maximum concurrency for [\d,]+ tokens per request: {_NUMBER}x", float),
    # SGLang: srt/model_executor/model_runner.py, srt/mem_cache/memory_pool.py.
    ("weights", rf"Load weight end\..*?mem usage={_NUMBER} GB", float),
    ("tokens", r"KV Cache is allocated\..*?#tokens: (\d+)", int),
    ("utilisation", rf"mem_fraction_static={_NUMBER}", float),
    ("tensor", r"\btp_size=(\d+)", int),
    ("pipeline", r"\bpp_size=(\d+)", int),
    ("length", r"context_len(?:gth)?=(\d+)", int),
)

_SGLANG_SIZES = re.compile(rf"KV Cache is allocated\..*?K size: {_NUMBER} GB, V size: {_NUMBER} GB")
_SGLANG_SIZE = re.compile(rf"KV Cache is allocated\..*?KV size: {_NUMBER} GB")
_SGLANG = re.compile(r"KV Cache is allocated\.|Load weight (?:begin|end)\.")
_PATTERNS = tuple((name, re.compile(pattern), read) for name, pattern, read in _LINES)
_FRACTION = re.compile(r"\d+(\.\d+)?|-\d+(\.\d+)?")


def read_log(text: str) -> Started:
    """What a log says; of lines that every worker prints, the first."""
    found: dict[str, object] = {}
    for name, pattern, read in _PATTERNS:
        match = pattern.search(text)
        if match is None or name in found:
            continue
        if read is float and not _FRACTION.fullmatch(match[1]):
            continue
        found[name] = read(match[1])
    if _SGLANG.search(text):
        found["engine"] = "sglang"
        both, one = _SGLANG_SIZES.search(text), _SGLANG_SIZE.search(text)
        if both is not None:
            found["kv"] = float(both[1]) + float(both[2])
        elif one is not None:
            found["kv"] = float(one[1])
    elif found:
        found["engine"] = "vllm"
    known = {field.name for field in fields(Started)}
    return Started(**{name: value for name, value in found.items() if name in known})  # type: ignore[arg-type]


def with_log(run: Run, log: Started) -> Run:
    """A run as the log says it was; what the log does not say stays."""
    said: Mapping[str, object | None] = {
        "engine": log.engine,
        "version": log.version,
        "memory": log.memory,
        "utilisation": log.utilisation,
        "tensor": log.tensor,
        "pipeline": log.pipeline,
        "max_model_len": log.length,
        "sequences": log.sequences,
        "batched": log.batched,
        "eager": log.eager,
        "kv_dtype": log.kv_dtype,
    }
    return replace(run, **{name: value for name, value in said.items() if value is not None})  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One measured number beside its estimate. unit: GiB, or none. constants: what to correct."""

    name: str
    measured: float
    low: float
    likely: float
    high: float
    constants: str

    @property
    def inside(self) -> bool:
        """Whether the measured number is inside the band, to the hundredth that logs are rounded to."""
        return self.low - 0.01 <= self.measured <= self.high + 0.01


def differences(facts: ModelFacts, run: Run, log: Started) -> Iterator[Difference]:
    """Each number that the log has and the estimate, too.

    run: with what the log says.
    """
    fitted = fit(facts, run)
    terms = fitted.terms or {}
    for name, measured, key, constants in (
        ("weights", log.weights, "weights", "loaded, loaded.quantized, loaded.mxfp4"),
        ("non-torch", log.non_torch, "non-torch", "vllm.non_torch.one, vllm.non_torch.many"),
        ("activation", log.activation, "activation", "vllm.sampler, vllm.forward, vllm.activation"),
        ("graphs", log.graphs, "graphs", "vllm.graphs, vllm.graphs.layers"),
    ):
        band = terms.get(key)
        if measured is not None and band is not None:
            yield Difference(
                name=name,
                measured=measured,
                low=band.low / GIB,
                likely=band.likely / GIB,
                high=band.high / GIB,
                constants=constants,
            )
    if log.kv is not None and fitted.kv is not None:
        kv = fitted.kv
        yield Difference(
            name="KV cache",
            measured=log.kv,
            low=kv.low / GIB,
            likely=kv.likely / GIB,
            high=kv.high / GIB,
            constants="those of what else it says; else a term that the estimate lacks",
        )
    if log.kv and log.tokens and fitted.request is not None:
        length = fitted.run.max_model_len
        exact = fitted.request.bytes(length) / length / 2**10
        yield Difference(
            name="KiB per token",
            # Of requests of the longest length; where a log tells how many there are, this is the surer number.
            measured=log.kv * 2**20 / (log.concurrency * length if log.concurrency else log.tokens),
            low=exact * 0.99,
            likely=exact,
            high=exact * 1.01,
            constants="none: derived from the config; blueprint/sizing/layers.py",
        )
