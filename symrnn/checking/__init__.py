"""Whether formulas are right: derivations line by line, cells as a whole, and other people's answers."""
