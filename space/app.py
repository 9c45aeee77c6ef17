"""What the Space runs: the chat page."""

import os

# Before Gradio is imported, which asks the network for its own news otherwise.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from demo.page import launch

if __name__ == "__main__":
    launch()
