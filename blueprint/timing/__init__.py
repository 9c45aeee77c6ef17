"""How long a replica takes to come, and what a change restarts, replaces, doubles or takes off line."""
