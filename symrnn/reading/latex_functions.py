r"""Functions: ``\tanh(a)``, ``\tanh' a``, ``\sigma^2(a)``, ``\operatorname{diag}(v)``, and constants with a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from symrnn.errors import ReadingError
from symrnn.language import (
    Call,
    Commutation,
    Determinant,
    Eye,
    Index,
    Kron,
    Node,
    Number,
    Ones,
    Trace,
    Unvec,
    Variable,
    Vec,
    Zeros,
    build,
)
from symrnn.language.leaf import Role
from symrnn.language.operation import SHAPES
from symrnn.language.traversal import variables
from symrnn.primitives import lookup
from symrnn.reading.latex_context import Place
from symrnn.reading.latex_entries import entries_of
from symrnn.reading.latex_indices import read_index, separate, try_index
from symrnn.reading.latex_lexicon import built_in, name_key
from symrnn.reading.latex_names import bare_name
from symrnn.reading.latex_powers import is_plain_transpose, raised
from symrnn.reading.latex_tree import Factors, Group, Name, Relation, Script, Scripted, Sign, Span, Tree
from symrnn.reading.latex_variables import Head

Items = Sequence[tuple[str, Tree]]


@dataclass(frozen=True)
class Function:
    """A function as it was printed: its name, its primes, and the scripts on its name."""

    name: str
    order: int
    sub: tuple[Tree, ...]
    sup: Script | None


def function_of(tree: Tree, head: Head | None) -> Function | None:
    """The function that a printed name is: the cell's own, one that was bound to the name, or a known word."""
    if head is not None and head.entry.function is not None:
        return Function(head.entry.function, head.primes, head.sub, head.sup)
    name = bare_name(tree)
    found = built_in(name) if name is not None else None
    if found is None:
        return None
    if isinstance(tree, Scripted):
        return Function(found, tree.primes, tree.sub.items if tree.sub else (), tree.sup)
    return Function(found, 0, (), None)


def apply(function: Function, items: Items, position: int, place: Place) -> tuple[Node, int]:
    """The function of what follows it, and how many items that took, its own name included."""
    tree = items[position][1]
    arguments, scripts, taken = _arguments(function, items, position, place)
    value = _call(function, arguments, tree, place)
    value = _power_of_function(value, function.sup, tree, place)
    if scripts is not None:
        if scripts.sub is not None:
            value = entries_of(value, scripts.sub.items, scripts, place)
        value = raised(value, scripts.sup, scripts.primes, scripts, place)
    return value, taken


def _arguments(
    function: Function, items: Items, position: int, place: Place
) -> tuple[list[Node], Scripted | None, int]:
    following = items[position + 1 :]
    if not following or following[0][0]:
        raise place.error(
            f"“{place.excerpt(items[position][1])}” is a function and stands without an argument",
            items[position][1],
            hint="Write what it is applied to, in parentheses.",
        )
    tree = following[0][1]
    scripts = tree if isinstance(tree, Scripted) and isinstance(tree.base, Group) else None
    group = scripts.base if scripts is not None else tree
    if isinstance(group, Group) and group.kind != "{" and group.kind not in ("|", "‖", "⟨"):
        cells = [cell for row in group.rows for cell in row]
        if len(group.rows) > 1 or (group.kind == "[" and len(cells) > 1):
            cells = [group]
        return [place.read(cell) for cell in cells], scripts, 2
    beside = _beside(following)
    options = ("all that stands beside it", "only the next factor")
    whole = len(beside) > 1 and place.context.pick("a function without parentheses takes", options, 2) == 0
    used = beside if whole else following[:1]
    span = Span(used[0][1].at.start, used[-1][1].at.end)
    return [place.read(Factors(span, tuple(used)))], None, 1 + len(used)


def _beside(items: Items) -> Items:
    """The factors up to the next sign or function."""
    count = 1
    while count < len(items) and not items[count][0]:
        name = bare_name(items[count][1])
        if name is not None and built_in(name):
            break
        count += 1
    return items[:count]


