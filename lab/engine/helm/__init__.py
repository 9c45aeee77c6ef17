"""Helm releases as resources, carried out by the real Helm."""
