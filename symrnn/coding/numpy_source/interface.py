"""The part of a generated module that meets the caller: names, shapes and labels checked, arrays made ready.

The module states its arrays in small tables; the code that checks them is the same in every module.  Every error is a
ValueError that names the array, its shape and the one expected.
"""

from __future__ import annotations

from symrnn.coding import python_source as py
from symrnn.coding.numpy_source.expression import NumpyWriter
from symrnn.coding.numpy_source.lengths import Lengths
from symrnn.coding.options import DEFAULTS, CodeOptions
from symrnn.coding.python_source import Source
from symrnn.emitting.text import to_text
from symrnn.language import Cell, Index
from symrnn.planning.interface import Interface, SizeRule
from symrnn.planning.system import System

CHECKS = '''
def _collect(groups, optional=()):
    """All given arrays under their keys; a missing or an unknown key is an error."""
    given = {}
    for group, arrays in groups.items():
        keys = KEYS[group] + tuple(key for key in optional if group == "initial" and key in arrays)
        if not isinstance(arrays, dict):
            raise ValueError(f"{group} is a {type(arrays).__name__}, expected a dict with the keys {list(keys)}")
        missing = [key for key in keys if key not in arrays]
        unknown = [key for key in arrays if key not in keys]
        if missing or unknown:
            what = f"lacks {missing[0]!r}" if missing else f"has the unknown key {unknown[0]!r}"
            raise ValueError(f"{group} {what}, expected the keys {list(keys)}")
        given.update((key, np.asarray(arrays[key])) for key in keys)
    for key, array in given.items():
        if array.dtype.kind not in "fciub":
            raise ValueError(f"{key} holds {array.dtype}, expected numbers")
    return given


def _axis(given, key, axis):
    """The length of an axis of an array, counted from the end."""
    if given[key].ndim < -axis:
        raise ValueError(f"{key} has shape {given[key].shape}, expected {_letters(key, False)}")
    return given[key].shape[axis]


def _letters(key, has_batch):
    """The shape that an array should have, in letters."""
    lead = ([STEPS] if key in TIMED else []) + (["batch"] if has_batch and key in PER_EXAMPLE else [])
    axes = [*lead, *LETTERS[key]]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"


def _unpack(params, inputs, targets=None, initial=None, steps=None, continued=False):
    """Check everything that is given; sizes, the number of steps, and the arrays with time and batch in front."""
    groups = {"params": params, "inputs": inputs, "targets": targets, "initial": _full_keys(initial)}
    optional = CONTINUED if continued else ()
    given = _collect({group: arrays for group, arrays in groups.items() if arrays is not None}, optional)
    sizes = _sizes(given)
    shapes = _shapes(**sizes)
    timed = [key for key in given if key in TIMED]
    if timed and given[timed[0]].ndim:
        steps = len(given[timed[0]])
    if LENGTH is not None:
        if given[LENGTH].dtype.kind not in "iu" or given[LENGTH].ndim:
            raise ValueError(f"{LENGTH} is {given[LENGTH]!r}, expected a whole number: the last time")
        steps = int(given.pop(LENGTH)) + STEPS_AFTER
    if STEPS is not None and (steps is None or steps < 1):
        raise ValueError(f"the number of steps is {steps}, expected at least 1")
    has_batch, batch = _batch(given, shapes)
    ready = {"steps": steps, "batch": batch, "has_batch": has_batch, "given": given, **sizes}
    for key in given:
        _check_shape(given, key, shapes[key], steps, (batch,) if has_batch else ())
    kinds = [a.dtype if a.dtype.kind in "fc" else np.dtype(float) for k, a in given.items() if k not in LABELS]
    ready["dtype"] = dtype = np.dtype(DTYPE or np.result_type(np.float32, *kinds))
    for key, array in given.items():
        lead = ((steps,) if key in TIMED else ()) + ((batch,) if key in PER_EXAMPLE else ())
        if key in START and array.shape == shapes[key]:
            lead = ()
        axes = tuple(size for size, letter in zip(shapes[key], LETTERS[key]) if letter != "1")
        if array.ndim < len(shapes[key]) + len(lead) - (not has_batch and key in PER_EXAMPLE and bool(lead)):
            array = _one_hot(key, array, shapes[key][0])
        ready[key] = array.astype(dtype, copy=False).reshape(lead + axes)
    return ready


def _full_keys(initial):
    """Initial values by their full keys: a state with a single one may be called by its bare name."""
    keys = KEYS["initial"] + CONTINUED
    names = [key.split("[")[0] for key in keys]
    full = {name: key for name, key in zip(names, keys) if names.count(name) == 1}
    return {full.get(key, key): value for key, value in (initial or {}).items()}


def _batch(given, shapes):
    """Whether there is a batch axis, and how many examples: told by the first array that has one per example."""
    for key in sorted((k for k in given if k in PER_EXAMPLE), key=lambda k: (k in LABELS, k in START)):
        array, own = given[key], len(shapes[key]) + (key in TIMED)
        if key in LABELS and array.dtype.kind in "iu" and array.shape[array.ndim - 1 :] != shapes[key][:1]:
            own -= 1
        if array.ndim == own + 1:
            return True, array.shape[1 if key in TIMED else 0]
        return False, 1
    return False, 1


def _check_shape(given, key, shape, steps, lead):
    array = given[key]
    full = ((steps,) if key in TIMED else ()) + (lead if key in PER_EXAMPLE else ()) + shape
    if array.shape == full or (key in START and array.shape == shape):
        return
    if key in LABELS and array.dtype.kind in "iu" and array.shape == full[:-1]:
        return
    letters = _letters(key, bool(lead))
    labels = f", or integer labels of shape {full[:-1]}" if key in LABELS else ""
    raise ValueError(f"{key} has shape {array.shape}, expected {letters} = {full}{labels}")


def _one_hot(key, labels, classes):
    """Integer labels as one-hot vectors along a new last axis."""
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        worst = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(f"{key} has the label {worst}, expected labels from 0 to {classes - 1}")
    return labels[..., None] == np.arange(classes)
'''

