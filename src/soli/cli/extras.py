"""The optional parts of soli and the packages that each brings, as the installed package itself declares them."""

import re
from importlib.metadata import PackageNotFoundError, requires

_REQUIREMENT = re.compile(r"""^(?P<package>[\w.-]+).*;.*extra == ['"](?P<extra>[\w-]+)['"]""")
_COLLECTIONS = ("all", "dev")


def extras() -> dict[str, tuple[str, ...]]:
    """The packages of every optional part; nothing where soli runs without being installed."""
    try:
        lines = requires("soli") or []
    except PackageNotFoundError:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match and match["package"] != "soli" and match["extra"] not in _COLLECTIONS:
            found[match["extra"]] = (*found.get(match["extra"], ()), match["package"])
    return found


def extra_of(package: str) -> str | None:
    """The smallest optional part that brings `package`; None where no part does."""
    parts = {extra: packages for extra, packages in extras().items() if package in packages}
    return min(parts, key=lambda extra: len(parts[extra])) if parts else None
