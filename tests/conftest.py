"""What all tests share: how hard hypothesis tries, and where the programs are that look at our output."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# Timings vary with the load of the machine, so no deadline; what must be fast is measured in benchmarks/.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("dev", max_examples=40, **_COMMON)
settings.register_profile("ci", max_examples=80, derandomize=True, print_blob=True, **_COMMON)
settings.register_profile("thorough", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


# Sweeps over the whole library that take more than a few seconds: the rest of their cells is marked slow.
SWEEPS = {
    "test_pictures_fit_the_terminal",
    "test_nothing_covers_anything",
    "test_the_function_with_buffers_may_be_called_again",
    "test_svg_is_complete",
    "test_every_line_and_all_code_agree_with_the_oracle",
    "test_generated_code_at_other_seeds",
    "test_a_sequence_in_two_pieces_is_the_sequence",
    "test_every_gradient",
    "test_every_gradient_of_every_cell",
    "test_every_head",
    "test_every_library_cell_passes",
    "test_every_question_is_answered_rightly_or_refused",
    "test_verdicts_agree_with_the_numbers",
    "test_derived_forms_convert",
    "test_derived_formulas",
    "test_float32_stays_float32_in_every_array",
    "test_the_loss_depends_on_every_parameter_and_initial_value",
    "test_every_sequence_counts_as_it_would_alone",
    "test_gradients_with_checkpoints",
    "test_every_cell_of_the_library_has_sweeps_over_all_times_at_once",
    "test_the_fast_schedule_serves_every_cell",
    "test_truncated_gradients",
}
CORE = {"elman", "lstm", "gru", "bidirectional", "stack2", "lag2", "delta_rule", "minibatch_rows", "layernorm_rnn"}
"""One cell of each kind; no sweep leaves these to the slow part."""

SLOW = {
    "test_modules_are_clean_and_import_numpy_alone",
    "test_gradients_under_other_heads",
    "test_which_cells_have_a_schedule_for_short_vectors",
    "test_everything_stays_on_the_page",
    "test_a_single_step",
    "test_compiled_it_gives_the_same",
    "test_jit_and_automatic_differentiation_agree",
    "test_no_raw_markup_is_left",
    "test_tikz_compiles",
    "test_a_variant_of_a_sheet_is_solved_with_its_own_numbers",
    "test_a_second_run_builds_only_what_has_changed",
    "test_the_document_compiles_and_no_line_is_too_long",
    "test_a_terminal_without_unicode_gets_ascii",
    "test_a_claimed_formula",
}
"""What takes more than a few seconds for other reasons: compilers, documents, processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow: `make test` leaves it out, `make test-slow` and continuous integration run it."""
    for item in items:
        name, _, parameters = item.name.rstrip("]").partition("[")
        swept = name in SWEEPS and not CORE & set(parameters.split("-"))
        if swept or name in SLOW or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.slow)


def _program(*names: str) -> str:
    """The first of these programs that is installed; skips the test that asks for it where none is."""
    for name in names:
        if path := shutil.which(name):
            return path
    pytest.skip(f"{names[0]} is not installed")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium that can run headless."""
    return _program("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def pdflatex() -> str:
    """Path of pdflatex."""
    return _program("pdflatex")


@pytest.fixture(scope="session")
def pdftotext() -> str:
    """Path of pdftotext, which reads a PDF's text back."""
    return _program("pdftotext")


@pytest.fixture(scope="session")
def pdftoppm() -> str:
    """Path of pdftoppm, which turns a PDF's pages into pictures."""
    return _program("pdftoppm")
