"""JAX and PyTorch modules: the same plan on their arrays."""
