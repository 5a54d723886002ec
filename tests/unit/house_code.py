"""House rules about Python: each takes a project's root and returns what breaks the rule there.

Not about text, layout or locks: those are in `house_files`. The claims are in `test_tidy`.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

OURS = ("ledger", "projections", "api", "migrations")
FUNCTION_LINES_MAX = 60
MEDIAN_LINES_MAX = 8

Function = ast.FunctionDef | ast.AsyncFunctionDef

BANNED = re.compile(r"(^|_)(valid_time|transaction_time|as_of)(_|$)|^users?$|^user_ids?$")
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}
DIAGNOSTIC_LOGS = {"logging", "logger", "logs"}
TIME_FIELD = re.compile(r"(_at|_from|_until)$|^(since|until|from_)$")


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """The Python files of the folders, in order; ours, where none is named."""
    for folder in folders or OURS:
        yield from sorted((root / folder).rglob("*.py"))


def nodes(root: Path, *folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Every syntax node of the folders, each with the file it is in, relative to the root."""
    for path in python_files(root, *folders):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield str(path.relative_to(root)), node


def functions(root: Path, *folders: str) -> Iterator[tuple[str, Function]]:
    """Every function and method of the folders, nested ones too."""
    for path, node in nodes(root, *folders):
        if isinstance(node, Function):
            yield f"{path}:{node.lineno} {node.name}", node


def long_functions(root: Path) -> list[str]:
    """Functions that do not fit on a screen, docstring included."""
    return [
        f"{place}: {lines} lines"
        for place, function in functions(root, *OURS, "tests", "ops")
        if (lines := _lines(function)) > FUNCTION_LINES_MAX
    ]


def median_above_limit(root: Path) -> list[str]:
    """The median length of our functions without their docstrings, where it is too long."""
    lengths = [_lines(each) - _docstring_lines(each) for _, each in functions(root)]
    middle = median(lengths) if lengths else 0
    return [f"the median function has {middle} lines"] if middle > MEDIAN_LINES_MAX else []


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _docstring_lines(function: Function) -> int:
    first = function.body[0]
    has_docstring = ast.get_docstring(function) is not None and isinstance(first, ast.Expr)
    return _lines(first) if has_docstring else 0


def banned_names(root: Path) -> list[str]:
    """Names defined in the record, the read side and the ways in that the vocabulary bans."""
    return [
        f"{path}: {name}"
        for path, node in nodes(root, "ledger", "projections", "api")
        for name in _names_defined(node)
        if BANNED.search(name)
    ]


def _names_defined(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.arg(arg=name):
            yield name
        case ast.alias(asname=str(name)) | ast.MatchAs(name=str(name)):
            yield name


def empty_module_names(root: Path) -> list[str]:
    """Modules whose name says nothing of what they hold, or calls diagnostics a log."""
    return [
        str(path.relative_to(root))
        for path in python_files(root)
        if path.stem in EMPTY_NAMES | DIAGNOSTIC_LOGS or path.parent.name in EMPTY_NAMES
    ]


def diagnostics_called_log(root: Path) -> list[str]:
    """Loggers bound to a name with `log` in it: here a log is the record itself."""
    return [
        f"{path}: {target.id}"
        for path, node in nodes(root)
        if isinstance(node, ast.Assign) and _makes_a_logger(node.value)
        for target in node.targets
        if isinstance(target, ast.Name) and "log" in target.id.lower()
    ]


def _makes_a_logger(value: ast.expr) -> bool:
    made_by = _last_name(value.func) if isinstance(value, ast.Call) else None
    return made_by in {"get_logger", "getLogger"}


def times_not_written_as_text(root: Path) -> list[str]:
    """Struct fields of the ways in that would let a number or a naive time stand for an instant.

    Litestar reads 20240314 as a moment in 1970 wherever a field may be a datetime, so none may be,
    under whatever alias; and a field named like a time may not be a number.
    """
    banned = _aliases_of_times(root)
    return [
        f"{path}: {struct.name}.{field.target.id}: {ast.unparse(field.annotation)}"
        for path, struct in _wire_structs(root)
        for field in struct.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if _identifiers(field.annotation) & (banned | _numbers(field.target.id))
    ]


def _numbers(field: str) -> set[str]:
    return {"int", "float", "Decimal"} if TIME_FIELD.search(field) else set()


def _wire_structs(root: Path) -> Iterator[tuple[str, ast.ClassDef]]:
    """Classes under api/ that derive from msgspec.Struct, directly or through one another."""
    classes = [(path, node) for path, node in nodes(root, "api") if isinstance(node, ast.ClassDef)]
    known = {"Struct"}
    while new := {c.name for _, c in classes if known & _bases(c)} - known:
        known |= new
    yield from ((path, node) for path, node in classes if known & _bases(node))


def _bases(node: ast.ClassDef) -> set[str]:
    return {name for base in node.bases if (name := _last_name(base))}


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _last_name(value)
    return None


def _aliases_of_times(root: Path) -> set[str]:
    """The names that mean a datetime anywhere in our code."""
    aliases = list(_aliases(root))
    known = {"datetime"}
    while new := {name for name, meant in aliases if known & meant} - known:
        known |= new
    return known


def _aliases(root: Path) -> Iterator[tuple[str, set[str]]]:
    """Every `Name = type`, `Name: TypeAlias = type` and `import type as Name`."""
    for _, node in nodes(root):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_type(value):
                yield name, _identifiers(value)
            case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id="TypeAlias")):
                yield name, _identifiers(node.value or node.annotation)
            case ast.ImportFrom(names=names):
                yield from ((each.asname, {each.name}) for each in names if each.asname)


def _is_type(value: ast.expr) -> bool:
    """Whether the value could be a type: a name, a union or a subscript."""
    return isinstance(value, ast.Name | ast.Attribute | ast.Subscript | ast.BinOp)


def _identifiers(node: ast.AST) -> set[str]:
    """The types that an annotation is made of, quoted ones too; not the values of a Literal."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return {name}
        case ast.Constant(value=str(text)):
            return set(re.findall(r"[A-Za-z_]\w*", text))
        case ast.Call() | ast.Subscript(value=ast.Name(id="Literal")):
            return set()
    return set().union(*map(_identifiers, ast.iter_child_nodes(node)))


def foreign_imports_of_the_log(root: Path) -> list[str]:
    """What the Merkle formats import beyond the standard library, cryptography and our errors."""
    allowed = {*sys.stdlib_module_names, "cryptography"}
    return [
        f"{path}: {module}"
        for path, module in _imports(root, "ledger/tlog")
        if module.split(".")[0] not in allowed
        if not re.match(r"ledger\.(tlog|errors)(\.|$)", module)
    ]


def imports_of_ours_by_the_client(root: Path) -> list[str]:
    """What of ours the client imports: it must work where only its own files are."""
    return [
        f"{path}: {module}"
        for path, module in _imports(root, "api")
        if _of_the_client(path.removesuffix(".py").replace("/", "."))
        if module.split(".")[0] in OURS and not _of_the_client(module)
    ]


def _of_the_client(module: str) -> bool:
    return re.match(r"api\.client(_|\.|$)", module) is not None


def _imports(root: Path, folder: str) -> Iterator[tuple[str, str]]:
    for path, node in nodes(root, folder):
        match node:
            case ast.Import(names=names):
                yield from ((path, each.name) for each in names)
            case ast.ImportFrom(level=0, module=str(module), names=names):
                yield from ((path, f"{module}.{each.name}") for each in names)
