"""The PyTorch module of a cell: an ``autograd.Function`` whose backward pass is the cell's own adjoint recursion.

``loss`` is differentiable and passes ``torch.autograd.gradcheck``; ``loss_and_gradients`` needs no autograd at all.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from symrnn.coding import python_source as py
from symrnn.coding.tensor.kept import keep_functions
from symrnn.coding.tensor.module import TensorModule
from symrnn.coding.tensor.names import Dialect
from symrnn.language import Cell
from symrnn.planning.system import build_system

_HELPERS = {
    "softmax": '''
def softmax(x):
    """Along the last axis."""
    return torch.softmax(x, -1)
''',
    "log_softmax": '''
def log_softmax(x):
    """The logarithm of the softmax along the last axis, without taking the logarithm of a zero."""
    return torch.log_softmax(x, -1)
''',
    "sigmoid": '''
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return torch.sigmoid(x)
''',
    "layernorm": '''
def layernorm(x, eps):
    """(x - mean) / sqrt(variance + eps) along the last axis."""
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(-1, keepdim=True) + eps)
''',
    "step": '''
def step(x, below, above, at_zero):
    """The slope of a function with a kink at 0."""
    at_least = torch.where(x < 0, torch.full_like(x, below), torch.full_like(x, at_zero))
    return torch.where(x > 0, torch.full_like(x, above), at_least)
''',
    "_padded": '''
def _padded(array, before, after, edge):
    """More rows before and after: copies of the first and last one where nothing depends on them, else zeros."""
    rows = array if edge and len(array) else array.new_full((1, *array.shape[1:]), 1.0 if edge else 0.0)
    return torch.concatenate([*[rows[:1]] * before, array, *[rows[-1:]] * after])
''',
    "_row": '''
def _row(array, place, outside):
    """A row, or the same number throughout where there is no such row."""
    return array[place] if 0 <= place < len(array) else array.new_full(array.shape[1:], outside)
''',
    "_before": '''
def _before(array, count, value):
    """The array with rows for the times before the first."""
    return torch.concatenate([_spread(value, (count, *array.shape[1:]), array.dtype, array.device), array])
''',
    "_number": '''
def _number(times, dtype, device):
    """Times as numbers."""
    return torch.as_tensor(times, dtype=dtype, device=device)
''',
    "_between": '''
def _between(times, first, last, dtype, device):
    """1 from the first to the last time, else 0."""
    return torch.as_tensor((first <= times) & (times <= last), dtype=dtype, device=device)
''',
    "_at": '''
def _at(now, exception, value):
    """The exception where it is time for it, else the value."""
    now = torch.as_tensor(now, device=value.device)
    return torch.where(now.reshape(tuple(now.shape) + (1,) * (value.ndim - now.ndim)), exception, value)
''',
}

SUPPORT = '''
def _spread(value, shape, dtype, device):
    """A value in a full shape."""
    return torch.broadcast_to(torch.as_tensor(value, dtype=dtype, device=device), shape)


def _scan(step, carry, rows, reverse=False, length=None):
    """Run a step over the rows, forward or from the last one back; what each step gives, stacked."""
    length = len(rows[0]) if length is None else length
    results = [()] * length
    for t in reversed(range(length)) if reverse else range(length):
        carry, results[t] = step(carry, tuple(row[t] for row in rows))
    return carry, tuple(torch.stack(each) for each in zip(*results))


def _array(key, value):
    try:
        frozen = isinstance(value, np.ndarray) and not value.flags.writeable
        return torch.as_tensor(value.copy() if frozen else value)
    except TypeError:
        raise ValueError(f"{key} holds {np.asarray(value).dtype}, expected numbers") from None


def _is_whole(array):
    return not (array.dtype.is_floating_point or array.dtype.is_complex or array.dtype == torch.bool)


def _common(arrays):
    """The type in which all is computed: the widest of the given floating-point ones, unless the module has one."""
    if DTYPE is not None:
        return getattr(torch, DTYPE)
    wide = [a.dtype if a.dtype.is_floating_point or a.dtype.is_complex else torch.float64 for a in arrays]
    return functools.reduce(torch.promote_types, wide) if wide else torch.get_default_dtype()


def _device(given):
    """Where new tensors are made: beside the given ones."""
    return next((array.device for array in given.values()), None)


def _spread_like(number, given):
    return torch.broadcast_to(number, given.shape)


def _cast(array, dtype):
    return array.to(dtype)


def _classes(key, labels, classes):
    """Integer labels as one-hot vectors along a new last axis."""
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        worst = int(labels.min()) if int(labels.min()) < 0 else int(labels.max())
        raise ValueError(f"{key} has the label {worst}, expected labels from 0 to {classes - 1}")
    return torch.nn.functional.one_hot(labels.long(), classes)
'''

LOSS = '''
class _Loss(torch.autograd.Function):
    """The loss for autograd: forward keeps the variables, backward runs our recursion and scales what it gives."""

    @staticmethod
    def forward(ctx, groups, *arrays):
        given = iter(arrays)
        filled = [{key: next(given) for key in group} for group in groups]
        data = _unpack(*filled)
        loss, variables = _loss(data, _forward(data))
        ctx.groups, ctx.names = groups, tuple(variables)
        ctx.save_for_backward(*arrays, *variables.values())
        return loss.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, upstream):
        keys = [key for group in ctx.groups for key in group]
        saved = ctx.saved_tensors
        given = iter(saved[: len(keys)])
        data = _unpack(*[{key: next(given) for key in group} for group in ctx.groups])
        gradients = _gradients(data, dict(zip(ctx.names, saved[len(keys) :])))
        wanted = zip(keys, saved, ctx.needs_input_grad[1:])
        return None, *[
            (upstream * gradients[key]).to(array.dtype) if needed and key in gradients else None
            for key, array, needed in wanted
        ]


def loss(params, inputs, targets, initial=None):
    """The loss, summed over the batch, as a tensor that autograd differentiates by the recursion below.

    What has no gradient here (targets, and what was not asked for) gets none from autograd either.
    """
    groups = [params, inputs, targets, _full_keys(initial)]
    _collect(dict(zip(KEYS, groups)))
    arrays = [_array(key, value) for group in groups for key, value in group.items()]
    return _Loss.apply(tuple(tuple(group) for group in groups), *arrays)
'''

NOTES = """
loss(params, inputs, targets, initial=None) -> a scalar that autograd can differentiate

