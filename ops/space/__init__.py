"""The demo of a Hugging Face Space: what of it is pushed, whether it may be, and the push."""
