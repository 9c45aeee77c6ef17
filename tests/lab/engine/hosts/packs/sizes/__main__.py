import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError


def seen(args, report):
    if args.resource_type == "test:index:Seen":
        context = [pulumi.get_project(), pulumi.get_stack(), pulumi.Config("test").get("word")]
        provider = args.provider and [args.provider.name, args.provider.props["context"]]
        options = [args.opts.protect, list(args.opts.ignore_changes), args.opts.custom_timeouts.create_seconds]
        report(repr([args.name, args.props["size"], sorted(args.props), options, provider, context]))


def largest(args, report):
    if args.resource_type == "test:index:Thing" and args.props["size"] > args.get_config()["largest"]:
        report(f"{args.props['size']:g} is too large")


def trimmed(args):
    if args.resource_type == "test:index:Long":
        if args.props["text"] == UNKNOWN_STRING_VALUE:
            raise UnknownValueError(UNKNOWN_STRING_VALUE, ["text"])
        # A changed copy would have lost which of the values are secret.
        args.props["text"] = args.props["text"][:3]
        return args.props
    return None


def strict(args, _report):
    if args.resource_type == "test:index:Strange":
        raise KeyError(args.props["size"])


def all_of_one_family(args, report):
    heads = [each for each in args.resources if each.resource_type == "test:index:Head"]
    children = [each for each in args.resources if each.parent in heads]
    if len(heads) > 1:
        report(f"{len(heads)} heads with {len(children)} children")
        report("one head too many", heads[-1].urn)


PolicyPack(
    name="sizes",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy("seen", "Says what it sees.", seen, enforcement_level=EnforcementLevel.ADVISORY),
        ResourceValidationPolicy(
            "largest",
            "Things are small.",
            largest,
            config_schema=PolicyConfigSchema({"largest": {"type": "integer", "minimum": 1, "default": 10}}),
        ),
        ResourceValidationPolicy(
            "trimmed", "Texts are short.", remediate=trimmed, enforcement_level=EnforcementLevel.REMEDIATE
        ),
        ResourceValidationPolicy("strict", "Nothing is strange.", strict),
        StackValidationPolicy("family", "There is one head.", all_of_one_family),
    ],
)
