"""What the registry knows of an engine besides how it is run: its versions, its flags, and who may set them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Options = Mapping[str, Any]
"""An engine's settings, by the keys of the stack file."""


@dataclass(frozen=True, kw_only=True)
class EngineVersion:
    """What differs between versions; their flags are in the directory ``flags``.

    image: repository and tag, without digest; images.lock.yaml has the digest.
    cuda_major: CUDA major of that image; the node's driver must support at least this one. None: not known.
    user_known: whether it is known under which user other than root the image runs.
    root_only: why it is known that it runs as root only.
    """

    image: str
    cuda_major: int | None
    user_known: bool = True
    root_only: str | None = None


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A setting that is one flag.

    key: below ``engine`` in the stack file, with dots.
    flag: as it is written, with a dot before the key of a JSON value.
    off: the flag that stands for false; without one, false is what the engine does by itself.
    on: whether there is a flag for true; without one, true is what the engine does by itself.
    beside: flags that go with it.
    """

    key: str
    flag: str
    off: str | None = None
    on: bool = True
    beside: Sequence[str] = ()

    def value(self, options: Options) -> Any:
        """What the stack file says of it; None when it says nothing."""
        found: Any = options
        for part in self.key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    def render(self, options: Options) -> list[str]:
        """Its flags, one item each."""
        value = self.value(options)
        if value is None:
            return []
        if value is False:
            return [self.off] if self.off else []
        if value is True:
            return [*self.beside, self.flag] if self.on else []
        shown = f"{value:g}" if isinstance(value, float) else value
        return [*self.beside, f"{self.flag}={shown}"]

    def flags(self) -> Iterator[str]:
        """Every flag that it may become."""
        yield from (*([self.flag] if self.on else []), *([self.off] if self.off else []), *self.beside)


@dataclass(frozen=True, kw_only=True)
class EngineFacts:
    """An engine, in all its versions.

    typed: the settings that are one flag each, in the order in which they are written.
    owned: the other flags that this project writes, or that would undo what it writes: by flag, where to say it
        instead, as a sentence.
    abbreviates: whether ``--max-model`` is taken for ``--max-model-len``.
    underscores: whether ``--max_model_len`` is.
    splits_words: whether the image's entry point takes an argument with spaces apart.
    words_of: by setting that is no flag of its own, the flag that knows the same words.
    """

    title: str
    versions: Mapping[str, EngineVersion]
    default_version: str
    typed: Sequence[Typed]
    owned: Mapping[str, str]
    abbreviates: bool
    underscores: bool
    splits_words: bool = False
    words_of: Mapping[str, str] = field(default_factory=dict)

    def render(self, options: Options) -> list[str]:
        """The flags of all settings that are one flag each."""
        return [flag for typed in self.typed for flag in typed.render(options)]
