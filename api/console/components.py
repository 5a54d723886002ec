"""The components of GOV.UK Frontend, as functions that templates call by their own names.

They are written for an environment in which what is left out is empty; pages of ours are made in
one where that is an error. So each has its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from jinja2 import ChainableUndefined, Environment, PackageLoader, PrefixLoader
from markupsafe import Markup

PACKAGE = "govuk_frontend_jinja"
NAMES = (
    "BackLink",
    "Breadcrumbs",
    "Button",
    "Checkboxes",
    "DateInput",
    "Details",
    "ErrorMessage",
    "ErrorSummary",
    "Fieldset",
    "GenericHeader",
    "Hint",
    "Input",
    "InsetText",
    "Label",
    "NotificationBanner",
    "Pagination",
    "Panel",
    "PasswordInput",
    "PhaseBanner",
    "Radios",
    "Select",
    "ServiceNavigation",
    "SkipLink",
    "SummaryList",
    "Table",
    "Tag",
    "TaskList",
    "Textarea",
    "WarningText",
)
"""Those whose styles `ops/console-assets` compiles."""

Component = Callable[..., Markup]


def components() -> dict[str, Component]:
    """Each component by the name that templates know it by, such as `govukButton`."""
    environment = Environment(
        loader=PrefixLoader({PACKAGE: PackageLoader(PACKAGE)}),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    return {f"govuk{name}": _component(environment, name) for name in NAMES}


def _component(environment: Environment, name: str) -> Component:
    folder = "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")
    template = environment.get_template(f"{PACKAGE}/components/{folder}/macro.html")
    return cast(Component, getattr(template.module, f"govuk{name}"))
