"""The Kubernetes provider: what pulumi-kubernetes does, for the kinds that this project registers."""
