"""From the body of a request to an endpoint's configuration: what is refused, coerced, defaulted and dropped.

Strict: required fields, types, replicas, engines, hardware. Lax: a key that nobody declares is dropped without a word,
wherever it stands; an unknown access type becomes private.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lab.hub.crosscheck import Crosscheck
from lab.hub.fields import Reader
from lab.hub.images import VARIANTS
from lab.hub.models import commit_of_unknown
from lab.hub.refusal import Refusal
from lab.hub.world import World

TYPES = ("public", "authenticated", "private")
FRAMEWORKS = ("custom", "pytorch", "llamacpp", "tensorflow", "vllm")
DEFAULT_MINUTES = 15
_LISTED_MINUTES = (15, 30, 45, 60, 120, 180, 360, 720, 1440)
_NAME = re.compile(r"[a-z0-9-]+")
_SHA = re.compile(r"[0-9a-f]{40}")


class Validator:
    """Reads bodies by the rules of one world."""

    def __init__(self, world: World):
        self._world = world
        self._switches = world.switches
        self._crosscheck = Crosscheck(world)

    def create(self, body: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The configuration that a create body asks for, and its secrets' values. Raises Refusal."""
        given = self._reader(body)
        name = given.text("name")
        if not _NAME.fullmatch(name) or len(name) > self._switches.name_length:
            raise given.wrong(
                "name",
                "Must only contains lowercase alphanumeric characters or '-' and have a length of "
                f"{self._switches.name_length} characters maximum",
            )
        provider = given.object("provider")
        config: dict[str, Any] = {
            "name": name,
            "type": self._type(given),
            "provider": {"vendor": provider.text("vendor"), "region": provider.text("region")},
        }
        compute, model = given.object("compute"), given.object("model")
        config["compute"] = _compute(compute)
        config["compute"]["scaling"] = self._scaling(compute.object("scaling"), None)
        config["model"], secrets = self._model(model)
        config |= self._extras(given, {})
        if "privateService" in given:
            config["privateService"] = self._private_service(given)
        self._crosscheck.together(config)
        return config, secrets

    def update(self, body: Any, before: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
        """The configuration after an update body, and the secrets' values when it has secrets. Raises Refusal.

        compute, scaling and the scalars of model are merged; image, env, secrets, args, command and tags are replaced
        whole. What cannot be updated (name, provider, privateService) is dropped without a word.
        """
        given = self._reader(_without_nulls(body) if self._switches.null_in_put == "ignore" else body)
        config = {**before, "compute": {**before["compute"]}, "model": {**before["model"]}}
        if "type" in given:
            config["type"] = self._type(given)
        if "compute" in given:
            compute = given.object("compute")
            config["compute"] |= _compute(compute, before["compute"])
            if "scaling" in compute:
                config["compute"]["scaling"] = self._scaling(compute.object("scaling"), before["compute"]["scaling"])
        secrets = None
        if "model" in given:
            config["model"], secrets = self._model_change(given.object("model"), config["model"])
        config |= self._extras(given, config)
        if "route" in given and config["route"] is None:
            del config["route"]
        self._crosscheck.change(config, before)
        self._crosscheck.together(config)
        return config, secrets

    # -- parts

    def _reader(self, body: Any) -> Reader:
        return Reader(body, layout=self._switches.validation_body)

    def _type(self, given: Reader) -> str:
        kind = given.text("type")
        if kind in TYPES:
            return kind
        if self._switches.unknown_type == "400":
            raise given.wrong("type", f"unknown variant `{kind}`, expected one of {_quoted(TYPES)}")
        return "private"

    def _scaling(self, given: Reader, before: Mapping[str, Any] | None) -> dict[str, Any]:
        known = before or {}
        low = given.integer("minReplica", known.get("minReplica"))
        high = given.integer("maxReplica", known.get("maxReplica"))
        if low < 0:
            raise given.wrong("minReplica", "must be at least 0")
        if high < 1:
            raise given.wrong("maxReplica", "must be at least 1")
        if low > high:
            raise given.wrong("minReplica", f"must not be greater than maxReplica ({high})")
        minutes = known.get("scaleToZeroTimeout")
        if "scaleToZeroTimeout" in given:
            minutes = given.optional_integer("scaleToZeroTimeout")
            self._check_minutes(given, minutes, low)
        if low > 0 and "scaleToZeroTimeout" not in given:
            minutes = None  # left over from a configuration that could sleep
        if low == 0 and minutes is None:
            minutes = DEFAULT_MINUTES
        measure = known.get("measure", {"hardwareUsage": None})
        if "measure" in given:
            measure = _measure(given)
        return {
            "minReplica": low,
            "maxReplica": high,
            "scaleToZeroTimeout": minutes,
            "metric": next(iter(measure)),
            "measure": measure,
        }

    def _check_minutes(self, given: Reader, minutes: int | None, low: int) -> None:
        if minutes is None:
            return
        if minutes < 0:
            raise given.wrong("scaleToZeroTimeout", "must not be negative")
        if low > 0 and self._switches.timeout_needs_min_zero:
            raise given.wrong("scaleToZeroTimeout", "requires minReplica to be 0")
        if self._switches.timeout_minutes == "listed" and minutes not in _LISTED_MINUTES:
            raise given.wrong("scaleToZeroTimeout", f"must be one of {', '.join(map(str, _LISTED_MINUTES))}")

    def _model(self, given: Reader) -> tuple[dict[str, Any], dict[str, str]]:
        repository = given.text("repository")
        self._refuse_null(given)
        secrets = given.texts("secrets") if "secrets" in given else {}
        model: dict[str, Any] = {
            "repository": repository,
            "framework": given.choice("framework", FRAMEWORKS),
            "revision": self._revision(given, repository, given.optional_text("revision")),
            "task": given.optional_text("task"),
            "image": self._image(given),
            "env": given.texts("env") if "env" in given else {},
            "secrets": dict.fromkeys(secrets),
        }
        for name in ("command", "args"):
            if name in given and given.raw(name) is not None:
                model[name] = given.strings(name)
        return model, secrets

    def _model_change(self, given: Reader, before: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
        self._refuse_null(given)
        model, secrets = dict(before), None
        if "repository" in given:
            model["repository"] = given.text("repository")
        if "framework" in given:
            model["framework"] = given.choice("framework", FRAMEWORKS)
        if "revision" in given or "repository" in given:
            model["revision"] = self._revision(given, model["repository"], given.optional_text("revision"))
        if "task" in given:
            model["task"] = given.optional_text("task")
        if "image" in given:
            model["image"] = self._image(given)
        model["env"] = given.texts("env") if "env" in given else before["env"]
        if "secrets" in given:
            secrets = given.texts("secrets")
            model["secrets"] = dict.fromkeys(secrets)
        for name in ("command", "args"):
            if name in given:
                model[name] = given.strings(name)
                if not model[name]:
                    del model[name]
        return model, secrets

    def _refuse_null(self, given: Reader) -> None:
        if self._switches.nulls == "accept":
            return
        for name in ("task", "secrets"):
            if name in given and given.raw(name) is None:
                raise Refusal(422, f"{given.path(name)}: invalid type: null", layout=self._switches.validation_body)

    def _revision(self, given: Reader, repository: str, revision: str | None) -> str:
        """The service keeps the commit that a revision means at this moment [L]."""
        found = self._world.repositories.get(repository)
        if found is None:
            if self._switches.unknown_repository == "400":
                raise given.wrong("repository", f"repository `{repository}` not found")
            return (
                revision if revision and _SHA.fullmatch(revision) else commit_of_unknown(repository, revision or "main")
            )
        commit = found.commit(revision or "main")
        if commit is None and revision and _SHA.fullmatch(revision):
            return revision
        if commit is None:
            raise given.wrong("revision", f"revision `{revision}` not found in `{repository}`")
        return commit

    def _private_service(self, given: Reader) -> dict[str, Any] | None:
        if given.raw("privateService") is None:
            return None
        service, field = given.object("privateService"), self._switches.private_service
        known = ("accountId", "region", "shared") if field == "both" else ("accountId", field)
        return {name: service.raw(name) for name in known if name in service}

    def _image(self, given: Reader) -> dict[str, Any]:
        image = given.object("image")
        keys = [key for key in image if image.raw(key) is not None]
        if len(keys) != 1:
            raise given.wrong("image", "expected exactly one variant" if keys else "expected a variant")
        if keys[0] not in VARIANTS:
            raise given.wrong("image", f"unknown variant `{keys[0]}`, expected one of {_quoted(list(VARIANTS))}")
        variant, container = VARIANTS[keys[0]], image.object(keys[0])
        echoed: dict[str, Any] = {}
        if variant.container:
            echoed = {
                "url": container.text("url"),
                "port": container.integer("port", 80),
                "healthRoute": container.optional_text("healthRoute") or (None if keys[0] == "custom" else "/health"),
                **(variant.defaults or {}),
            }
        for field in sorted(variant.fields & set(container)):
            echoed[field] = container.raw(field)
        if echoed.get("credentials") is not None:
            container.object("credentials").text("username")
            echoed["credentials"] = {"username": "", "password": None}
        return {keys[0]: echoed}

    def _extras(self, given: Reader, before: Mapping[str, Any]) -> dict[str, Any]:
        """The optional fields of the top level, with what the service adds."""
        features = dict(before.get("experimentalFeatures", {"cacheHttpResponses": False}))
        if "experimentalFeatures" in given and given.raw("experimentalFeatures") is not None:
            features |= given.object("experimentalFeatures").mapping()
        if "cacheHttpResponses" in given:
            features["cacheHttpResponses"] = bool(given.raw("cacheHttpResponses"))
        extras: dict[str, Any] = {
            "experimentalFeatures": features,
            "notifications": before.get("notifications", {}),
            "tags": given.strings("tags") if "tags" in given else before.get("tags", []),
        }
        if self._switches.network_and_notifications == "keep":
            extras |= {name: given.raw(name) for name in ("network", "notifications") if given.raw(name) is not None}
        if "customRouter" in given:
            extras["customRouter"] = given.raw("customRouter") or None  # {} takes it away [D]
        if "route" in given:
            route = given.object("route") if given.raw("route") is not None else None
            extras["route"] = route and {"domain": route.text("domain"), "path": route.optional_text("path")}
            if not before and extras["route"] is None:
                del extras["route"]
        return extras


def _compute(given: Reader, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        name: given.text(name) if before is None or name in given else before[name]
        for name in ("accelerator", "instanceType", "instanceSize")
    }


def _measure(given: Reader) -> dict[str, Any]:
    if given.raw("measure") is None:
        return {"hardwareUsage": None}
    measure = given.object("measure")
    keys = list(measure)
    if len(keys) != 1 or keys[0] not in ("hardwareUsage", "pendingRequests"):
        raise given.wrong("measure", "expected one of `hardwareUsage`, `pendingRequests`")
    value = measure.raw(keys[0])
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value <= 0):
        raise measure.wrong(keys[0], "must be a positive number")
    return {keys[0]: value}


def _without_nulls(value: Any) -> Any:
    """A body in which null says nothing, but where it is refused or is a value."""
    if not isinstance(value, Mapping):
        return value
    kept = {key: item for key, item in value.items() if item is not None or key in ("task", "secrets")}
    return {key: item if key == "measure" else _without_nulls(item) for key, item in kept.items()}


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
