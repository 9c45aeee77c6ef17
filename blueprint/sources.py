"""Other places than the Hub from which weights come."""

from blueprint.settings import KubernetesModel

OCI = "oci://"

IMAGE_PATH = "/weights"
"""Where an image with weights is mounted; its root holds the model's files."""


def streams(model: KubernetesModel) -> bool:
    """Whether the engine streams the weights from a bucket."""
    return model.source is not None and not model.source.url.startswith(OCI)


def served_from(model: KubernetesModel) -> str | None:
    """What the engine is given in place of repository and revision; None where the weights come from the Hub."""
    if model.source is None:
        return None
    return model.source.url if streams(model) else IMAGE_PATH
