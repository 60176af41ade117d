"""What decides whether ∂h_t/∂h_k vanishes or explodes: norms, eigenvalues, and what a special W means.

The bound (γ σ_max)^{t−k} holds for all states (:mod:`norm_bound`); eigenvalues rule only where the Jacobian is one
constant matrix.  Both come with numbers for a given W, and with the norms that the oracle measures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from symrnn.errors import DataError, QuestionError
from symrnn.inquiry.norm_bound import BlockBound, Size, StepBound, block_bounds, step_bound
from symrnn.language.cell import Cell
from symrnn.language.index import Index
from symrnn.language.leaf import Role, Variable
from symrnn.language.node import Node
from symrnn.language.operation import Diag
from symrnn.language.traversal import variables
from symrnn.oracle.draw import random_instance
from symrnn.oracle.evaluate import Evaluator
from symrnn.oracle.instance import Instance

CLOSE = 1e-9
KINDS = ("orthogonal", "symmetric")
STEPS = 12


@dataclass(frozen=True)
class MatrixFacts:
    """Singular values, eigenvalues and symmetries of one square matrix."""

    name: str
    size: int
    largest: float
    smallest: float
    radius: float
    eigenvalues: tuple[complex, ...]
    symmetric: bool
    orthogonal: bool
    normal: bool


@dataclass(frozen=True)
class Statement:
    """One fact: ``key`` for code, ``text`` for people; ``needs`` is what it holds under, beyond what is said."""

    key: str
    text: str
    needs: str | None = None


@dataclass(frozen=True)
class Spectral:
    """The spectral facts of ∂state_t/∂state_k at given (or drawn) numbers.

    ``step`` and its bound, or ``reason`` why there is none and ``blocks`` instead.  ``measured`` are the norms by the
    distance t − k, from the first step on; ``bound_value`` is the bound for one step.
    """

    cell: Cell
    state: str
    step: StepBound | None
    reason: str | None
    blocks: tuple[BlockBound, ...]
    matrices: tuple[MatrixFacts, ...]
    bound_value: float | None
    measured: tuple[tuple[int, float], ...]
    statements: tuple[Statement, ...]
    assumed: str | None
    sizes: Mapping[str, int]
    seed: int | None


def matrix_facts(name: str, matrix: Any) -> MatrixFacts:
    """The facts of a square matrix; raises DataError for another one.

    >>> facts = matrix_facts("W", np.array([[0.0, -1.0], [1.0, 0.0]]))
    >>> facts.orthogonal, facts.symmetric, round(facts.radius, 12)
    (True, False, 1.0)
    """
    array = np.asarray(matrix, dtype=float)
    if array.ndim == 0:
        array = array.reshape(1, 1)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise DataError(f"{name} is no square matrix, so it has no eigenvalues")
    singular = np.linalg.svd(array, compute_uv=False)
    eigenvalues = np.linalg.eigvals(array)
    order = np.argsort(-np.abs(eigenvalues), kind="stable")
    scale = max(1.0, float(singular[0]))
    return MatrixFacts(
        name,
        array.shape[0],
        float(singular[0]),
        float(singular[-1]),
        float(np.abs(eigenvalues).max()),
        tuple(complex(eigenvalues[i]) for i in order),
        bool(np.allclose(array, array.T, atol=CLOSE * scale)),
        bool(np.allclose(array.T @ array, np.eye(len(array)), atol=CLOSE * scale)),
        bool(np.allclose(array.T @ array, array @ array.T, atol=CLOSE * scale**2)),
    )


def spectral(
    cell: Cell,
    state: str | None = None,
    *,
    instance: Instance | None = None,
    assume: str | None = None,
    tau: int = STEPS,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> Spectral:
    """The facts of one state (the first unless named), with numbers.

    ``assume`` is ``orthogonal`` or ``symmetric``: recurrent matrices of that kind are drawn, and what the kind means is
    among the statements.  Raises QuestionError for an unknown state or kind.
    """
    if assume is not None and assume not in KINDS:
        raise QuestionError(f'"{assume}" is no kind of matrix known here', hint=f"Known: {', '.join(KINDS)}.")
    if not cell.states:
        raise QuestionError(f'the cell "{cell.name}" has no state')
    name = state if state is not None else cell.states[0].name
    try:
        step, reason = step_bound(cell, name), None
    except QuestionError as error:
        if name not in cell.state:
            raise
        step, reason = None, error.message
    drawn = instance if instance is not None else random_instance(cell, seed, sizes, tau)
    matrices = recurrent_matrices(cell, name, step)
    if assume is not None:
        drawn = _special(drawn, matrices, assume, seed)
    evaluator = Evaluator(cell, drawn)
    facts = tuple(_facts(evaluator, node) for node in matrices)
    value = None if step is None or step.bound is None else step.bound.value(lambda size: _measure(evaluator, size))
    measured = tuple(_norms(evaluator, name))
    found = Spectral(
        cell,
        name,
        step,
        reason,
        block_bounds(cell) if step is None else (),
        facts,
        value,
        measured,
        (),
        assume,
        dict(drawn.sizes),
        drawn.seed,
    )
    return replace(found, statements=tuple(statements(found)))


def recurrent_matrices(cell: Cell, state: str, step: StepBound | None) -> tuple[Node, ...]:
    """The square matrices of parameters that stand in the Jacobian of a step, scalars included."""
    if step is not None and step.bound is not None:
        kinds = ("abs",) if len(cell.state[state].shape) == 0 else ("norm",)
        sizes = [f for term in step.bound.terms for f in term.factors if f.kind in kinds]
        return tuple(dict.fromkeys(f.node for f in sizes if _is_square(f.node)))
    used = [v for e in cell.equations for v in variables(e.expression) if v.role is Role.PARAMETER and v.time is None]
    size = cell.state[state].shape[:1]
    return tuple(dict.fromkeys(v for v in used if len(v.shape) == 2 and v.shape == (*size, *size)))


def _is_square(node: Node) -> bool:
    return node.is_single or (len(node.shape) == 2 and node.shape[0] == node.shape[1])


def _special(instance: Instance, matrices: tuple[Node, ...], kind: str, seed: int) -> Instance:
    """The instance with recurrent matrices of a kind, drawn anew."""
    source = np.random.default_rng([seed, KINDS.index(kind)])
    values = dict(instance.values)
    for node in matrices:
        if isinstance(node, Variable) and not node.is_scalar:
            drawn = source.standard_normal(np.shape(values[node.name]))
            values[node.name] = np.linalg.qr(drawn)[0] if kind == "orthogonal" else (drawn + drawn.T) / 2
    return replace(instance, values=values)


def _facts(evaluator: Evaluator, node: Node) -> MatrixFacts:
    from_parameters = "·".join(dict.fromkeys(v.name for v in variables(node)))
    name = node.name if isinstance(node, Variable) else from_parameters
    return matrix_facts(name, evaluator.evaluate(node))


def _measure(evaluator: Evaluator, size: Size) -> float:
    if size.kind == "sup":
        raise DataError("a generic function has no slope in numbers")
    value = np.asarray(evaluator.evaluate(size.node), dtype=float)
    return float(np.linalg.norm(value, 2)) if size.kind == "norm" else float(np.abs(value).max())


def _norms(evaluator: Evaluator, state: str) -> list[tuple[int, float]]:
    """‖∂h_t/∂h_k‖₂ for growing t − k, from the first step (the last, for a backward state) on."""
    cell = evaluator.cell
    backward = cell.state[state].backward
    times = list(evaluator.unrolled.times)
    start = times[-1] if backward else times[0]
    by = cell.variable(state, Index.of(start))
    found = []
    for distance in range(len(times)):
        time = start - distance if backward else start + distance
        found.append((distance, jacobian_norm(evaluator, cell.variable(state, Index.of(time)), by)))
    return found


def jacobian_norm(evaluator: Evaluator, of: Node, by: Node) -> float:
    """The spectral norm of a total derivative, matrices read as columns."""
    partials = evaluator.derivatives.total(of, by, {})
    columns = int(np.prod([axis.value(evaluator.instance.sizes) for axis in by.shape] or [1]))
    return float(np.linalg.norm(np.asarray(partials, dtype=float).reshape(-1, columns), 2))


# Statements.


def statements(found: Spectral) -> list[Statement]:
    """What the numbers and the form of the Jacobian say, in sentences."""
    told: list[Statement] = []
    h = found.state
    if found.step is not None and found.step.power:
        told.append(
            Statement(
                "power",
                f"The Jacobian of a step is one constant matrix J, so ∂{h}_t/∂{h}_k = J^(t−k): it tends to 0 exactly "
                "if the spectral radius ρ(J) < 1, and grows without bound if ρ(J) > 1.",
            )
        )
    if found.bound_value is not None:
        told.append(_about_bound(found))
    if found.step is None:
        told.extend(_about_blocks(found))
    # The powers of a matrix tell about gradients where it is the only one in the Jacobian.
    if len(found.matrices) == 1 or found.assumed is not None:
        for facts in found.matrices:
            told.extend(_about_matrix(facts, found))
    return told


def _about_blocks(found: Spectral) -> list[Statement]:
    h = found.state
    text = (
        f"∂{h}_t/∂{h}_k is no product of one Jacobian of {h} a step, since other states carry {h}'s influence too: the "
        "blocks of the stacked state's Jacobian multiply instead."
        if found.blocks
        else f"∂{h}_t/∂{h}_k is no product of one Jacobian a step: {found.reason}."
    )
    told = [Statement("blocks", text)]
    for block in found.blocks:
        if block.of == block.by and isinstance(block.block, Diag) and not _has_parameter(block.block):
            c = block.of
            told.append(
                Statement(
                    "highway",
                    f"The block ∂{c}_t/∂{c}_(t−1) is a diagonal without any weight matrix: along {c} alone the "
                    "gradient is multiplied by the gates' values alone, and lives as long as they are near 1.",
                )
            )
    return told


def _has_parameter(node: Node) -> bool:
    return any(v.role is Role.PARAMETER for v in variables(node))


def _about_bound(found: Spectral) -> Statement:
    h, value = found.state, found.bound_value
    assert value is not None
    if value < 1:
        text = f"‖∂{h}_t/∂{h}_k‖₂ ≤ {value:.4g}^(t−k), and {value:.4g} < 1: gradients vanish at least so fast."
        return Statement("vanishes", text)
    if found.step is not None and found.step.power:
        return Statement("bound", f"‖∂{h}_t/∂{h}_k‖₂ ≤ {value:.4g}^(t−k).")
    if abs(value - 1) < CLOSE:
        text = f"‖∂{h}_t/∂{h}_k‖₂ ≤ 1: gradients cannot explode; slopes below 1 can make them vanish."
        return Statement("cannot explode", text)
    text = (
        f"‖∂{h}_t/∂{h}_k‖₂ ≤ {value:.4g}^(t−k), and {value:.4g} > 1: the bound allows gradients to explode, but "
        "does not say that they do; slopes below 1 can still make them vanish."
    )
    return Statement("may explode", text)


def _about_matrix(facts: MatrixFacts, found: Spectral) -> list[Statement]:
    told = []
    w, power = facts.name, found.step is not None and found.step.power
    if facts.orthogonal:
        told.append(
            Statement(
                "orthogonal",
                f"{w} is orthogonal: every singular value is 1 and every eigenvalue has absolute value 1, so no power "
                f"of {w} grows or shrinks any vector. An eigenvalue above or below 1 in absolute value is impossible.",
            )
        )
        told.append(
            Statement("neither", f"‖{w}^(t−k)‖₂ = 1 for all t − k: gradients neither vanish nor explode.")
            if power
            else Statement(
                "only slopes",
                f"All shrinking comes from the slopes: {w} itself adds the factor 1 to every step's norm.",
            )
        )
    if facts.symmetric and facts.size > 1:
        told.append(
            Statement(
                "symmetric",
                f"{w} is symmetric: its eigenvalues are real and σ_max({w}) = ρ({w}) = {facts.radius:.4g}, so "
                f"‖{w}^(t−k)‖₂ = ρ({w})^(t−k) exactly.",
            )
        )
    elif not facts.normal:
        told.append(
            Statement(
                "not normal",
                f"{w} is not normal: σ_max({w}) = {facts.largest:.4g} > ρ({w}) = {facts.radius:.4g}, so ‖{w}^(t−k)‖₂ "
                "can grow at first even where ρ < 1; in the long run it goes like ρ^(t−k).",
            )
        )
    return told
