"""Where the state lives, and how its secrets are kept: the CLI's own formats."""
