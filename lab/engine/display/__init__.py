"""What a person sees of a deployment: a live tree or plain lines, what changes and why, and the same as JSON."""
