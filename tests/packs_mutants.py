"""The assembled verifier with its checks taken out one at a time.

A mutant is one function or class of it in which one check always holds: a call of `need`, one part
of what such a call or a predicate demands, a raise behind an `except`, or one member of a table of
the format. Not here: which packs tell a mutant from the verifier.
"""

import ast
import sys
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache
from types import FrameType
from typing import Any

import msgspec

from projections.packs.verifier import source
from tests.packs_attacks import Case
from tests.packs_attacks_words import TABLES, paths_of

Outcome = list[tuple[str, ...]]
Definition = ast.FunctionDef | ast.ClassDef
TRUE = ast.Constant(True)


class Mutant(msgspec.Struct, frozen=True, kw_only=True):
    """One top-level definition without one of its checks, which stands on these lines."""

    name: str
    function: str
    lines: tuple[int, int]
    definition: Any


class Verifier:
    """The assembled file, run in a namespace of its own, whose definitions can be replaced."""

    def __init__(self) -> None:
        self.tree = ast.parse(source())
        self.names: dict[str, Any] = {"__name__": "verify"}
        self.fired: set[int] = set()
        self._run(self.tree.body)
        # Keys and signatures are the same in every pack: each is computed once.
        self.names["is_sound"] = lru_cache(maxsize=None)(self.names["is_sound"])
        self.steps = next(each for each in self.tree.body if _defines(each, "STEPS"))
        self.definitions = [each for each in self.tree.body if isinstance(each, Definition)]
        self.kept = {each.name: self.names[each.name] for each in self.definitions}

    def _run(self, body: list[Any]) -> None:
        module = ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))
        exec(compile(module, "verify.py", "exec"), self.names)  # noqa: S102

    def outcome(self, case: Case, *, texts: bool = False) -> Outcome:
        """The verdict, and each claim with its result and code, and its text where that is asked.

        `fired` are the lines that refused something.
        """
        kept = {name: self.names[name] for name in case.limits}
        self.names.update(case.limits)
        key = case.receipt_key and self.names["Key"](case.receipt_key, "E_RECEIPT")
        try:
            evidence = self.names["Evidence"](
                pack=case.pack,
                policy=case.policy,
                receipts=case.receipts,
                receipt_key=key,
                recompute=case.recompute,
            )
            claims = self.names["verified"](evidence)
            verdict = ("verdict", str(self.names["holds"](claims)))
            said = [(*one[:2], one.code or "", one.text if texts else "") for one in claims]
            return [verdict, *said]
        except Exception as error:
            # A check that was taken out may leave what follows without what it relies on.
            return [("ended", type(error).__name__)]
        finally:
            self.names.update(kept)

    def watch(self) -> None:
        """Keep in `fired` the line of every refusal."""
        failed, fired = self.names["Failed"], self.fired
        as_written = failed.__init__

        def noting(self: Any, code: str, where: str) -> None:
            frame: FrameType | None = sys._getframe(1)
            while frame is not None and frame.f_code.co_filename == "verify.py":
                fired.add(frame.f_lineno)
                frame = frame.f_back
            as_written(self, code, where)

        failed.__init__ = noting

    def put(self, mutant: Mutant) -> None:
        """Replace the definition by that of the mutant."""
        self._run([mutant.definition, self.steps])

    def restore(self) -> None:
        """Put every definition back."""
        self.names.update(self.kept)
        self._run([self.steps])


def _defines(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name


def mutants(verifier: Verifier) -> Iterator[Mutant]:
    """Every mutant of the functions and classes."""
    for definition in verifier.definitions:
        nodes = list(ast.walk(definition))
        for place, node in enumerate(nodes):
            for n in range(_many(node, nodes)):
                changed = deepcopy(definition)
                _take_out(list(ast.walk(changed))[place], n)
                yield Mutant(
                    name=f"{definition.name}: {_title(node, n)}",
                    function=definition.name,
                    lines=(node.lineno, node.end_lineno or node.lineno),  # type: ignore[attr-defined]
                    definition=changed,
                )


def _many(node: ast.AST, nodes: list[ast.AST]) -> int:
    """How many checks the node is, apart from those inside it."""
    match node:
        case ast.Call(func=ast.Name(id="need")):
            return 1
        case ast.BoolOp(op=ast.And(), values=values):
            return len(values)
        case ast.BoolOp(op=ast.Or(), values=values) if _guards(node, nodes):
            return len(values)
        case ast.Compare(ops=ops) if len(ops) > 1:
            return len(ops)
        case ast.If(body=[ast.Raise()]) | ast.If(body=[ast.Return(value=ast.Constant())]):
            return 1
        case ast.ExceptHandler(body=[ast.Raise()]):
            return 1
        case ast.IfExp(body=ast.Constant(value=None), orelse=ast.Constant(value="")):
            return 1
    return 0


def _guards(node: ast.AST, nodes: list[ast.AST]) -> bool:
    """Whether the alternatives lead to a refusal."""
    return any(
        isinstance(each, ast.If)
        and each.test is node
        and isinstance(each.body[0], ast.Raise | ast.Return)
        for each in nodes
    )


def _take_out(node: Any, n: int) -> None:
    """Make the n-th check of the node hold always."""
    match node:
        case ast.Call():
            node.args[0] = ast.BoolOp(op=ast.Or(), values=[node.args[0], TRUE])
        case ast.BoolOp():
            always = isinstance(node.op, ast.And)
            node.values[n] = ast.Constant(always)
        case ast.Compare():
            terms = [node.left, *node.comparators]
            pairs = [
                ast.Compare(left=terms[at], ops=[op], comparators=[terms[at + 1]])
                for at, op in enumerate(node.ops)
                if at != n
            ]
            node.left, node.ops = ast.BoolOp(op=ast.And(), values=[*pairs, TRUE]), [ast.IsNot()]
            node.comparators = [ast.Constant(False)]
        case ast.If():
            node.test = ast.BoolOp(op=ast.And(), values=[node.test, ast.Constant(False)])
        case ast.ExceptHandler():
            node.body = [ast.Pass()]
        case ast.IfExp():
            node.orelse = node.body


def _title(node: Any, n: int) -> str:
    match node:
        case ast.Call():
            return f"need({ast.unparse(node.args[0])})"
        case ast.BoolOp():
            return f"{ast.unparse(node)} without {ast.unparse(node.values[n])}"
        case ast.Compare():
            return f"{ast.unparse(node)} without {ast.unparse(node.ops[n])} {n + 1}"
        case ast.If():
            return f"if {ast.unparse(node.test)}"
        case ast.ExceptHandler():
            return f"except {ast.unparse(node.type)}" if node.type else "except"
    return ast.unparse(node)


def tables_without_a_check() -> Iterator[tuple[str, str, Any]]:
    """Each table with one of its shapes left open, and the name of the attack on that place."""
    for name, (_, _, _, table) in TABLES.items():
        for path, shape in paths_of(table):
            where = f"words.{name}{''.join(f'.{each}' for each in path)}"
            if shape is not object:
                yield where, name, opened(table, path, object)
            if isinstance(shape, dict) and ... not in shape:
                yield f"{where} and more", name, opened(table, (*path, ...), object)


def opened(table: Any, path: tuple[Any, ...], shape: Any) -> Any:
    """The table with another shape at the path."""
    if not path:
        return shape
    if isinstance(table, tuple):
        return tuple(
            opened(each, path, shape) if isinstance(each, list | dict) else each for each in table
        )
    if isinstance(table, list):
        return [opened(table[0], path[1:], shape)]
    inner = table.get(path[0])
    return {**table, path[0]: opened(inner, path[1:], shape)}
