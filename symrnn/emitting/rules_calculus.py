"""The notation of sums and products over an index, of entries and blocks, and of derivatives."""

from __future__ import annotations

from symrnn.emitting.boxes import (
    Accent,
    Big,
    Box,
    Fence,
    Fraction,
    Glyph,
    Kind,
    Mark,
    Row,
    Scripts,
    beside,
    flat_row,
)
from symrnn.emitting.names import entries_box, index_box, letters_box, named
from symrnn.emitting.rules import (
    COLON,
    EQUALS,
    SEMICOLON,
    TRANSPOSE,
    Set,
    Setter,
    Tight,
    joined,
    rule,
)
from symrnn.emitting.rules_leaves import variable_set
from symrnn.emitting.rules_operations import raised
from symrnn.language import (
    Concat,
    Entry,
    Eye,
    HadamardProduct,
    ImmediateJacobian,
    Index,
    Jacobian,
    Layout,
    Node,
    Product,
    Slice,
    Span,
    Sum,
    Transpose,
    Variable,
)

SUM = Glyph("∑", r"\sum", Kind.FUNCTION, plain="sum")
PRODUCT = Glyph("∏", r"\prod", Kind.FUNCTION, plain="prod")
CIRCLED_PRODUCT = {
    "odot": Glyph("⨀", r"\bigodot", Kind.FUNCTION, plain="hprod"),
    "circ": Glyph("◯", r"\mathop{\bigcirc}\limits", Kind.FUNCTION, plain="hprod"),
    "ast": Glyph("⨀", r"\bigodot", Kind.FUNCTION, plain="hprod"),
}
PARTIAL = Glyph("∂", r"\partial", Kind.SIGN, plain="d")
DEE = Glyph("d", r"\mathrm{d}", Kind.SIGN)
NABLA = Glyph("∇", r"\nabla", Kind.SIGN, plain="grad")
IMMEDIATE: dict[str, Glyph] = {
    "plus": Glyph("+", "+", Kind.WORD),
    "star": Glyph("∗", r"\ast", Kind.WORD, plain="*"),
}


@rule.register
def _(node: Sum, setter: Setter) -> Set:
    body = setter.child(node.body, Tight.CIRCLED)
    return _binder(SUM, node.index, node.lower, node.upper, body)


@rule.register
def _(node: Product, setter: Setter) -> Set:
    """The lower bound is where the leftmost factor is: a descending product counts from t down to k+1."""
    return _binder(PRODUCT, node.index, node.first, node.last, setter.child(node.body, Tight.FRACTION))


@rule.register
def _(node: HadamardProduct, setter: Setter) -> Set:
    symbol = CIRCLED_PRODUCT[setter.style.hadamard]
    return _binder(symbol, node.index, node.first, node.last, setter.child(node.body, Tight.FRACTION))


def _binder(symbol: Glyph, index: str, first: Index, last: Index, body: Box) -> Set:
    below = flat_row(named(index).box, EQUALS, index_box(first))
    return Set(flat_row(Big(symbol, below, index_box(last)), body), Tight.BINDER)


@rule.register
def _(node: Slice, setter: Setter) -> Set:
    operand, rows, columns = node.args
    unit = _unit_vector(node, setter)
    if unit is not None:
        return unit
    spans = [_span(rows)] if operand.is_column and columns is None else [_span(rows), _span(columns)]
    return subscripted(operand, joined(spans), setter)


def _unit_vector(node: Slice, setter: Setter) -> Set | None:
    """A column or row of the identity is e_i, or its transpose."""
    operand, rows, columns = node.args
    if not isinstance(operand, Eye) or (rows is None) == (columns is None):
        return None
    start, stop = rows or columns
    if stop - start != Index.of(1):
        return None
    unit = Scripts(letters_box("e", False, setter.style.letters == "bold"), index_box(start))
    return Set(unit, Tight.ATOM) if rows is None else raised(unit, TRANSPOSE[setter.style.transpose])


def _span(span: Span) -> Box:
    return COLON if span is None else flat_row(index_box(span[0]), COLON, index_box(span[1]))


def subscripted(operand: Node, below: Box, setter: Setter) -> Set:
    """An operand with a subscript; one that has a subscript of its own goes into parentheses."""
    found = setter.set(operand)
    box = found.box
    if found.tight is not Tight.ATOM or isinstance(box, Scripts):
        box = Fence(box)
    return Set(Scripts(box, below), Tight.ATOM)


