"""`soli doctor`: what is installed, whether it works, and the line that mends what does not."""

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import typer

from soli.cli.common import JsonFlag, ModelOption, print_error, print_json
from soli.cli.extras import extras
from soli.errors import install_line
from soli.separation.checkup import check_all


def doctor(model: ModelOption = "voice", json: JsonFlag = False) -> None:
    """Try every part that soli needs: packages, sound formats, devices, a test separation of one second.

    Exit code 1 where something is broken; the line that mends it is printed.
    """
    checks = list(check_all(model))
    parts = [_part(extra, packages) for extra, packages in extras().items()]
    broken = [each for each in checks if not each.ok]
    if json:
        print_json({"ok": not broken, "checks": [asdict(each) for each in checks], "extras": parts})
    else:
        from soli.cli.tables import print_table

        rows = [(each.group, each.name, "ok" if each.ok else "BROKEN", each.found) for each in checks]
        rows += [("extra", str(each["extra"]), *_extra_cells(each)) for each in parts]
        print_table(("part", "name", "state", "found"), rows)
        for each in broken:
            print_error(f"{each.name} is broken: {each.found}; to mend it: {each.mend}")
    raise typer.Exit(1 if broken else 0)


def _part(extra: str, packages: tuple[str, ...]) -> dict[str, object]:
    """One optional part: the version of each of its packages, None where it is missing, and how to add them."""
    found: dict[str, str | None] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    missing = None in found.values()
    return {"extra": extra, "packages": found, "add": install_line(extra) if missing else None}


def _extra_cells(part: dict[str, object]) -> tuple[str, str]:
    packages = part["packages"]
    assert isinstance(packages, dict)
    listed = ", ".join(f"{name} {found or 'missing'}" for name, found in packages.items())
    return ("absent", f"{listed}; to add it, {part['add']}") if part["add"] else ("ok", listed)
