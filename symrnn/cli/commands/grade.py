"""Grade a folder of answers to one question: a verdict and points for each.

QUESTION.toml says the cell, of what, by what, and what a verdict is worth; ANSWERS is a folder with one file for each
answer, formulas or LaTeX. Every answer is checked in a process with limits, and nothing of an answer is executed.

  cell = "elman"                  symrnn grade question.toml answers/ -o report.csv
  of = "L"                        symrnn grade question.toml answers/ --jobs 4 --seconds 10
  wrt = "W"
  layout = "denominator"
  [points]
  correct = 4
  transposed = 3
  negated = 2
"""

from __future__ import annotations

import argparse
from pathlib import Path

from symrnn.cli import arguments
from symrnn.cli.terminal import Terminal


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("question", metavar="QUESTION.toml", help="the question and the points")
    parser.add_argument("answers", metavar="ANSWERS", help="a folder, one file for each answer")
    parser.add_argument("--jobs", type=arguments.whole_number(1), default=2, metavar="N", help="processes (default 2)")
    parser.add_argument(
        "--seconds", type=arguments.whole_number(1), default=20, metavar="S", help="for one answer (default 20)"
    )
    parser.add_argument("--megabytes", type=arguments.whole_number(500), default=1500, help="for one answer")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no summary")
    arguments.add_output(parser, "report.csv")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Grade, and write the report."""
    from tqdm import tqdm

    from symrnn.api.grading import grade
    from symrnn.checking.grading import answer_files, read_graded_question, report_csv, summary
    from symrnn.checking.workers import Limits

    question, folder = read_graded_question(Path(options.question)), Path(options.answers)
    total = len(answer_files(folder))
    limits = Limits(float(options.seconds), options.megabytes)
    with tqdm(total=total, file=terminal.err, unit="answer", disable=options.quiet or None, leave=False) as bar:
        lines = grade(question, folder, jobs=options.jobs, limits=limits, done=bar.update)
    terminal.deliver(report_csv(lines), options.output)
    if not options.quiet:
        terminal.error(summary(lines))
    return 0
