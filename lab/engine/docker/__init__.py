"""Images as resources: built by the real docker, pushed to a registry of the lab's own."""
