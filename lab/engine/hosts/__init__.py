"""Pulumi's own Python hosts, as child processes: dynamic providers, and policy packs."""
