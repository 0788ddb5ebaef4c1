"""Which code decides a cell's numbers: the detector's module and every module of its package that it imports."""

import ast
import hashlib
import importlib.util
import sys
from pathlib import Path

# Modules that numbers do not depend on: parameters (their values are in the key), messages, and how files are written.
NEUTRAL = frozenset({"alpa.config", "alpa.errors", "alpa.files"})


def code_fingerprint(modules: list[str]) -> str:
    """Return a SHA-256 over `modules` and what they import from their own packages, directly or not.

    Comments, docstrings and layout do not count, so that a better explanation never retrains a model.
    """
    sources: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if name in sources or name in NEUTRAL or path is None:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        waiting += _imports(tree, package=name.partition(".")[0])
        sources[name] = _without_docstrings(tree)
    return hashlib.sha256("".join(f"{name}\n{sources[name]}\n" for name in sorted(sources)).encode()).hexdigest()


def _source(name: str) -> Path | None:
    """Return the file of a module, None for a package's __init__ (an index, not a computation) or a name in a module."""
    loaded = sys.modules.get(name)
    try:
        spec = loaded.__spec__ if loaded else importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        return None
    origin = getattr(loaded, "__file__", None) or (spec.origin if spec else None)
    return Path(origin) if origin and origin.endswith(".py") and not origin.endswith("__init__.py") else None


def _imports(tree: ast.AST, package: str) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if name.partition(".")[0] == package]


def _without_docstrings(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                node.body = node.body[1:]
    return ast.dump(tree, include_attributes=False)
