"""Functions that a generated NumPy module defines where it uses them."""

from __future__ import annotations

from collections.abc import Mapping

HELPERS: Mapping[str, str] = {
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x)), through tanh: it overflows nowhere."""
    return 0.5 + 0.5 * np.tanh(0.5 * x)
''',
    "softmax": '''
def softmax(x):
    """Along the last axis; the largest entry is taken off first, so that nothing overflows."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
''',
    "log_softmax": '''
def log_softmax(x):
    """The logarithm of the softmax along the last axis, without taking the logarithm of a zero."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))
''',
    "layernorm": '''
def layernorm(x, eps):
    """(x - mean) / sqrt(variance + eps) along the last axis."""
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + eps)
''',
    "step": '''
def step(x, below, above, at_zero):
    """The slope of a function with a kink at 0."""
    return np.where(x > 0, above, np.where(x < 0, below, at_zero)).astype(x.dtype)
''',
}
"""Functions that a module defines where it uses them."""
