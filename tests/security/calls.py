"""What source code must not call: whatever turns a file's bytes into a program, by name, found in its syntax tree."""

import ast
from collections.abc import Iterator

# Calls that run what they read, or may. A name ends a dotted path: `load` of joblib is written `joblib.load`.
FORBIDDEN = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads", "dill.load",
    "dill.loads", "joblib.load", "torch.load", "torch.hub.load", "torch.jit.load", "pandas.read_pickle",
    "shelve.open", "marshal.load", "marshal.loads", "mlflow.pyfunc.load_model", "eval", "exec", "os.system",
    "os.popen", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.full_load", "yaml.full_load_all",
    "tempfile.mktemp", "jsonpickle.decode",
}  # fmt: skip
MODULES = {"pickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle"}
SAFE_LOADERS = ("yaml.SafeLoader", "yaml.CSafeLoader")
ALIASES = {"numpy.lib.format.read_array": "numpy.load"}  # the same rule holds for both


def problems(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each call in Python source that may run what it reads.

    A name is followed to where it was imported from, whatever it is called here. A forbidden function that is not
    called but handed on, as to `map`, counts too; so does importing one of it alone.
    """
    tree = ast.parse(source)
    names = dict(_imported(tree))
    names |= dict(_kinds_of_safe_loaders(tree, names))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (path := f"{node.module}.{alias.name}") in FORBIDDEN or (
                    node.module in MODULES and alias.name == "*"
                ):
                    yield node.lineno, path
        elif isinstance(node, ast.Attribute | ast.Name) and _path(node, names) in FORBIDDEN:
            yield node.lineno, str(_path(node, names))
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, problem) for problem in _arguments(node, names))


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what each imported name stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (first, first)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _kinds_of_safe_loaders(tree: ast.AST, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the classes that are derived from a safe loader alone, and so are as safe."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and [_path(base, names) for base in node.bases] == ["yaml.SafeLoader"]:
            yield node.name, "yaml.SafeLoader"


def _path(node: ast.expr, names: dict[str, str]) -> str | None:
    """Return the dotted path that an expression stands for, None if it is none."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (above := _path(node.value, names)):
        return f"{above}.{node.attr}"
    return None


def _arguments(call: ast.Call, names: dict[str, str]) -> Iterator[str]:
    """Yield what makes the call of a function unsafe that is safe with other arguments."""
    path = _path(call.func, names)
    path = ALIASES.get(path or "", path)
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if path == "numpy.load" and not _is(given.get("allow_pickle"), False):
        yield "numpy.load without allow_pickle=False"
    loader = given.get("Loader") or (call.args[1] if len(call.args) > 1 else None)
    if path in ("yaml.load", "yaml.load_all") and (loader is None or _path(loader, names) not in SAFE_LOADERS):
        yield f"{path} without a safe loader"
    if "shell" in given and not _is(given["shell"], False):
        yield "shell=True"
    if "allow_pickle" in given and not _is(given["allow_pickle"], False):
        yield "allow_pickle=True"
    if path == "getattr" and isinstance(call.args[0], ast.Name) and names.get(call.args[0].id) in MODULES:
        yield f"getattr of {names[call.args[0].id]}"
    named = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if path in ("importlib.import_module", "__import__") and named in MODULES:
        yield f"import of {named} by its name"


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
