"""The house rules: imports point one way, files stay short, no text is ever executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import symrnn

PACKAGE = Path(symrnn.__file__).parent

# From the ground floor up: a room may import from its own floor and those below.
FLOORS = (
    {"errors"},
    {"doctor", "files"},
    {"language"},
    {"primitives"},
    {"cells", "reading", "calculus", "oracle"},
    {"planning"},
    {"inquiry"},
    {"emitting"},
    {"coding", "drawing"},
    {"checking"},
    {"api"},
    {"sheets"},
    {"cli"},
    {"__init__", "__main__"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

# Whatever else the floors allow: not even by way of other rooms.
NEVER_REACHES = {
    "oracle": {"calculus", "emitting", "coding"},  # numbers by another road can't inherit the calculus' mistakes
    "calculus": {"cells", "emitting", "coding"},  # it knows equations, neither particular cells nor notation
}

# Imports inside functions are for start-up time at the edges, and for these packages.
LAZY_ROOMS = {"api", "cli", "__init__", "__main__"}
LAZY_PACKAGES = {
    "matplotlib", "jax", "torch", "numba", "latexify", "lark", "jinja2", "markdown_it", "tqdm",
}  # fmt: skip

LONGEST_FILE = 400

# Modules that run source which symrnn itself has written (never a user's text), and why.
RUNS_GENERATED_SOURCE: dict[str, str] = {
    "symrnn.checking.generated": "generated code is checked by running it",
}
TEXT_EXECUTORS = {"eval", "exec", "compile", "parse_expr", "parse_latex", "__import__"}


@dataclass(frozen=True)
class Import:
    """One import statement: the module it names, and whether it stands inside a function."""

    module: str
    line: int
    lazy: bool

    @property
    def room(self) -> str | None:
        """The room of symrnn that it reaches into, None for other packages."""
        package, _, rest = self.module.partition(".")
        return (rest.partition(".")[0] or "__init__") if package == "symrnn" else None


def module_name(path: Path) -> str:
    parts = ("symrnn", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(source: str, module: str, is_package: bool = False) -> Iterator[Import]:
    """Every import of a module's source, relative ones resolved; `from . import x` counts as importing x."""
    own_package = module if is_package else module.rpartition(".")[0]

    def visit(node: ast.AST, lazy: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = own_package.split(".")
                anchor = ".".join(parents[: len(parents) - node.level + 1])
                base = f"{anchor}.{base}" if base else anchor
            if base == "symrnn":
                yield from (Import(f"symrnn.{alias.name}", node.lineno, lazy) for alias in node.names)
            else:
                yield Import(base, node.lineno, lazy)
        inside = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, inside)

    return visit(ast.parse(source), False)


