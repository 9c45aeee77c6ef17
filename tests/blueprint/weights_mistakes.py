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
    "nodes without their names": wrong(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "path": "/mnt/models"},
        "this key is missing, and mode is node",
        "kubernetes.io/hostname",
        at="models.m.cache.nodes",
    ),
    "nodes without a directory": wrong(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "nodes": ["gpu-1"]},
        "this key is missing, and mode is node",
        "Name the directory",
        at="models.m.cache.path",
    ),
    "nodes of a shared claim": wrong(
        "models.m.cache.nodes", ["gpu-1"], "mode shared knows no nodes", "Remove nodes, or use mode: node"
    ),
    "a path that leads upwards": wrong(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "nodes": ["gpu-1"], "path": "/mnt/../etc"},
        "'/mnt/../etc' does not have the allowed form",
        "the directory of each node",
        at="models.m.cache.path",
    ),
    "a node twice": wrong(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "nodes": ["gpu-1", "gpu-1"], "path": "/mnt/models"},
        "gpu-1: given more than once",
        "Give each node once",
        at="models.m.cache.nodes",
    ),
    "a class of the nodes' disks": wrong(
        "models.m.cache",
        {"mode": "node", "sizeGiB": 10, "nodes": ["gpu-1"], "path": "/mnt/models", "storageClass": "fast"},
        "mode node keeps weights in a directory of the nodes",
        "Remove storageClass",
        at="models.m.cache.storageClass",
    ),
    "a bucket with a cache": wrong(
        "models.m.source",
        {"url": "s3://models/qwen"},
        "shared keeps what comes from the Hub",
        "Use mode: none",
        at="models.m.cache.mode",
    ),
    "a source of another kind": wrong(
        "models.m.source",
        {"url": "ftp://models/qwen"},
        "'ftp://models/qwen' does not have the allowed form",
        "s3://bucket/path",
        at="models.m.source.url",
    ),
    "an image by its tag": wrong(
        "models.m.source",
        {"url": "oci://registry.example.com/models/qwen:1"},
        "names no digest",
        "Append @sha256:",
        at="models.m.source.url",
        also={"models.m.cache": {"mode": "none", "sizeGiB": 10}},
    ),
    "a secret of variables for a file": wrong(
        "models.m.source",
        {"url": "gs://models/qwen", "secret": "gcs"},
        "credentials of gs:// are a file",
        "s3:// with HMAC keys",
        at="models.m.source.secret",
        also={"models.m.cache": {"mode": "none", "sizeGiB": 10}},
    ),
    "a revision of a bucket": wrong(
        "models.m.source",
        {"url": "s3://models/qwen"},
        "is a revision of the Hub",
        "Remove revision",
        at="models.m.revision",
        also={"models.m.cache": {"mode": "none", "sizeGiB": 10}, "models.m.revision": "main"},
    ),
}
