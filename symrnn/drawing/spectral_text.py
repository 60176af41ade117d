"""Spectral facts as text and as data for programs."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symrnn.emitting.text import to_text
from symrnn.inquiry.norm_bound import NormBound, Size, Term
from symrnn.inquiry.spectral import MatrixFacts, Spectral
from symrnn.language.node import Node

Render = Callable[[Node], str]


def bound_text(bound: NormBound | None, render: Render = to_text) -> str:
    """A bound as a formula: ``1/16 σ_max(W_y) σ_max(U_h)``."""
    if bound is None:
        return "nothing bounds it"
    return " + ".join(_term(term, render) for term in bound.terms)


def _term(term: Term, render: Render) -> str:
    factors = [_size(size, render) for size in term.factors]
    if term.coefficient != 1 or not factors:
        factors.insert(0, str(Fraction(term.coefficient)))
    return " ".join(factors)


def _size(size: Size, render: Render) -> str:
    if size.kind == "sup":
        return f"sup|{render(size.node).partition('(')[0]}|"
    inside = render(size.node)
    return {"norm": f"σ_max({inside})", "max": f"max|{inside}|", "abs": f"|{inside}|"}[size.kind]


def spectral_text(found: Spectral, render: Render = to_text) -> str:
    """The Jacobian of a step and its bound, the matrices' numbers, measured norms, and what follows."""
    h = found.state
    blocks = []
    if found.step is not None:
        bound = bound_text(found.step.bound, render)
        power = " (the same matrix at every step)" if found.step.power else ""
        blocks.append(f"One step: J = {render(found.step.jacobian)}{power}\n  ‖J‖₂ ≤ {bound}")
    if found.blocks:
        rows = [
            f"  ∂{b.of}_t/∂{b.by}_{{t−1}} = {render(b.block)}\n    norm at most: {bound_text(b.bound, render)}"
            for b in found.blocks
        ]
        blocks.append("\n".join(["The blocks of the stacked state's Jacobian:", *rows]))
    if found.matrices:
        blocks.append("\n".join(_matrix(facts) for facts in found.matrices))
    norms = ", ".join(f"{norm:.3g}" for _, norm in found.measured)
    blocks.append(f"‖∂{h}_t/∂{h}_k‖₂ measured at t − k = 0, 1, 2, …: {norms}")
    blocks.append("\n".join(f"• {s.text}" for s in found.statements))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _matrix(facts: MatrixFacts) -> str:
    kinds = [k for k, holds in (("symmetric", facts.symmetric), ("orthogonal", facts.orthogonal)) if holds]
    eigenvalues = ", ".join(_complex(value) for value in facts.eigenvalues)
    return (
        f"{facts.name} ({facts.size}×{facts.size}{''.join(', ' + k for k in kinds)}): σ_max = {facts.largest:.4g}, "
        f"σ_min = {facts.smallest:.4g}, ρ = {facts.radius:.4g}, eigenvalues {eigenvalues}"
    )


def _complex(value: complex) -> str:
    if abs(value.imag) < 1e-12 * max(1.0, abs(value)):
        return f"{value.real:.4g}"
    return f"{value.real:.4g} {'+' if value.imag > 0 else '−'} {abs(value.imag):.4g}i"


def spectral_dict(found: Spectral, render: Render = to_text) -> dict[str, Any]:
    """For programs."""
    return {
        "cell": found.cell.name,
        "state": found.state,
        "jacobian": None if found.step is None else render(found.step.jacobian),
        "bound": None if found.step is None or found.step.bound is None else bound_text(found.step.bound, render),
        "bound_value": found.bound_value,
        "reason": found.reason,
        "blocks": [
            {
                "of": b.of,
                "by": b.by,
                "block": render(b.block),
                "bound": None if b.bound is None else bound_text(b.bound, render),
            }
            for b in found.blocks
        ],
        "matrices": [
            {
                "name": m.name,
                "sigma_max": m.largest,
                "sigma_min": m.smallest,
                "spectral_radius": m.radius,
                "eigenvalues": [[value.real, value.imag] for value in m.eigenvalues],
                "symmetric": m.symmetric,
                "orthogonal": m.orthogonal,
                "normal": m.normal,
            }
            for m in found.matrices
        ],
        "measured": [[distance, norm] for distance, norm in found.measured],
        "statements": [{"key": s.key, "text": s.text} for s in found.statements],
        "sizes": dict(found.sizes),
        "seed": found.seed,
        "assumed": found.assumed,
    }
