"""NumPy source: expressions, helper functions, and what a module takes."""