def wrong_imports(source: str, module: str, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of one module, in sentences."""
    room, problems = room_of(module), []
    for found in imports(source, module, is_package):
        where = f"{module}, line {found.line}"
        if found.room == "__init__" or (found.room and found.room.startswith("__version")):
            continue
        if found.room is not None and found.room not in FLOOR_OF:
            problems.append(f"{where}: {found.room} has no place in FLOORS")
        elif found.room is not None and FLOOR_OF[found.room] > FLOOR_OF[room]:
            problems.append(f"{where}: {room} imports {found.room}, which stands above it")
        if found.lazy and room not in LAZY_ROOMS and found.module.partition(".")[0] not in LAZY_PACKAGES:
            problems.append(f"{where}: {found.module} is imported inside a function")
    return problems


def executed_text(source: str) -> list[str]:
    """Calls that turn text into running code or open a shell."""
    problems = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        bare = node.func.id if isinstance(node.func, ast.Name) else None
        name = node.func.attr if isinstance(node.func, ast.Attribute) else bare
        # `re.compile` and an object's own `eval` method are other things; the built-in names are bare.
        if bare in TEXT_EXECUTORS or name in {"parse_expr", "parse_latex"}:
            problems.append(f"line {node.lineno}: {name}")
        keywords = {k.arg: k.value for k in node.keywords}
        if name == "sympify":
            strict = keywords.get("strict")
            if not (isinstance(strict, ast.Constant) and strict.value is True):
                problems.append(f"line {node.lineno}: sympify without strict=True evaluates strings")
        shell = keywords.get("shell")
        if shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False):
            problems.append(f"line {node.lineno}: a shell is opened")
    return problems


def python_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def rooms_graph() -> dict[str, set[str]]:
    graph: dict[str, set[str]] = {}
    for path in python_files():
        module = module_name(path)
        reached = {i.room for i in imports(path.read_text("utf-8"), module, path.name == "__init__.py")}
        graph.setdefault(room_of(module), set()).update(r for r in reached if r)
    for room, reached in graph.items():
        reached.discard(room)
    return graph


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    frontier = set(graph.get(start, ()))
    while frontier:
        seen |= frontier
        frontier = set().union(*(graph.get(room, set()) for room in frontier)) - seen
    return seen


@pytest.mark.parametrize("path", python_files(), ids=module_name)
def test_imports_point_one_way(path: Path) -> None:
    assert room_of(module_name(path)) in FLOOR_OF, f"{path.name}: give its room a place in FLOORS"
    assert not wrong_imports(path.read_text("utf-8"), module_name(path), path.name == "__init__.py")


def test_rooms_do_not_import_each_other_in_a_circle() -> None:
    graph = {room: reached - {"__init__"} for room, reached in rooms_graph().items() if room != "__init__"}
    assert [room for room in graph if room in reachable(graph, room)] == []


@pytest.mark.parametrize("room", NEVER_REACHES)
def test_independent_rooms_stay_independent(room: str) -> None:
    graph = {r: reached - {"__init__"} for r, reached in rooms_graph().items()}
    assert not reachable(graph, room) & NEVER_REACHES[room]


@pytest.mark.parametrize("path", python_files(), ids=module_name)
def test_files_stay_short(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{module_name(path)} has {lines} lines: it is asking to be two"


@pytest.mark.parametrize("path", python_files(), ids=module_name)
def test_no_text_is_executed(path: Path) -> None:
    if module_name(path) not in RUNS_GENERATED_SOURCE:
        assert executed_text(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from symrnn.emitting import latex",
        "from ..emitting.latex import emit",
        "from .. import emitting",
        "import symrnn.cli",
        "def f():\n    import json",
        "def f():\n    from ..language import nodes",
        "import symrnn.attic",
    ],
)
def test_a_planted_wrong_import_is_found(source: str) -> None:
    assert wrong_imports(source, "symrnn.calculus.rules")


@pytest.mark.parametrize(
    "source",
    [
        "from ..language import nodes\nfrom .steps import Step\nimport sympy",
        "def f():\n    import matplotlib.pyplot as plt",
        "from symrnn import __version__",
    ],
)
def test_a_right_import_passes(source: str) -> None:
    assert wrong_imports(source, "symrnn.calculus.rules") == []


def test_a_package_resolves_its_relative_imports() -> None:
    found = list(imports("from .rules import chain\nfrom ..errors import Problem", "symrnn.calculus", True))
    assert [i.module for i in found] == ["symrnn.calculus.rules", "symrnn.errors"]


@pytest.mark.parametrize(
    "source",
    [
        "eval(text)",
        "exec(compile(text, '', 'exec'))",
        "sympy.sympify(text)",
        "sympify(text, strict=False)",
        "parse_expr(text)",
        "sympy.parsing.sympy_parser.parse_expr(text)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_planted_execution_is_found(source: str) -> None:
    assert executed_text(source)


@pytest.mark.parametrize("source", ["re.compile('a')", "sympify(size, strict=True)", "ast.literal_eval(t)"])
def test_harmless_calls_pass(source: str) -> None:
    assert executed_text(source) == []
