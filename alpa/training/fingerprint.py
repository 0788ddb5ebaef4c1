"""Which code decides a cell's numbers: the detector's module and what it imports, of its own package and of ALPA."""

import ast
import hashlib
import importlib.util
import sys
from pathlib import Path

from alpa.plugin_code import digest
from alpa.plugins import find

# Modules that numbers do not depend on: parameters (their values are in the key), messages, how files are written and
# described, and where calls run.
NEUTRAL = frozenset(
    {"alpa.config", "alpa.errors", "alpa.files", "alpa.runs", "alpa.evaluation.facts", "alpa.training.workers"}
)
SUITE = "alpa"


def detector_fingerprint(key: str, detector: type) -> str:
    """Return a SHA-256 of the code that decides the numbers of the detector `key`.

    Of another package's detector, every file of that package counts, and the versions of what it requires.
    """
    entry = find("alpa.detectors", key, ())
    if entry is None:
        return code_fingerprint([detector.__module__])
    own = (SUITE, detector.__module__.partition(".")[0])
    built_on = [base.__module__ for base in detector.__mro__ if base.__module__.partition(".")[0] in own]
    return hashlib.sha256(f"{code_fingerprint(built_on)} {digest(entry)}".encode()).hexdigest()


def code_fingerprint(modules: list[str]) -> str:
    """Return a SHA-256 over `modules` and what they import, directly or not, from their own packages and from ALPA.

    Comments, docstrings, annotations and layout do not count: a better explanation never retrains a model.
    """
    sources: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None and name in modules:
            path = _file(name)
        if name in sources or name in NEUTRAL or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imports(tree, name)
        sources[name] = ast.dump(_Essence().visit(tree))
    return hashlib.sha256("".join(f"{name}\n{sources[name]}\n" for name in sorted(sources)).encode()).hexdigest()


def _source(name: str) -> Path | None:
    """Return a module's file; None for a package's __init__ (an index, not a computation) and for no module at all."""
    path = _file(name)
    return None if path is None or path.name == "__init__.py" else path


def _file(name: str) -> Path | None:
    """Return the file of a module or of a package's __init__, None where there is none."""
    loaded = sys.modules.get(name)
    try:
        spec = loaded.__spec__ if loaded else importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        return None
    origin = getattr(loaded, "__file__", None) or (spec.origin if spec else None)
    return Path(origin) if origin and origin.endswith(".py") else None


def _imports(tree: ast.AST, module: str) -> list[str]:
    followed = {module.partition(".")[0], SUITE}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), module.rpartition(".")[0])
            found += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.partition(".")[0] in followed]


class _Essence(ast.NodeTransformer):
    """Drops what no number depends on: docstrings, and the annotations of functions and of names inside them."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        node.body = [_plain_assignment(statement) for statement in node.body]
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _without_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)


def _plain_assignment(statement: ast.stmt) -> ast.stmt:
    """Turn `name: type = value` into `name = value`; a class body keeps its own, since they make dataclass fields."""
    if isinstance(statement, ast.AnnAssign) and statement.value is not None:
        return ast.Assign([statement.target], statement.value)
    return statement
