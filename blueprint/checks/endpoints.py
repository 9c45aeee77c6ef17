"""One model on Inference Endpoints: parts that contradict each other."""

from collections.abc import Iterator

from blueprint.description import Description, endpoint_name
from blueprint.instances import PREFIXES, instance_accelerator
from blueprint.issues import Issue, KeyPath, looks_like_token
from blueprint.settings import EndpointModel

_NAME_LENGTH = 32
_OWN_TAGS = ("owner:", "pulumi:", "llm-inference:")
"""Beginnings of the tags by which this project tells whose an endpoint is."""


def check(description: Description) -> Iterator[Issue]:
    """Mistakes inside the description of each model with target: endpoint, and of what they share."""
    yield from _namespace(description)
    yield from _api(description)
    yield from _names(description)
    for name, model in description.endpoint_models():
        path = ("models", name)
        if model.owner is None and not description.endpoints_in_lab:
            yield Issue(
                path=(*path, "owner"),
                problem="this key is missing, and endpoints cost money",
                remedy="Name the team that is called at night about this model.",
                reads=(("huggingface", "api"),),
            )
        yield from _instance(path, model)
        yield from _scaling(path, model)
        yield from _access(path, model)
        yield from _tags(path, model)


def _namespace(description: Description) -> Iterator[Issue]:
    namespace = description.settings.huggingface.namespace
    if namespace is not None:
        if looks_like_token(namespace):
            yield Issue(
                path=("huggingface", "namespace"),
                problem="this looks like a token, in clear text",
                remedy="Revoke it, and give the name of the organisation or user that owns the endpoints.",
            )
        return
    for name, _ in description.endpoint_models():
        yield Issue(
            path=("huggingface", "namespace"),
            problem=f"this key is missing, and models.{name} has target: endpoint",
            remedy="Name the organisation or user that owns, and pays for, the endpoints.",
            reads=(("models", name, "target"),),
        )
        return


def _api(description: Description) -> Iterator[Issue]:
    if description.endpoints_in_lab and description.settings.cluster is not None and not description.in_lab:
        yield Issue(
            path=("huggingface", "api"),
            problem="lab is a stand-in that only this machine can reach, and the stack's cluster is not the lab",
            remedy="Remove api, or move the endpoints to a stack whose cluster is the lab or that has none.",
            reads=(("cluster", "context"), ("cluster", "id")),
        )


def _names(description: Description) -> Iterator[Issue]:
    taken: dict[str, str] = {}
    for name, model in description.endpoint_models():
        path = ("models", name, "endpointName")
        live = endpoint_name(name, model).value
        reads = (("models", name, "formerly"), path)
        if len(live) > _NAME_LENGTH:
            yield Issue(
                path=path,
                problem=f"this key is missing, and {live} has {len(live)} characters, where an endpoint's name may "
                f"have {_NAME_LENGTH}",
                remedy=f"Give a name of at most {_NAME_LENGTH} characters; the model's name may stay.",
                reads=reads,
            )
        elif live in taken:
            yield Issue(
                path=path,
                problem=f"{live} is also the endpoint of models.{taken[live]}",
                remedy="Give another name: it is unique in the namespace.",
                reads=(*reads, ("models", taken[live], "endpointName"), ("models", taken[live], "formerly")),
            )
        else:
            taken[live] = name


def _instance(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    if instance_accelerator(model.instance.type) is None:
        known = "; ".join(f"{', '.join(f'{p}*' for p in prefixes)} {kind}" for kind, prefixes in PREFIXES.items())
        yield Issue(
            path=(*path, "instance", "type"),
            problem=f"{model.instance.type} does not tell what accelerator it carries",
            remedy=f"Use a type whose name begins like one of these. {known}.",
        )


def _scaling(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    scaling = model.scaling
    if scaling.min > scaling.max:
        yield Issue(
            path=(*path, "scaling", "min"),
            problem=f"{scaling.min} is above scaling.max, {scaling.max}",
            remedy=f"Use min: {scaling.max} or less, or max: {scaling.min} or more.",
            reads=((*path, "scaling", "max"),),
        )
    if scaling.scale_to_zero_minutes is not None and scaling.min > 0:
        yield Issue(
            path=(*path, "scaling", "scaleToZeroMinutes"),
            problem=f"the endpoint never sleeps at min: {scaling.min}",
            remedy="Use min: 0, or remove scaleToZeroMinutes.",
            reads=((*path, "scaling", "min"),),
        )
    if scaling.pending_requests is not None and scaling.hardware_usage_percent is not None:
        yield Issue(
            path=(*path, "scaling", "hardwareUsagePercent"),
            problem="pendingRequests is given too, and an endpoint follows one measure",
            remedy="Remove one of the two; pendingRequests sees waiting callers, which a busy GPU does not tell.",
            reads=((*path, "scaling", "pendingRequests"),),
        )


def _access(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    at = (*path, "access")
    if model.access == "authenticated" and not model.allow_authenticated:
        yield Issue(
            path=at,
            problem="authenticated lets anyone with a Hugging Face account use the endpoint at your cost",
            remedy="Use private, or confirm with allowAuthenticated: true.",
            reads=((*path, "allowAuthenticated"),),
        )
    if model.access == "public" and not model.allow_public:
        yield Issue(
            path=at,
            problem="public lets anybody use the endpoint at your cost",
            remedy="Use private, or confirm with allowPublic: true.",
            reads=((*path, "allowPublic"),),
        )
    for access, key, allowed in (
        ("authenticated", "allowAuthenticated", model.allow_authenticated),
        ("public", "allowPublic", model.allow_public),
    ):
        if allowed and model.access != access:
            yield Issue(
                path=(*path, key),
                problem=f"true contradicts access: {model.access}",
                remedy=f"Remove {key}.",
                reads=(at,),
            )
    if model.private_service is not None and model.access != "private":
        yield Issue(
            path=(*path, "privateService"),
            problem=f"it keeps the internet out, which contradicts access: {model.access}",
            remedy="Use access: private, or remove privateService.",
            reads=(at,),
        )


def _tags(path: KeyPath, model: EndpointModel) -> Iterator[Issue]:
    seen: set[str] = set()
    for tag in model.tags:
        problem = None
        if tag.startswith(_OWN_TAGS):
            problem = f"{tag} begins like a tag by which this project tells whose an endpoint is"
        elif tag in seen:
            problem = f"{tag} is given twice"
        seen.add(tag)
        if problem is not None:
            yield Issue(path=(*path, "tags"), problem=problem, remedy="Use another tag, each once.")
