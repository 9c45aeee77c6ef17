"""Models under load in virtual time: what their engines, GPUs and scalers would tell a Prometheus, hours in seconds.

Nothing here waits or listens. What is scraped of an engine is made by lab/dataplane/metrics.py, for both.
"""
