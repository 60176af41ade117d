"""The schedule for short vectors: few calls per step, on stacked vectors."""
