"""Array code: modules for NumPy, JAX, PyTorch and Numba, written from the planner's stages."""
