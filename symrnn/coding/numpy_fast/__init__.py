"""The fast NumPy module: everything for all times at once that can be, with buffers of its own."""
