"""The templates of the pages: what all of them share is in `base.html.j2`. Every text that is put in is escaped."""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from soli.metrics.arrays import Score


def page(template: str, **values: Any) -> str:
    """A page as HTML, from a template of this package."""
    loader = PackageLoader("soli.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(db=decibels, unbroken=unbroken)
    return environment.get_template(template).render(values)


def unbroken(text: str) -> str:
    """The text with hyphens that no line ends at."""
    return text.replace("-", "\N{NON-BREAKING HYPHEN}")


def decibels(score: Score) -> str:
    """A score of one item, with its sign."""
    return "undefined: it is silent" if score is None else f"{score:+.1f} dB"
