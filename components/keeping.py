"""Objects that outlive the stack: left behind by `down`, taken over by the next `up`.

The provider creates with upsert_existing_objects then, which is a server-side apply. An apply conflicts where somebody
else manages a field with another value, so foreign objects of the same name are refused as before; what was kept is
taken from the manager of the former stack by force, and nothing else is.
"""

from collections.abc import Mapping

from pulumi import ResourceOptions


def kept(*, keep: bool) -> ResourceOptions:
    """The options of an object that is to be kept."""
    return ResourceOptions(retain_on_delete=True) if keep else ResourceOptions()


def kept_annotations(*, keep: bool) -> Mapping[str, str]:
    """The annotations of an object that is to be kept."""
    return {"pulumi.com/patchForce": "true"} if keep else {}
