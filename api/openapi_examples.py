"""An example of every body that callers send, which the service takes as it stands.

Nobody real: the people are random, and the purposes those of the catalogue that each names.
"""

from __future__ import annotations

from typing import Any, Final

_SUBJECT: Final = "7d3f0c0e-4b1c-4f9e-9d8a-0a4d7c2b1e55"
_QUESTION: Final = {"subject": _SUBJECT, "purpose": "PHOTO"}
_CALLER: Final = {"type": "service", "id": "case-system"}
_PERSON: Final = {"type": "person", "id": _SUBJECT}
_EVALUATION: Final = {
    "subject": _CALLER,
    "action": {"name": "process", "properties": {"processing_activity_id": "PHOTO"}},
    "resource": _PERSON,
    "context": {"time": "2026-06-01T09:00:00Z"},
}

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Acknowledgement": {"nothing yet": {"position": "0:0-0"}},
    "ActionSearch": {
        "every action": {"subject": _CALLER, "resource": _PERSON, "page": {"limit": 10}}
    },
    "CatalogueDocument": {
        "one purpose": {
            "controllers": [{"id": "COUNCIL", "name": "Council", "public_authority": True}],
            "purposes": [
                {
                    "id": "PHOTO",
                    "controller": "COUNCIL",
                    "title": "Photographs on the web site",
                    "task": False,
                    "optional": True,
                    "lines": [{"article6": "a", "effective_from": "2018-05-25"}],
                }
            ],
        }
    },
    "Check": {
        "now": _QUESTION,
        "then": {
            **_QUESTION,
            "operation": "STORE",
            "data": "special",
            "effective_at": "2026-06-01",
            "known_at": "2026-06-01T00:00:00Z",
            "explain": "full",
        },
    },
    "CheckBatch": {"two": {"checks": [{"id": "1", **_QUESTION}, {"id": "2", **_QUESTION}]}},
    "Evaluation": {"process": _EVALUATION},
    "Evaluations": {
        "two times": {
            **{name: one for name, one in _EVALUATION.items() if name != "context"},
            "evaluations": [
                {"context": {"time": "2026-06-01T09:00:00Z"}},
                {"context": {"time": "2026-06-02T09:00:00Z"}},
            ],
        }
    },
    "Identifier": {"made up": {"scheme": "case_number", "value": "C-1"}},
    "NewCommonEntries": {
        "a notice": {
            "entries": [
                {"type": "NoticePublished", "effective_at": "2026-01-01", "notice": "notice-3"}
            ]
        }
    },
    "NewConsumer": {
        "one that pulls": {"purposes": ["PHOTO"], "description": "the photographers' diary"},
        "one that is sent events": {
            "url": "https://cases.example/hooks/consent",
            "acknowledges": "explicit",
            "after": "head",
        },
    },
    "PackOrder": {
        "a complaint": {
            "subject": _SUBJECT,
            "purposes": ["PHOTO"],
            "from": "2026-01-01T00:00:00Z",
            "until": "2026-07-01T00:00:00Z",
            "moments": ["2026-06-01", "2026-06-01T09:00:00Z"],
            "withhold": [{"field": "note", "reason": "names others"}],
        }
    },
    "NewEntries": {
        "a withdrawal": {
            "entries": [
                {
                    "type": "ConsentWithdrawn",
                    "effective_at": "2026-03-02T09:00:00Z",
                    "purpose": "PHOTO",
                    "given_by": _SUBJECT,
                    "capacity": "SELF",
                }
            ]
        }
    },
    "SecretRotation": {"within a day": {"overlap_hours": 24}},
}
