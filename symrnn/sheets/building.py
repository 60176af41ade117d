"""From a sheet's folder to files: one format, or all of them, and again only what has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import symrnn
from symrnn.errors import QuestionError, ReadingError, SymrnnError, did_you_mean
from symrnn.files import write_atomically
from symrnn.language import Layout
from symrnn.sheets.content import Solution
from symrnn.sheets.html_page import html_page
from symrnn.sheets.latex_document import latex_document
from symrnn.sheets.pdf import pdf_of_html, pdf_of_latex, require_road, road
from symrnn.sheets.rubric import rubric_json
from symrnn.sheets.solving import solve
from symrnn.sheets.source import FILE_NAME, read_sheet
from symrnn.sheets.student import student_version
from symrnn.sheets.text_blocks import TextWriter

RECORD = ".built.json"
"""What was built from what, beside the files themselves."""


@dataclass(frozen=True)
class Wish:
    """What of a sheet is wanted."""

    student: bool = False
    layout: Layout | None = None
    variant: int | None = None


def sheets_root() -> Path:
    """Where the worked sheets are: inside an installed package, beside it in a checkout."""
    package = Path(symrnn.__file__).parent
    inside = package / "derivations"
    return inside if inside.is_dir() else package.parent / "derivations"


def sheet_folders(root: Path | None = None) -> dict[str, Path]:
    """The folders that hold a sheet, by name."""
    return {path.parent.name: path.parent for path in sorted((root or sheets_root()).glob(f"*/{FILE_NAME}"))}


def find_sheet(name: str) -> Path:
    """A sheet's folder by its name, or by the path of the folder or file; raises QuestionError where there is none."""
    known = sheet_folders()
    if name in known:
        return known[name]
    path = Path(name)
    if path.is_file():
        return path.parent
    if path.is_dir():
        return path
    raise QuestionError(f'there is no sheet "{name}"', hint=did_you_mean(name, known) or "See symrnn sheet --list.")


def solved(folder: Path, wish: Wish) -> Solution:
    """The sheet solved, its answers taken out for students."""
    solution = solve(read_sheet(folder), wish.layout, wish.variant)
    return student_version(solution) if wish.student else solution


def _text(solution: Solution) -> str:
    return TextWriter(solution.style).sheet(solution)


def _pdf(solution: Solution) -> bytes:
    return pdf_of_latex(latex_document(solution)) if require_road() == "pdflatex" else pdf_of_html(html_page(solution))


FORMATS: dict[str, Callable[[Solution], str | bytes]] = {
    "html": html_page,
    "tex": latex_document,
    "pdf": _pdf,
    "txt": _text,
    "json": rubric_json,
}
"""By the ending of the file; ``json`` is the rubric for the checker."""


def rendered(solution: Solution, ending: str) -> str | bytes:
    """The sheet in the format of a file's ending; raises QuestionError for an ending that is none."""
    if ending not in FORMATS:
        raise QuestionError(f'a sheet cannot be a ".{ending}" file', hint=f"It can be .{', .'.join(FORMATS)}.")
    return FORMATS[ending](solution)


@dataclass(frozen=True)
class Job:
    """The files that one sheet gives."""

    folder: Path
    target: Path

    @property
    def name(self) -> str:
        """The sheet's name."""
        return self.folder.name

    def files(self) -> tuple[str, ...]:
        """What is made: the solution and the students' version in all formats that can be made here; the rubric."""
        endings = ["html", "tex", "txt", *(["pdf"] if road() is not None else [])]
        both = [f"{self.name}{kind}.{ending}" for kind in ("", "-student") for ending in endings]
        return (*both, f"{self.name}-rubric.json")


def build(job: Job) -> None:
    """Make every file of a sheet."""
    job.target.mkdir(parents=True, exist_ok=True)
    solution = solve(read_sheet(job.folder))
    versions = {f"{job.name}-student": student_version(solution), job.name: solution, f"{job.name}-rubric": solution}
    for name in job.files():
        stem, _, ending = name.rpartition(".")
        write_atomically(job.target / name, rendered(versions[stem], ending))


def build_all(
    target: Path, root: Path | None = None, workers: int = 2, done: Callable[[str], None] = lambda name: None
) -> tuple[list[str], list[SymrnnError]]:
    """Build every sheet that has changed since; the names of those built, and the errors of those that couldn't be.

    One sheet's mistake does not keep the others from being built.  ``done`` is called with the name of each.
    """
    jobs = [Job(folder, target) for folder in sheet_folders(root).values()]
    if not jobs:
        raise ReadingError(f"there is no sheet in {root or sheets_root()}")
    target.mkdir(parents=True, exist_ok=True)
    record = _recorded(target)
    program = _digest(_program_files())
    marks = {job.name: _digest([*sorted(job.folder.iterdir())], program, *job.files()) for job in jobs}
    stale = [job for job in jobs if record.get(job.name) != marks[job.name] or not _complete(job)]
    for job in jobs:
        if job not in stale:
            done(job.name)
    built: list[str] = []
    errors: list[SymrnnError] = []
    for job, error in _run(stale, workers):
        done(job.name)
        if error is not None:
            errors.append(error)
            record.pop(job.name, None)
        else:
            built.append(job.name)
            record[job.name] = marks[job.name]
        write_atomically(target / RECORD, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return built, errors


def _run(jobs: list[Job], workers: int) -> Iterator[tuple[Job, SymrnnError | None]]:
    if len(jobs) < 2 or workers < 2:
        yield from ((job, _attempt(job)) for job in jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_attempt, job): job for job in jobs}
        for future in as_completed(running):
            yield running[future], future.result()


def _attempt(job: Job) -> SymrnnError | None:
    try:
        build(job)
    except SymrnnError as error:
        # As a plain error with its whole message, which travels between processes.
        return SymrnnError(str(error))
    return None


def _complete(job: Job) -> bool:
    return all((job.target / name).is_file() for name in job.files())


def _recorded(target: Path) -> dict[str, str]:
    try:
        found = json.loads((target / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _program_files() -> list[Path]:
    """Everything in the package that a sheet may be made from."""
    package = Path(symrnn.__file__).parent
    wanted = {".py", ".cell", ".head", ".j2", ".css", ".js"}
    return sorted(p for p in package.rglob("*") if p.suffix in wanted and "derivations" not in p.parts)


def _digest(files: Iterable[Path], *more: str) -> str:
    summary = hashlib.sha256()
    for path in files:
        if path.is_file():
            summary.update(path.name.encode())
            summary.update(path.read_bytes())
    for text in more:
        summary.update(text.encode())
    return summary.hexdigest()
