"""Which sound fonts play which split: by path, or those that Debian packages bring."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn, Protocol

from soli.data.corpora.gus_patch import PatchFolder
from soli.data.corpora.packages import Licence, Package, download_packages, find_packages, read_licence
from soli.data.corpora.players import CHAIRS, Chair
from soli.data.corpora.sampler import Sampler
from soli.data.corpora.soundfont import SoundFont
from soli.data.corpora.zones import Instrument
from soli.data.library import Split
from soli.errors import DataError
from soli.media.hashing import sha256_file

# Recordings that no other split has: what a model learns from some is tested on timbres that it has never heard.
PACKAGES: dict[Split, tuple[str, ...]] = {
    "train": ("fluid-soundfont-gm", "minuet-data", "denemo-data"),
    "valid": ("timgm6mb-soundfont",),
    "test": ("freepats",),
}


@dataclass(frozen=True)
class _Packaged:
    """Where a package has its font, which programs of it are `left_out`, and what the font's own licence is called.

    Without a `licence` that of the package holds for its font.
    """

    place: str
    left_out: frozenset[int] = frozenset()
    licence: str | None = None


# Left out is what is also in a font that validates or tests: `bench/fonts.py` correlates their recordings and refuses a
# copy that trains; docs/benchmarks.md has what it found.
_FONTS = {
    "fluid-soundfont-gm": _Packaged("usr/share/sounds/sf2/FluidR3_GM.sf2", licence="MIT"),
    # GeneralUser GS. Its bassoon (70) is that of FreePats. Its tenor saxophone (66) is that of TimGM6mb, filtered and
    # at exactly twice the rate.
    "minuet-data": _Packaged(
        "usr/share/minuet/soundfonts/GeneralUser-v1.47.sf2", frozenset({66, 70}), "GeneralUser GS License v2.0"
    ),
    # A320U. Its bassoon (70) is that of FreePats, shortened and at another rate. Its soprano saxophone (64) is in
    # doubt: of what is not known to be a copy it is the most like another, the saxophones of TimGM6mb.
    "denemo-data": _Packaged("usr/share/sounds/sf2/A320U.sf2", frozenset({64, 70}), "GPL-2"),
    "timgm6mb-soundfont": _Packaged("usr/share/sounds/sf2/TimGM6mb.sf2"),
    "freepats": _Packaged("usr/share/midi/freepats/Tone_000"),
}


class Font(Protocol):
    """A file or a folder that instruments are read from."""

    def programs(self) -> Mapping[int, str]: ...

    def instrument(self, program: int) -> Instrument: ...


@dataclass(frozen=True)
class Source:
    """Where a font lies, what it is called, on what terms it may be used, and which of its programs may not."""

    path: Path
    name: str
    licence: Licence
    left_out: frozenset[int] = frozenset()

    @classmethod
    def of(cls, path: Path) -> "Source":
        """A font of the user's own, whose terms and sources only the user knows."""
        return cls(path, path.name, Licence(path.name, ("see the font",), "", "", ""))


def font_sources(
    given: Mapping[Split, Sequence[str]],
    splits: Sequence[Split],
    *,
    packages_root: Path | None = None,
    download: Path | None = None,
) -> dict[Split, tuple[Source, ...]]:
    """The fonts of each split: the paths or packages that are `given`, or the packages that are meant for it.

    `download`: the folder to fetch packages into that are not there. Raises DataError naming all that are missing.
    """
    chosen = {split: given.get(split, PACKAGES[split]) for split in splits}
    every = dict.fromkeys(name for names in chosen.values() for name in names)
    wanted = [name for name in every if name in _FONTS]
    if download is not None and wanted:
        packages_root = download
        download_packages(wanted, download)
    found = {package.name: _packaged(package) for package in find_packages(wanted, packages_root=packages_root)}
    return {
        split: tuple(found[name] if name in found else Source.of(Path(name)) for name in names)
        for split, names in chosen.items()
    }


def _packaged(package: Package) -> Source:
    """A package's font. Where it has a licence of its own, what it says about it comes before the package's."""
    font = _FONTS[package.name]
    path = package.root / font.place
    licence = read_licence(package)
    if font.licence is not None:
        said = SoundFont.open(path).terms()
        licence = replace(licence, licences=(font.licence,), text=f"{path.name}:\n{said}\n\n{licence.text}")
    return Source(path, package.name, licence, font.left_out)


def open_font(path: Path) -> Font:
    """Opens a sound font: a SoundFont 2 file, or a folder of patches. Raises DataError where it is neither."""
    try:
        if path.is_dir():
            return PatchFolder.open(path)
        if path.is_file():
            return SoundFont.open(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}", do="look at its permissions") from error
    raise DataError(
        f"no sound font at {path}", wanted=f"a path to one, or a package of these: {', '.join(sorted(_FONTS))}"
    )


@functools.lru_cache(8)
def samplers(path: Path, left_out: frozenset[int] = frozenset()) -> dict[int, Sampler]:
    """The players' instruments that a font has, by program, but for those `left_out`.

    Raises DataError where the font is none, or is damaged.
    """
    font = open_font(path)
    wanted = {voice.program for chair in CHAIRS for voice in chair.voices} - left_out
    return {program: Sampler(font.instrument(program)) for program in sorted(wanted & set(font.programs()))}


def ensemble(sources: Sequence[Source]) -> list[dict[int, Sampler]]:
    """The players' instruments of each font, by program; each chair's own is in one of them at least.

    Raises DataError where one is in none, where a font has none of them, and for a font that cannot be used.
    """
    found = [samplers(source.path, source.left_out) for source in sources]
    for chair in CHAIRS:
        if not any(chair.voice.program in instruments for instruments in found):
            _say_who_lacks(chair, sources)
    for source, instruments in zip(sources, found, strict=True):
        if not instruments:
            raise DataError(f"{source.path} has none of the instruments", do="leave that font out")
    return found


def _say_who_lacks(chair: Chair, sources: Sequence[Source]) -> NoReturn:
    program = chair.voice.program
    for source in sources:
        if program not in source.left_out:
            open_font(source.path).instrument(program)  # raises, and says what there is instead
    names = " and ".join(source.name for source in sources)
    raise DataError(
        f"the {chair.source} (program {program}) of {names} is that of a font which validates or tests",
        do="add a font with another one",
    )


def fingerprint(path: Path) -> str:
    """The sha256 of a font; of a folder that of the patches it is played from."""
    if path.is_dir():
        files = PatchFolder.open(path).files()
        wanted = sorted({voice.program for chair in CHAIRS for voice in chair.voices} & set(files))
        return " ".join(sha256_file(files[program])[:16] for program in wanted)
    return sha256_file(path)
