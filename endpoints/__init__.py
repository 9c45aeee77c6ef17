"""The client of Hugging Face's Inference Endpoints: what the provider and the commands share."""
