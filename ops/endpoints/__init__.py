"""The commands around Inference Endpoints: look at a stack's endpoints, pause and resume them, talk to the models."""
