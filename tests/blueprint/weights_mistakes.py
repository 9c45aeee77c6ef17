"""The mistakes that people make about where weights are kept, and what each is answered with."""

from tests.blueprint.mistakes import wrong

WEIGHTS_MISTAKES = {
    "one claim for a claim per replica": wrong(
        "models.m.cache",
        {"mode": "perReplica", "existingClaim": "weights"},
        "perReplica makes a claim for each replica",
        "Use mode: shared",
        at="models.m.cache.existingClaim",
    ),
    "shared claims of replicas": wrong(
        "models.m.cache",
        {"mode": "perReplica", "sizeGiB": 10, "accessMode": "ReadWriteMany"},
        "one replica alone mounts each of the claims of perReplica",
        "Remove accessMode",
        at="models.m.cache.accessMode",
    ),
    "download before nothing": wrong(
        "models.m.cache",
        {"mode": "none", "sizeGiB": 10, "preDownload": True},
        "nothing is kept with mode: none",
        "Remove preDownload",
        at="models.m.cache.preDownload",
    ),
}
