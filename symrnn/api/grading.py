"""Grading a folder of answers to one question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from symrnn.checking.grading import Graded, GradedQuestion, answer_files, graded, read_graded_question
from symrnn.checking.workers import STOPPED, Limits, WorkersError, work
from symrnn.errors import QuestionError, SymrnnError
from symrnn.files import read_text

WORKER = "symrnn.api.grader"
LONGEST_ANSWER = 200_000
"""Bytes; a longer file isn't an answer to anything."""


def grade(
    question: str | Path | GradedQuestion,
    answers: str | Path,
    *,
    jobs: int = 2,
    limits: Limits | None = None,
    done: Callable[[], None] = lambda: None,
) -> list[Graded]:
    """Verdict and points for every file in a folder of answers, in the order of their names.

    Each answer is checked in a process with limits; one that is stopped is marked and hurts no other.  ``done`` is
    called after each.  Raises ReadingError and QuestionError where the question itself can't be asked.
    """
    asked = question if isinstance(question, GradedQuestion) else read_graded_question(Path(question))
    files = answer_files(Path(answers))
    texts, unreadable = [], {}
    for place, path in enumerate(files):
        try:
            texts.append(_text(path))
        except SymrnnError as error:
            unreadable[place] = {STOPPED: error.message}
            texts.append("")
    messages = [{"text": text} for place, text in enumerate(texts) if place not in unreadable]
    try:
        replies = iter(work(WORKER, asked.setup(), messages, jobs, limits or Limits(), done))
    except WorkersError as problem:
        raise QuestionError(str(problem)) from None
    merged = [unreadable[place] if place in unreadable else next(replies) for place in range(len(files))]
    return graded(asked, [path.name for path in files], merged)


def _text(path: Path) -> str:
    if path.stat().st_size > LONGEST_ANSWER:
        raise SymrnnError(f"the file has more than {LONGEST_ANSWER:,} bytes")
    return read_text(path)
