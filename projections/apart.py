"""Whether entries that name one purpose can bear on another: then purposes may be looked at apart.

Pure. Not here: what an entry does to the purpose that it names (`ledger.rules`).
"""

from __future__ import annotations

from ledger.events import PolicySet
from ledger.history import Dossier
from ledger.rules.rulebook import RuleBook

ACROSS = "nhs_objection_scope"
"""The setting under which an entry about one purpose may bear on others."""
_ALL = "all uses"


def purposes_apart(catalogue: Dossier, rulebook: RuleBook) -> bool:
    """Whether an entry that names one purpose bears on no other, at any moment."""
    return rulebook.defaults[ACROSS] != _ALL and not any(
        isinstance(one.fact, PolicySet) and one.fact.setting == ACROSS for one in catalogue.items
    )
