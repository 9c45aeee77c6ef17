"""The project and its program: configuration, and the child process that runs it."""