@rule.register
def _(node: Entry, setter: Setter) -> Set:
    operand, indices = node.args
    if isinstance(operand, Variable):
        return variable_set(operand, setter, indices)
    if isinstance(operand, Transpose) and isinstance(operand.args[0], Variable) and len(indices) == 2:
        return variable_set(operand.args[0], setter, indices[::-1])
    if isinstance(operand, Jacobian | ImmediateJacobian):
        split = derivative_entry(operand, indices)
        if split is not None:
            return _derivative(operand, *split, setter)
    return subscripted(operand, entries_box(indices), setter)


def derivative_entry(node: Node, indices: tuple[Index, ...]) -> tuple[Node, Node] | None:
    """Of what, by what: ∂y_i/∂W_lj for an entry of a derivative; None where the shapes leave it open.

    >>> from symrnn.language import Role
    >>> y = Variable("y", Role.COMPUTED, (Index.of("n"), Index.of(1)))
    >>> entry = derivative_entry(Jacobian(y, y, Layout.DENOMINATOR), (Index.of("i"), Index.of("j")))
    >>> [part.args[1] for part in entry]
    [(Index('j'),), (Index('i'),)]
    """
    of, by, layout = node.args
    of_axes, by_axes = _axes(of), _axes(by)
    if len(indices) != of_axes + by_axes:
        return None
    if of_axes == 2 or len(indices) < 2:
        return (of, Entry(by, indices)) if by_axes == 1 else None
    if len(indices) == 3:  # of, then by as it is written, whatever the layout
        return Entry(of, indices[:1]), Entry(by, indices[1:])
    shown = indices if layout is Layout.NUMERATOR else indices[::-1]
    if of_axes == 0:
        return of, Entry(by, shown[::-1])
    return Entry(of, shown[:1]), Entry(by, shown[1:])


def _axes(node: Node) -> int:
    """How many component indices a derivative's part takes."""
    return 0 if node.is_single else 1 if node.is_column or node.is_row else len(node.shape)


@rule.register
def _(node: Jacobian, setter: Setter) -> Set:
    return _derivative(node, node.of, node.by, setter)


@rule.register
def _(node: ImmediateJacobian, setter: Setter) -> Set:
    return _derivative(node, node.of, node.by, setter)


def _derivative(node: Node, of: Node, by: Node, setter: Setter) -> Set:
    style = setter.style
    layout = node.args[2]
    if style.derivative == "nabla" and layout is Layout.DENOMINATOR and of.is_single and not by.is_single:
        nabla = NABLA if isinstance(node, Jacobian) else _immediate(NABLA, style.immediate)
        operator = raised_sub(nabla, _varied(by, setter))
        box = flat_row(operator, _varied(of, setter))
        return Set(Mark(box, node, "derivative"), Tight.PRODUCT)
    total = isinstance(node, Jacobian)
    sign = PARTIAL if style.total == "partial" or not total else DEE
    above = sign if total else _immediate(PARTIAL, style.immediate)
    fraction = Fraction(_operated(above, _varied(of, setter)), _operated(sign, _varied(by, setter)))
    return Set(Mark(fraction, node, "derivative"), Tight.FRACTION)


def _operated(sign: Box, operand: Box) -> Box:
    """The sign in front of what is varied, a little apart from a function's name."""
    first = operand.items[0] if isinstance(operand, Row) else operand
    function = isinstance(first, Glyph) and first.kind is Kind.FUNCTION
    return flat_row(sign, beside(), operand) if function else flat_row(sign, operand)


def _immediate(sign: Glyph, mark: str) -> Box:
    return Accent(sign, "bar") if mark == "bar" else Scripts(sign, None, IMMEDIATE[mark])


def raised_sub(base: Box, below: Box) -> Box:
    """A subscript, joined to the base's own superscript where it has one."""
    return Scripts(base.base, below, base.sup) if isinstance(base, Scripts) else Scripts(base, below)


def _varied(node: Node, setter: Setter) -> Box:
    """What is differentiated, or by what: a stack lies down as (h; c), so that the fraction stays low."""
    if isinstance(node, Concat) and all(part.is_column or part.is_single for part in node.args[0]):
        return Fence(joined([setter.child(part, Tight.SUM) for part in node.args[0]], SEMICOLON))
    return setter.child(node, Tight.SCRIPTED)
