"""Where the files of Debian packages lie: installed, unpacked in a folder, or fetched without being installed."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from soli.atomic import cannot_write, part_of
from soli.errors import DataError


@dataclass(frozen=True)
class Licence:
    """What a package's copyright file says, in short."""

    package: str
    licences: tuple[str, ...]
    homepage: str
    copyright_file: str
    text: str


@dataclass(frozen=True)
class Package:
    """A package and the folder that stands for its `/`."""

    name: str
    root: Path

    def copyright_file(self) -> Path:
        return self.root / "usr/share/doc" / self.name / "copyright"


def find_packages(names: Iterable[str], *, packages_root: Path | None = None) -> list[Package]:
    """Finds every package, installed or unpacked as `packages_root/<name>/usr` or `packages_root/usr`.

    A package is there when its copyright file is, which Debian puts into every package. Raises DataError with the
    apt line that installs the missing ones.
    """
    found, missing = [], []
    for name in names:
        roots = [Path("/")] if packages_root is None else [packages_root / name, packages_root]
        package = next((p for p in (Package(name, root) for root in roots) if p.copyright_file().is_file()), None)
        if package is None:
            missing.append(name)
        else:
            found.append(package)
    if missing:
        place = "installed" if packages_root is None else f"in {packages_root}"
        raise DataError(
            f"{len(missing)} packages with sounds are not {place}",
            do=f"run: apt-get install --no-install-recommends {' '.join(missing)}"
            " (or add --download to fetch and unpack them beside the library, without installing and without root)",
        )
    return found


def download_packages(names: Iterable[str], folder: Path) -> None:
    """Fetches the packages that `folder` lacks with `apt-get download` and unpacks each into `folder/<name>`.

    A package appears there whole or not at all, so that the same call after a kill fetches what is left; what else has
    its name there is replaced. Raises DataError where apt-get or dpkg-deb fails, OutputError where the folder cannot
    be written.
    """
    for name in names:
        if Package(name, folder / name).copyright_file().is_file():
            continue
        try:
            _download(name, folder)
        except OSError as error:
            raise cannot_write(folder / name, error) from error


def _download(name: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _command(["apt-get", "download", name], folder)
    archives = sorted(folder.glob(f"{name}_*.deb"))
    if not archives:
        raise DataError(f"apt-get download {name} left no file in {folder}", do="look at your apt sources")
    part = part_of(folder / name)
    _remove(part)
    _command(["dpkg-deb", "-x", archives[-1].name, part.name], folder)
    _remove(folder / name)
    part.rename(folder / name)
    archives[-1].unlink()


def _remove(place: Path) -> None:
    """Removes a folder with all that is in it, or a file."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def _command(arguments: list[str], folder: Path) -> None:
    line = " ".join(arguments)
    try:
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise DataError(f"{arguments[0]} is not on this machine", wanted="a Debian or Ubuntu system") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(f"{line} failed: {last}", do="run apt-get update, or see whether the package exists here")


def read_licence(package: Package) -> Licence:
    """Reads a copyright file (machine-readable format 1.0; older ones give the licence `see the file`)."""
    text = package.copyright_file().read_text(encoding="utf-8", errors="replace")
    main = re.search(r"^Files:\s*\*\s*\n(?:.*\n)*?License:\s*(.+)$", text, re.MULTILINE)
    every = re.findall(r"^License:\s*(\S.*)$", text, re.MULTILINE)
    ordered = ([main.group(1)] if main else []) + every
    homepage = re.search(r"^(?:Source|Upstream-Source):\s*(\S+)", text, re.MULTILINE)
    return Licence(
        package=package.name,
        licences=tuple(dict.fromkeys(name.strip() for name in ordered)) or ("see the file",),
        homepage=homepage.group(1) if homepage else "",
        copyright_file=f"usr/share/doc/{package.name}/copyright",
        text=text,
    )
