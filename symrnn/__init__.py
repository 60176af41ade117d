"""Gradients of recurrent cells through time, derived as formulas whose every line is checked."""

__version__ = "0.1.0"