def _power_of_function(value: Node, sup: Script | None, tree: Tree, place: Place) -> Node:
    r"""``\tanh^2(a)`` is the square of the value."""
    if sup is None:
        return value
    node = value
    if sup.items and not is_plain_transpose(sup):
        if len(sup.items) != 1 or sup.mark not in (None, "odot"):
            raise place.error("expected one exponent", tree)
        exponent = place.read(sup.items[0])
        if isinstance(exponent, Number) and exponent.value < 0:
            raise place.error("the inverse of a function is not read", tree, hint="For a reciprocal write 1/f(x).")
        node = build.power(node, exponent)
        return build.transpose(node) if sup.transposed else node
    return raised(node, sup, 0, tree, place)


# -- calls ------------------------------------------------------------------------------------------------------


def _call(function: Function, arguments: list[Node], tree: Tree, place: Place) -> Node:
    special = _SPECIAL.get(function.name)
    if special is not None:
        if function.order:
            raise place.error(f"{function.name} has no derivative by its argument that a prime could mark", tree)
        count, make = special
        if count and len(arguments) != count:
            raise place.error(f"{function.name} takes {count} argument{'s' * (count > 1)}, not {len(arguments)}", tree)
        return make(arguments, function, place)
    if function.sub:
        raise place.error(f"a subscript on the function {function.name} has no meaning", tree)
    if function.order > 2:
        raise place.error("first and second derivatives of a function are known", tree)
    if function.order == 1 and len(arguments) == 1:
        return _slope(function.name, arguments[0], place)
    return build.apply(function.name, *arguments, order=function.order)


def _slope(name: str, argument: Node, place: Place) -> Node:
    """``σ'(e)``: the derivative at the argument e, or what it is in terms of an output that equals e."""
    by_argument = build.apply(name, argument, order=1)
    by_output = slope_of_output(name, argument)
    if by_output is None:
        return by_argument
    options = ("by its argument", "in terms of its output")
    return (by_argument, by_output)[place.context.pick(f"{name}′ is the derivative", options)]


def slope_of_output(name: str, output: Node) -> Node | None:
    """The derivative of a primitive written in its output alone, None where its rule needs the argument.

    >>> y = Variable("y", Role.COMPUTED, (Index.of("n"), Index.of(1)), Index.of("t"))
    >>> type(slope_of_output("tanh", y)).__name__, slope_of_output("softplus", y)
    ('Add', None)
    """
    primitive = lookup(name)
    if primitive is None or primitive.derivative is None:
        return None
    argument = Variable(" argument", Role.PART, output.shape)
    rule = primitive.derivative(output, argument)
    return None if argument in variables(rule) else rule


Make = Callable[[list[Node], Function, Place], Node]


def _unary(make: Callable[[Node], Node]) -> Make:
    return lambda arguments, function, place: make(arguments[0])


def _nary(make: Callable[..., Node]) -> Make:
    return lambda arguments, function, place: make(*(a for a in arguments))


def _unvec(arguments: list[Node], function: Function, place: Place) -> Node:
    sizes = _sizes(function.sub, place)
    if len(sizes) != 2:
        raise ReadingError("unvec needs its two sizes", hint=r"Write \operatorname{unvec}_{p \times q}(v).")
    return Unvec(arguments[0], *sizes)


_SPECIAL: Mapping[str, tuple[int, Make]] = {
    "diag": (1, _unary(build.diag)),
    "trace": (1, _unary(Trace)),
    "det": (1, _unary(Determinant)),
    "vec": (1, _unary(Vec)),
    "inv": (1, _unary(build.inverse)),
    "transpose": (1, _unary(build.transpose)),
    "concat": (0, _nary(build.concat)),
    "hcat": (0, _nary(build.hcat)),
    "kron": (2, _nary(Kron)),
    "hadamard": (0, _nary(build.times)),
    "unvec": (1, _unvec),
    "layernorm": (2, _nary(lambda a, eps: Call("layernorm", (a, eps)))),
    "dot": (2, _nary(lambda a, b: Call("dot", (a, b)))),
}
"""How many arguments (0: any number), and what they become."""