Tensors stay on the device and in the type in which they are given; NumPy arrays are taken, too.
"""

_NEEDS_DEVICE = {"_spread", "_number", "_between"}


class _Torch(ast.NodeTransformer):
    """NumPy's calls as PyTorch's."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        function = node.func
        if isinstance(function, ast.Name) and function.id in _NEEDS_DEVICE:
            node.args.append(py.name("device"))
        if (
            isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "torch"
        ):
            return _call(function.attr, node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name("torch", node.ctx) if node.id == "np" else node


def _call(name: str, node: ast.Call) -> ast.expr:
    if name in ("full", "eye", "arange"):
        node.keywords.append(ast.keyword("device", py.name("device")))
    elif name == "broadcast_to":
        return py.call("_spread", *node.args, py.name("dtype"), py.name("device"))
    elif name == "maximum":
        return py.method(node.args[0], "clamp", min=node.args[1])
    elif name == "logaddexp":
        return py.call("torch.logaddexp", py.call("torch.zeros_like", node.args[1]), node.args[1])
    elif name == "transpose":
        node.func = py.name("torch.permute")
    elif name == "concatenate":
        for keyword in node.keywords:
            keyword.arg = "dim"
    return node


def _translate(value: ast.expr) -> ast.expr:
    translated: ast.expr = _Torch().visit(value)
    return translated


TORCH = Dialect(
    title="PyTorch",
    imports=("import functools", "import math", "", "import numpy as np", "import torch"),
    taken=("torch", "np", "functools", "found"),
    scan="_scan",
    helpers=_HELPERS,
    support=SUPPORT,
    translate=_translate,
    notes=NOTES,
    loss=LOSS,
    quiet="@torch.no_grad()",
)


def emit_torch(cell: Cell, wrt: Sequence[str] | None = None, relu0: float = 0.0, dtype: str | None = None) -> str:
    r"""The source of a PyTorch module with ``forward``, ``loss`` and ``loss_and_gradients``.

    >>> from symrnn.reading.cellfile import read_cell
    >>> cell = read_cell("size n\ninput x[n]\nstate h[n]\nh[t] = x[t] * h[t-1]\nloss L = norm2(h[tau])")
    >>> "torch.autograd.Function" in emit_torch(cell)
    True

    Raises UnsupportedError for a recursion that runs in no loop of steps, QuestionError for an unknown name in ``wrt``.
    """
    return TensorModule(keep_functions(build_system(cell, wrt)), TORCH, relu0, dtype).text()
