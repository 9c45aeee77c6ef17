"""A real Kubernetes control plane with simulated GPU nodes on one machine; `lab.cluster.control` has it."""
