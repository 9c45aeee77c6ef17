"""`llm fit`: on which GPUs a model runs, how many, at which length; and how far an estimate was off a real start."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from blueprint.accelerators import ACCELERATORS
from blueprint.engines import SGLANG_DEFAULT_VERSION, VLLM_DEFAULT_VERSION
from blueprint.sizing.config import quantized
from blueprint.sizing.engines import Run
from blueprint.sizing.facts import ModelFacts
from blueprint.sizing.fit import TYPICAL
from blueprint.sizing.logs import Difference, Started, differences, read_log, with_log
from ops.fitting.sources import facts_of_dimensions, facts_of_file, facts_of_lock
from ops.fitting.table import COUNTS, advice, as_json, lines, options
from ops.lockfile import MODELS
from ops.locking.models import model_argument
from ops.project import Project
from ops.table import printable, table

JSON_VERSION = 1
_VERSIONS = {"vllm": VLLM_DEFAULT_VERSION, "sglang": SGLANG_DEFAULT_VERSION}
_DEFAULT_CONTEXT = 8192
_ADVISED = 3
_LARGEST_LOG = 50 * 2**20


@click.command()
@click.argument("model", metavar="[REPOSITORY[@REVISION]]", required=False)
@click.option(
    "--config", type=click.Path(exists=True, path_type=Path), help="A config.json, or a folder that holds one."
)
@click.option("--dimensions", metavar="NAME=N,...", help="Dimensions of a model like Llama in place of a config.json.")
@click.option(
    "--context", type=click.IntRange(16, 10_000_000), help="Longest request. [default: the model's, up to 8192]"
)
@click.option(
    "--typical", type=click.IntRange(1, 10_000_000), default=TYPICAL, show_default=True, help="A usual request."
)
@click.option(
    "--accelerator", "only", multiple=True, type=click.Choice(list(ACCELERATORS)), help="Only these. Repeatable."
)
@click.option(
    "--count", "counts", multiple=True, type=click.Choice(list(map(str, COUNTS))), help="Only so many. Repeatable."
)
@click.option("--engine", type=click.Choice(list(_VERSIONS)), default="vllm", show_default=True)
@click.option("--engine-version", help="Version of the engine. [default: the registry's]")
@click.option("--max-num-seqs", type=click.IntRange(1, 8192), default=256, show_default=True, help="Requests at once.")
@click.option("--max-num-batched-tokens", type=click.IntRange(1, 10_000_000), help="Tokens of one step.")
@click.option("--utilization", type=click.FloatRange(0.05, 0.99), help="gpuMemoryUtilization or memFractionStatic.")
@click.option("--kv-cache-dtype", help="Number format of the KV cache, such as fp8.")
@click.option("--quantization", type=click.Choice(["fp8"]), help="Quantise a model in 16 bits while loading.")
@click.option("--price", "prices", multiple=True, metavar="TYPE=USD", help="Price of one GPU for an hour. Repeatable.")
@click.option("--stack", help="Stack whose cluster.accelerators say prices.")
@click.option(
    "--calibrate", "log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A start-up log."
)
@click.option("--json", "in_json", is_flag=True, help="Print JSON: {version, model, facts, options}.")
def command(
    *,
    model: str | None,
    config: Path | None,
    dimensions: str | None,
    context: int | None,
    typical: int,
    only: Sequence[str],
    counts: Sequence[str],
    engine: str,
    engine_version: str | None,
    max_num_seqs: int,
    max_num_batched_tokens: int | None,
    utilization: float | None,
    kv_cache_dtype: str | None,
    quantization: str | None,
    prices: Sequence[str],
    stack: str | None,
    log: Path | None,
    in_json: bool,
) -> None:
    """Say on which GPUs a model fits, how many of them, and at which length.

    Facts come from models.lock.yaml, from --config, or from --dimensions. A range is what is likely, and in brackets
    what is left when everything takes the most and the least that was measured (docs/foresight.md). A price is what you
    or the stack say; it is unknown otherwise. Exit code 1 when nothing fits.

    --calibrate LOG compares an engine's start-up log with the estimate for the same run instead.
    """
    facts = _facts(model, config, dimensions)
    if quantization is not None:
        if facts.quantization is not None:
            raise click.UsageError(f"--quantization: the model is quantised already, by {facts.quantization.method}.")
        facts = quantized(facts, quantization, 8.0)
    run = Run(
        engine=engine,
        version=engine_version or _VERSIONS[engine],
        memory=0.0,
        max_model_len=context or min(_DEFAULT_CONTEXT, facts.context or _DEFAULT_CONTEXT),
        sequences=max_num_seqs,
        batched=max_num_batched_tokens,
        utilisation=utilization,
        kv_dtype=kv_cache_dtype,
    )
    if log is not None:
        _calibrate(facts, run, log, only, in_json=in_json)
        return
    if facts.context is not None and run.max_model_len > facts.context:
        raise click.UsageError(f"--context: the model was made for {facts.context:,} tokens.")
    wanted = tuple(map(int, counts)) or COUNTS
    found = options(facts, run, only=only, counts=wanted, prices=_prices(prices, stack))
    if in_json:
        shown = [as_json(option, facts, typical=typical) for option in found]
        named = {
            "version": JSON_VERSION,
            "model": model,
            "facts": facts.model_dump(exclude_none=True),
            "options": shown,
        }
        click.echo(json.dumps(named, indent=2))
    else:
        for text in (_head(facts, run), "", *lines(found, facts, typical=typical)):
            click.echo(text)
        for index, text in enumerate(advice(found, facts)):
            if index < _ADVISED:
                click.echo(text if index else f"\n{text}")
    if not any(option.fitted.verdict in ("fits", "tight") for option in found):
        raise click.exceptions.Exit(1)


def _facts(model: str | None, config: Path | None, dimensions: str | None) -> ModelFacts:
    if config is not None and dimensions is not None:
        raise click.UsageError("--config and --dimensions exclude each other.")
    if config is not None:
        return facts_of_file(config)
    if dimensions is not None:
        return facts_of_dimensions(dimensions)
    if model is None:
        raise click.UsageError("Name a model of models.lock.yaml, or give --config or --dimensions.")
    named = model_argument(model)
    if named is None:
        raise click.BadParameter(
            f"{model!r} is no organisation/name or organisation/name@revision.", param_hint="MODEL"
        )
    _, lock = MODELS.load(Project.find().root / MODELS.name)
    return facts_of_lock(lock, named.repository, named.revision)


def _prices(given: Sequence[str], stack: str | None) -> Mapping[str, float]:
    """US dollars of one GPU for an hour, by accelerator: what the stack says, and over it what the options say."""
    found: dict[str, float] = {}
    if stack is not None:
        cluster = Project.find().resolve(stack).cluster
        pools = cluster.accelerators if cluster is not None else {}
        found |= {name: pool.hourly_usd for name, pool in pools.items() if pool.hourly_usd is not None}
    for item in given:
        name, _, number = item.partition("=")
        try:
            price = float(number)
        except ValueError:
            price = 0.0
        if name not in ACCELERATORS or not 0 < price < 1e6:  # noqa: PLR2004  above is a slip, and inf no price
            raise click.BadParameter(
                f"{item!r} is no TYPE=USD with a type of {', '.join(ACCELERATORS)} and a price above 0.",
                param_hint="--price",
            )
        found[name] = price
    return found


def _head(facts: ModelFacts, run: Run) -> str:
    kinds = ", ".join(f"{group.layers} {group.kind}" for group in facts.attention)
    quantization = facts.quantization.method if facts.quantization else "16 bits"
    active = f", {facts.active / 1e9:.1f} active" if facts.active < facts.parameters else ""
    size = f"{facts.parameters / 1e9:.2f} billion parameters{active} in {quantization}"
    return (
        f"{facts.architecture}: {size}; layers: {kinds}; {run.engine} {run.version}, requests of up to "
        f"{run.max_model_len:,} tokens. GiB of each GPU."
    )


def _calibrate(facts: ModelFacts, run: Run, path: Path, only: Sequence[str], *, in_json: bool) -> None:
    run, log = _logged(run, path, only)
    found = list(differences(facts, run, log))
    if in_json:
        keys = ("name", "measured", "low", "likely", "high", "inside", "constants")
        rows = [{key: getattr(one, key) for key in keys} for one in found]
        click.echo(json.dumps({"version": JSON_VERSION, "differences": rows}, indent=2))
        return
    tensor = f", tensor {run.tensor}" if run.tensor > 1 else ""
    where = f"{run.engine} {run.version} on {run.memory:g} GiB{tensor}, {run.max_model_len:,} tokens"
    click.echo(printable(f"{where}; GiB of each GPU"))
    for text in table(
        [("", "LOG", "ESTIMATE", "LOW", "HIGH", "OFF", ""), *map(_compared, found)], right=(1, 2, 3, 4, 5)
    ):
        click.echo(text)
    for one in found:
        if not one.inside:
            click.echo(f"{one.name}: correct {one.constants} in blueprint/sizing/constants.py (docs/foresight.md)")


def _logged(run: Run, path: Path, only: Sequence[str]) -> tuple[Run, Started]:
    """The run as its log says it was, and the log.

    Raises click.ClickException when the log says nothing of memory, click.UsageError when the GPU is not known.
    """
    if path.stat().st_size > _LARGEST_LOG:
        raise click.ClickException(f"{path.name} is larger than a start-up log. Give its first minutes.")
    log = read_log(path.read_text(encoding="utf-8", errors="replace"))
    if not log.measured:
        raise click.ClickException(
            f"{path.name} has none of the lines that vLLM (0.8 and later) and SGLang write about memory at start."
        )
    if log.memory is None and len(only) != 1:
        raise click.UsageError("The log does not say how large the GPU is: name it with one --accelerator.")
    name = only[0] if only else _by_memory(log.memory or 0.0)
    memory = ACCELERATORS[name].memory_gib if name is not None else 0.0
    # What the log says of itself wins over what the options say.
    return with_log(replace(run, accelerator=name, memory=memory), log), log


def _compared(one: Difference) -> tuple[str, str, str, str, str, str, str]:
    log, likely, low, high = (f"{side:.2f}" for side in (one.measured, one.likely, one.low, one.high))
    off = f"{one.likely - one.measured:+.2f}"
    return one.name, log, likely, low, high, off, "" if one.inside else "outside the band"


def _by_memory(memory: float) -> str | None:
    """The accelerator with this much memory: an A100's engine chooses other sizes than an H100's."""
    near = [gpu.name for gpu in ACCELERATORS.values() if abs(gpu.memory_gib - memory) < 0.05]  # noqa: PLR2004  GiB
    return near[0] if len(near) == 1 else None
