"""The commands around Inference Endpoints: look at a stack's endpoints, what they cost, pause and resume them."""