LIKE = '''
def _like(array, given):
    """A gradient in the shape of what it belongs to: summed over the batch where that has none."""
    if array.size > given.size:
        array = array.sum(0)
    return np.broadcast_to(array, given.shape) if array.ndim == 0 else array.reshape(given.shape)
'''

DIAGNOSIS = '''
def _explain_non_finite(given):
    """Say which of the given arrays is not finite, and since when."""
    for key, array in given.items():
        finite = np.isfinite(array)
        if not finite.all():
            where = ""
            if key in TIMED:
                where = f", first at time {FIRST + int(np.argmin(finite.reshape(len(array), -1).all(1)))}"
            raise ValueError(f"{key} of shape {array.shape} is not finite{where}")
'''


def equation_lines(cell: Cell) -> list[str]:
    """A cell's equations and its loss, one to a line, as the docstring of a module shows them."""
    lines = []
    for equation in cell.equations:
        time = f"[{cell.time.index}]" if equation.timed else ""
        lines.append(f"{equation.name}{time} = {to_text(equation.expression)}")
    return lines if cell.loss is None else [*lines, f"{cell.loss_name} = {to_text(cell.loss)}"]


def write_tables(
    source: Source,
    system: System,
    interface: Interface,
    writer: NumpyWriter,
    options: CodeOptions = DEFAULTS,
    lengths: Lengths | None = None,
) -> None:
    """The tables that say what the module takes, and how sizes are read off shapes."""
    source.comment("What the functions take: keys, and the shape of each array at one time, for one example.")
    groups = ("params", "inputs", "targets", "initial")
    source.raw("KEYS = {")
    for group in groups:
        source.raw(f"    {group!r}: {tuple(s.key for s in interface.group(group))!r},")
    source.raw("}")
    source.raw("LETTERS = {")
    for slot in (*interface.slots, *interface.started):
        source.raw(f"    {slot.key!r}: {tuple(str(a) for a in slot.axes)!r},")
    source.raw("}")
    _table(source, "TIMED", [s.key for s in interface.slots if s.timed], "one value per time, time first")
    starts = (*interface.group("initial"), *interface.started)
    per_example = [s.key for s in (*interface.slots, *interface.started) if s.per_example]
    _table(source, "PER_EXAMPLE", per_example, "one value per example of a batch")
    _table(source, "LABELS", [s.key for s in interface.slots if s.labels], "may come as integer labels")
    _table(source, "START", [s.key for s in starts], "one value may serve a whole batch")
    timeless = not any(d.timed for d in system.definitions) and not any(s.timed for s in interface.slots)
    source.raw(f"STEPS = {None if timeless else str(system.time.length)!r}")
    source.raw(f"FIRST = {system.time.first.constant or 0}")
    meaning = "what is computed in" if options.dtype else "computed in the type of what is given"
    source.raw(f"DTYPE = {options.dtype!r}  # {meaning}")
    if lengths is not None:
        lengths.tables(source)
    if options.window is not None:
        source.raw(f"WINDOW = {options.window}  # what a step's loss does to earlier steps counts so many steps back")
    _write_length(source, system, interface)
    started = tuple(s.key for s in interface.started)
    source.raw(f"CONTINUED = {started!r}  # what a pass that continues another may give besides")
    source.blank(2)
    with source.indented("def _sizes(given)"):
        source.raw('"""The sizes, from the shapes of what is given."""')
        for rule in interface.sizes:
            source.assign(rule.size, _size(rule, writer))
        names = [r.size for r in interface.sizes]
        source.raw("return {" + ", ".join(f"{n!r}: {n}" for n in names) + "}")
    source.blank(2)
    arguments = ", ".join(r.size for r in interface.sizes)
    with source.indented(f"def _shapes({arguments})"):
        source.raw('"""The shape of every array at one time, for one example."""')
        source.raw("return {")
        for slot in (*interface.slots, *interface.started):
            shape = py.unparse(py.tuple_([_plain_index(a, writer) for a in slot.axes]))
            source.raw(f"    {slot.key!r}: {shape},")
        source.raw("}")


def _write_length(source: Source, system: System, interface: Interface) -> None:
    """The input that tells how many steps there are, where no array does: ``steps`` is it plus a number."""
    counter = interface.counter
    if counter is None:
        source.raw("LENGTH, STEPS_AFTER = None, 0  # an array tells how many steps there are")
        return
    added = (system.time.length - counter.key).constant or 0
    source.raw(f"LENGTH, STEPS_AFTER = {counter.key!r}, {added}  # steps = {counter.key} + {added}")


def _table(source: Source, name: str, keys: list[str], meaning: str) -> None:
    shown = "{" + ", ".join(map(repr, keys)) + "}" if keys else "set()"
    source.raw(f"{name} = {shown}  # {meaning}")


def _plain_index(index: Index, writer: NumpyWriter) -> py.ast.expr:
    return NumpyWriter(writer.load, {}).index(index)


def _size(rule: SizeRule, writer: NumpyWriter) -> py.ast.expr:
    axis = py.call("_axis", py.name("given"), py.constant(rule.key), py.constant(rule.axis))
    if rule.rest.terms:
        axis = py.binary(axis, "-", _plain_index(rule.rest, writer))
    if rule.divisor != 1:
        axis = py.binary(axis, "//", py.constant(rule.divisor))
    return axis
