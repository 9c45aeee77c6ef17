"""Delivery: what was deployed when, to another revision and back, and a release that returns by itself."""
