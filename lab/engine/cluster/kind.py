"""The provider resource's own configuration: which cluster it is."""

from lab.engine.cluster.both import ObjectsAndReleases
from lab.engine.cluster.provider import KubernetesProvider
from lab.engine.helm.provider import Releases
from lab.engine.helm.tool import Helm
from lab.engine.helm.troubles import Watch
from lab.engine.provider import Checked, Diff, Provider
from lab.engine.registry import Kind
from lab.engine.values import PropertyMap, bare

_SUPPORTED = ("context", "kubeconfig", "clusterIdentifier", "version", "cluster", "upsertExistingObjects")


class Kubernetes(Kind):
    """The kind of provider: one cluster each."""

    async def check(self, news: PropertyMap) -> Checked:
        """Refuse, by name, options that would change what this provider does."""
        failures = [(key, "the lab's engine does not support this option") for key in news if key not in _SUPPORTED]
        return Checked(news, failures)

    def diff(self, olds: PropertyMap, news: PropertyMap) -> Diff:
        """Another cluster identity is another cluster; without one, another context is."""
        found = super().diff(olds, news)
        decisive = ("clusterIdentifier",) if news.get("clusterIdentifier") else ("context", "cluster", "kubeconfig")
        replaces = [key for key in decisive if olds.get(key) != news.get(key)]
        return Diff(changes=found.changes, replaces=replaces, detailed=found.detailed, changed=found.changed)

    async def connect(self, inputs: PropertyMap) -> Provider:
        """The provider; one that knows why it cannot reach the cluster when it cannot."""
        objects = await KubernetesProvider.connect(inputs)
        settings = bare(inputs)
        helm = Helm(settings.get("kubeconfig") or "", settings.get("context") or None)
        return ObjectsAndReleases(objects, Releases(helm, Watch(objects.api), objects.unreachable))