assert set(_SPECIAL).isdisjoint(SHAPES.keys() - {"layernorm", "dot"})


# -- constants --------------------------------------------------------------------------------------------------


def named_constant(tree: Tree, place: Place) -> Node | None:
    r"""``I``, ``I_n``, ``I_{n \times n}``, ``e_i``, ``e^{x}``, and ``K_{p,q}``, where the cell has no such names."""
    name = bare_name(tree)
    if name is None or name.accents:
        return None
    sub = tree.sub if isinstance(tree, Scripted) else None
    sup = tree.sup if isinstance(tree, Scripted) else None
    key = name_key(name)
    value: Node | None = None
    if key == "I":
        value = _identity(sub, tree, place)
    elif key == "e" and sub is None and sup is not None and sup.items and not sup.transposed:
        return build.apply("exp", (place.read(sup.items[0]))) if len(sup.items) == 1 else None
    elif key == "e" and sub is not None and len(sub.items) == 1:
        index = try_index(sub.items[0], place)
        value = place.context.constant("unit", index) if index is not None else None
    elif key == "K" and sub is not None and len(sizes := _sizes(sub.items, place)) == 2:
        value = Commutation(*sizes)
    return raised(value, sup, 0, tree, place) if value is not None else None


def _identity(sub: Script | None, tree: Tree, place: Place) -> Node:
    if sub is None:
        return place.context.constant("eye")
    if any(isinstance(item, (Sign, Relation)) for item in sub.items):
        return entries_of(place.context.constant("eye"), sub.items, tree, place)
    sizes = _sizes(sub.items, place)
    letters = separate(sub.items, place)
    if len(sizes) == 1 and len(letters) == 2 and sub.key is not None and sub.key[: len(sub.key) // 2] * 2 == sub.key:
        # ``I_{nn}``: n·n rows, or n×n.
        options = (f"of size {sizes[0]}", f"of size {read_index(letters[0], place)}")
        if place.context.pick(f"the identity I_{{{sub.key}}} is", options):
            sizes = [read_index(letters[0], place)]
    if len(sizes) > 2 or not sizes or sizes[0] != sizes[-1]:
        raise ReadingError("an identity matrix has one size")
    return Eye(sizes[0])


def sized(kind: str, sub: Script, place: Place) -> Node:
    r"""``\mathbf{1}_n``, ``0_{n \times m}``: a constant with its size."""
    rows, *columns = _sizes(sub.items, place, joined=kind == "ones")
    shape = (rows, columns[0] if columns else Index.of(1))
    return Ones(*shape) if kind == "ones" else Zeros(shape)


def _sizes(items: tuple[Tree, ...], place: Place, joined: bool = True) -> list[Index]:
    r"""``n``, ``n, m``, ``n \times m``; ``nm`` is one size where they are ``joined``, else two."""
    found: list[Tree] = []
    for item in items:
        signs = [sign for sign, _ in item.items[1:]] if isinstance(item, Factors) else []
        if isinstance(item, Factors) and "times" in signs:
            found += _crossed(item)
        elif joined or len(items) > 1:
            found.append(item)
        else:
            found += separate((item,), place)
    return [read_index(tree, place) for tree in found]


def _crossed(tree: Factors) -> list[Tree]:
    r"""The sizes on both sides of ``\times``."""
    groups: list[list[tuple[str, Tree]]] = [[]]
    for sign, factor in tree.items:
        if sign == "times":
            groups.append([])
        groups[-1].append(("" if sign == "times" else sign, factor))
    return [Factors(tree.at, tuple(g)) if len(g) > 1 else g[0][1] for g in groups]


__all__ = ["Function", "Name", "apply", "function_of", "named_constant", "sized", "slope_of_output"]
