"""The part of a JAX or PyTorch module that meets the caller; it is the same text for every cell.

It looks at names, shapes and types alone, so that it works on arrays whose numbers are not known yet.  What the
libraries do differently is in the functions ``_array``, ``_is_whole``, ``_common``, ``_cast``, ``_device``,
``_classes`` and ``_spread_like`` of each.
"""

from __future__ import annotations

CHECKS = '''
def _collect(groups):
    """All given arrays under their keys; a missing or an unknown key is an error."""
    given = {}
    for group, arrays in groups.items():
        keys = KEYS[group]
        if not isinstance(arrays, dict):
            raise ValueError(f"{group} is a {type(arrays).__name__}, expected a dict with the keys {list(keys)}")
        missing = [key for key in keys if key not in arrays]
        unknown = [key for key in arrays if key not in keys]
        if missing or unknown:
            what = f"lacks {missing[0]!r}" if missing else f"has the unknown key {unknown[0]!r}"
            raise ValueError(f"{group} {what}, expected the keys {list(keys)}")
        given.update((key, _array(key, arrays[key])) for key in keys)
    return given


def _axis(given, key, axis):
    """The length of an axis of an array, counted from the end."""
    if given[key].ndim < -axis:
        raise ValueError(f"{key} has shape {tuple(given[key].shape)}, expected {_letters(key, False)}")
    return given[key].shape[axis]


def _letters(key, has_batch):
    """The shape that an array should have, in letters."""
    lead = ([STEPS] if key in TIMED else []) + (["batch"] if has_batch and key in PER_EXAMPLE else [])
    axes = [*lead, *LETTERS[key]]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"


def _unpack(params, inputs, targets=None, initial=None, steps=None):
    """Check everything that is given; sizes, the number of steps, and the arrays with time and batch in front."""
    groups = {"params": params, "inputs": inputs, "targets": targets, "initial": _full_keys(initial)}
    given = _collect({group: arrays for group, arrays in groups.items() if arrays is not None})
    sizes = _sizes(given)
    shapes = _shapes(**sizes)
    timed = [key for key in given if key in TIMED]
    if timed and given[timed[0]].ndim:
        steps = given[timed[0]].shape[0]
    if steps is None or steps < 1:
        raise ValueError(f"the number of steps is {steps}, expected at least 1")
    has_batch, batch = _batch(given, shapes)
    ready = {"steps": steps, "batch": batch, "has_batch": has_batch, "given": given, **sizes}
    ready["device"] = _device(given)
    for key in given:
        _check_shape(given, key, shapes[key], steps, (batch,) if has_batch else ())
    ready["dtype"] = dtype = _common([array for key, array in given.items() if key not in LABELS])
    for key, array in given.items():
        lead = ((steps,) if key in TIMED else ()) + ((batch,) if key in PER_EXAMPLE else ())
        if key in START and tuple(array.shape) == shapes[key]:
            lead = ()
        axes = tuple(size for size, letter in zip(shapes[key], LETTERS[key]) if letter != "1")
        if array.ndim < len(shapes[key]) + len(lead) - (not has_batch and key in PER_EXAMPLE and bool(lead)):
            array = _classes(key, array, shapes[key][0])
        ready[key] = _cast(array, dtype).reshape(lead + axes)
    return ready


def _full_keys(initial):
    """Initial values by their full keys: a state with a single one may be called by its bare name."""
    names = [key.split("[")[0] for key in KEYS["initial"]]
    full = {name: key for name, key in zip(names, KEYS["initial"]) if names.count(name) == 1}
    return {full.get(key, key): value for key, value in (initial or {}).items()}


def _batch(given, shapes):
    """Whether there is a batch axis, and how many examples: told by the first array that has one per example."""
    for key in sorted((k for k in given if k in PER_EXAMPLE), key=lambda k: (k in LABELS, k in START)):
        array, own = given[key], len(shapes[key]) + (key in TIMED)
        if key in LABELS and _is_whole(array) and tuple(array.shape)[array.ndim - 1 :] != shapes[key][:1]:
            own -= 1
        if array.ndim == own + 1:
            return True, array.shape[1 if key in TIMED else 0]
        return False, 1
    return False, 1


def _check_shape(given, key, shape, steps, lead):
    array = given[key]
    have = tuple(array.shape)
    full = ((steps,) if key in TIMED else ()) + (lead if key in PER_EXAMPLE else ()) + shape
    if have == full or (key in START and have == shape):
        return
    if key in LABELS and _is_whole(array) and have == full[:-1]:
        return
    letters = _letters(key, bool(lead))
    labels = f", or integer labels of shape {full[:-1]}" if key in LABELS else ""
    raise ValueError(f"{key} has shape {have}, expected {letters} = {full}{labels}")
'''

LIKE = '''
def _like(array, given):
    """A gradient in the shape of what it belongs to: summed over the batch where that has none."""
    if math.prod(array.shape) > math.prod(given.shape):
        array = array.sum(0)
    return _spread_like(array, given) if array.ndim == 0 else array.reshape(tuple(given.shape))
'''

MODULE_NOTES = """
forward(params, inputs, initial=None) -> (variables, final_state)
loss_and_gradients(params, inputs, targets, initial=None) -> (loss, gradients)

All are dicts of arrays by the names above.  Sequences are time-major, (steps, n) or (steps, batch, n); a column is
an (n,) array.  The loss is summed over the batch.
"""
