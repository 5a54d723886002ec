"""The verifier that a stranger runs: one file, assembled from the modules here.

They import the standard library and one another, no other module of ours, and are written for
Python 3.9. What ships is `source()`; the modules themselves are for `ledger pack verify`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files

MODULES = (
    "reading",
    "ed25519",
    "tree",
    "notes",
    "policies",
    "container",
    "pack",
    "evidence",
    "log_steps",
    "entry_steps",
    "outside_steps",
    "answer_steps",
    "main",
)
"""In the order in which they use one another; the docstring of the last is that of the file."""


def source() -> str:
    """The verifier as one file, the same text every time."""
    texts = [text_of(module) for module in MODULES]
    trees = [ast.parse(text) for text in texts]
    head = texts[-1][: texts[-1].index("from __future__")]
    parts = [head + "from __future__ import annotations\n", "\n".join(imports(trees))]
    for text, tree in zip(texts, trees):
        about = "" if tree is trees[-1] else title(tree)
        parts.append(f"\n{about}{body(text, tree)}")
    return "\n".join(parts)


def text_of(module: str) -> str:
    """The text of one of the modules."""
    return files(__name__).joinpath(f"{module}.py").read_text(encoding="utf-8")


def imports(trees: list[ast.Module]) -> list[str]:
    """What the modules import of the standard library, each once."""
    whole: set[str] = set()
    parts: dict[str, set[str]] = {}
    for node in (each for tree in trees for each in imports_of(tree)):
        if isinstance(node, ast.Import):
            whole.update(alias.name for alias in node.names)
        elif node.module and not (node.module == "__future__" or node.module.startswith(__name__)):
            parts.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return [f"import {name}" for name in sorted(whole)] + [
        f"from {module} import {', '.join(sorted(names))}"
        for module, names in sorted(parts.items())
    ]


def imports_of(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports at the top of a module."""
    return (node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)))


def title(tree: ast.Module) -> str:
    """The docstring of the module as a comment."""
    lines = (ast.get_docstring(tree) or "").split("\n")
    return "".join(f"# {line}".rstrip() + "\n" for line in ["", *lines, ""]) + "\n"


def body(text: str, tree: ast.Module) -> str:
    """The module without its docstring and imports."""
    last = max(node.end_lineno or 0 for node in imports_of(tree))
    return "\n".join(text.split("\n")[last:]).strip("\n") + "\n"
