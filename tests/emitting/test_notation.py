"""Names become notation."""

from __future__ import annotations

import pytest

from symrnn.emitting.notation import GREEK, Notation, notate


def parts(notation: Notation) -> tuple[object, ...]:
    """What the table below lists, defaults left out at the end."""
    scripts = tuple(s.letters + s.number for s in notation.subscripts)
    return (notation.letters, notation.accents, notation.number, scripts)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W", ("W", (), "", ())),
        ("tau", ("τ", (), "", ())),
        ("lam", ("λ", (), "", ())),
        ("theta_c", ("θ", (), "", ("c",))),
        ("yhat", ("y", ("hat",), "", ())),
        ("y_hat", ("y", ("hat",), "", ())),
        ("ctilde", ("c", ("tilde",), "", ())),
        ("c_tilde", ("c", ("tilde",), "", ())),
        ("hbar", ("h", ("bar",), "", ())),
        ("yhat_t", ("y", ("hat",), "", ("t",))),
        ("thetahat", ("θ", ("hat",), "", ())),
        ("W_hh", ("W", (), "", ("hh",))),
        ("W_ssx", ("W", (), "", ("ssx",))),
        ("b_delta", ("b", (), "", ("δ",))),
        ("W1", ("W", (), "1", ())),
        ("beta2", ("β", (), "2", ())),
        ("W_f1", ("W", (), "", ("f1",))),
        ("n_1", ("n", (), "", ("1",))),
        ("dt", ("dt", (), "", ())),
        ("Gamma_u", ("Γ", (), "", ("u",))),
        ("dot", ("dot", (), "", ())),
        ("hat", ("hat", (), "", ())),
        ("crossbar", ("crossbar", (), "", ())),
    ],
)
def test_parts(name: str, expected: tuple[object, ...]) -> None:
    assert parts(notate(name)) == expected


def test_words_stand_upright_and_letters_do_not() -> None:
    assert notate("hidden").upright
    assert not notate("h").upright
    assert not notate("lam").upright
    assert notate("W_out").subscripts[0].upright
    assert not notate("W_hh").subscripts[0].upright


def test_primes_stars_and_superscripts() -> None:
    assert notate("h_prime").primes == 1
    assert notate("w_star").starred
    assert [s.letters for s in notate("W__ss").superscripts] == ["ss"]


def test_hats_can_be_left_off() -> None:
    assert notate("yhat", accents=False) == Notation("yhat", upright=True)


@pytest.mark.parametrize("name", sorted(GREEK))
def test_greek_letters_know_their_command(name: str) -> None:
    assert notate(name).latex == GREEK[name][1]


@pytest.mark.parametrize("name", ["_", "__", "_x", "x_", "x__", "Ä", "é_t"])
def test_no_name_is_too_odd(name: str) -> None:
    assert notate(name).letters
