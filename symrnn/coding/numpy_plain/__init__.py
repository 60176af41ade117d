"""The plain NumPy module: the recursion line by line."""
