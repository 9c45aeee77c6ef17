"""Real requests in the lab: an engine process behind every model's pod, and a real proxy in front of them."""

ENGINES = "engine-"
"""How the names of engine processes begin."""

KEYS = "LAB_ENGINE_KEYS"
"""Environment variable with the keys that an engine's callers may use, as a JSON list: command lines are public."""

LEASE = "lab-dataplane"
"""Lease in kube-system whose renewTime says that the data plane is alive and reaches the API server."""

ANSWERS = "lab.llm-inference/answers"
"""Annotation of a pod whose process is here: it answers, and its time to start is over. It is not Ready before."""
