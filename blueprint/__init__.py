"""The pure core: settings, locks, facts about engines and accelerators, cross-checks, resolved values.

Plain values in, plain values out. Nothing here touches the network, starts a process or knows Pulumi.
"""
