"""What only shows when the parts of a configuration are read together: hardware, parallel sizes, reserved variables."""

from collections.abc import Mapping
from typing import Any

from lab.hub.catalogue import Compute
from lab.hub.images import VARIANTS, engine
from lab.hub.refusal import Refusal, invalid
from lab.hub.world import World


class Crosscheck:
    """Checks by the catalogue and the switches of one world."""

    def __init__(self, world: World):
        self._world = world
        self._switches = world.switches

    def together(self, config: dict[str, Any]) -> None:
        """Check a configuration, and give it the identifier of its hardware. Raises Refusal."""
        compute = self._hardware(config)
        config["compute"]["id"] = compute.id
        name = engine(config)
        variant, image = VARIANTS[name], config["model"]["image"][name]
        for variable in {*config["model"]["env"], *config["model"]["secrets"]} & set(variant.reserved):
            raise self._invalid("model.env", f"`{variable}` is reserved")
        if compute.accelerator != "gpu" or not variant.parallel:
            return
        sizes = [image[field] for field in variant.parallel if image.get(field) is not None]
        if not sizes and compute.accelerators > 1 and self._switches.multi_gpu_needs_parallelism:
            raise self._invalid(
                f"model.image.{name}", f"`tensorParallelSize` is required on {compute.accelerators} GPUs"
            )
        product = 1
        for size in sizes:
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise self._invalid(f"model.image.{name}", "parallel sizes are positive integers")
            product *= size
        if sizes and product != compute.accelerators:
            raise self._invalid(
                f"model.image.{name}",
                f"tensorParallelSize x dataParallelSize is {product}, the instance has {compute.accelerators} GPUs",
            )

    def _hardware(self, config: Mapping[str, Any]) -> Compute:
        provider, compute = config["provider"], config["compute"]
        found = self._world.catalogue.find(
            **provider,
            accelerator=compute["accelerator"],
            type=compute["instanceType"],
            size=compute["instanceSize"],
        )
        wanted = f"{compute['accelerator']} {compute['instanceType']} {compute['instanceSize']}"
        if found is None:
            raise self._invalid("compute", f"no {wanted} in {provider['vendor']} {provider['region']}")
        if not found.deployable:
            raise self._invalid("compute", f"{found.id} is {found.status}")
        return found

    def change(self, config: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Check what may not be changed. Raises Refusal."""
        if self._switches.engine_change == "400" and engine(config) != engine(before):
            raise self._invalid("model.image", "the inference engine of an endpoint cannot be changed")
        kinds = config["compute"]["accelerator"], before["compute"]["accelerator"]
        if self._switches.accelerator_change == "400" and kinds[0] != kinds[1]:
            raise self._invalid("compute.accelerator", f"cannot be changed from {kinds[1]} to {kinds[0]}")

    def _invalid(self, path: str, problem: str) -> Refusal:
        return invalid(path, problem, self._switches.validation_body)
