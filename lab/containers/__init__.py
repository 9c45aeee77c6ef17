"""Containers whose program is on this machine: run with the files, arguments and addresses that their pod gives them.

The kernel's namespaces give each one a root folder and a network of its own, without any right on this machine.
"""
