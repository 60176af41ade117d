"""Numba modules: the same plan in compiled loops."""
