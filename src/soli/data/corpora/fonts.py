"""Which sound font plays which split: by path, or the one that a Debian package brings."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from soli.data.corpora.gus_patch import PatchFolder
from soli.data.corpora.packages import Licence, download_packages, find_packages, read_licence
from soli.data.corpora.players import CHAIRS
from soli.data.corpora.sampler import Sampler
from soli.data.corpora.soundfont import SoundFont
from soli.data.corpora.zones import Instrument
from soli.data.library import Split
from soli.errors import DataError
from soli.media.hashing import sha256_file

# Recordings of three different sets: what a model learns from one is tested on timbres that it has never heard.
PACKAGES: dict[Split, str] = {"train": "fluid-soundfont-gm", "valid": "timgm6mb-soundfont", "test": "freepats"}
_PLACES = {
    "fluid-soundfont-gm": "usr/share/sounds/sf2/FluidR3_GM.sf2",
    "timgm6mb-soundfont": "usr/share/sounds/sf2/TimGM6mb.sf2",
    "freepats": "usr/share/midi/freepats/Tone_000",
}


class Font(Protocol):
    """A file or a folder that instruments are read from."""

    def instrument(self, program: int) -> Instrument: ...


@dataclass(frozen=True)
class Source:
    """Where a font lies, what it is called, and on what terms it may be used."""

    path: Path
    name: str
    licence: Licence

    @classmethod
    def of(cls, path: Path) -> "Source":
        """A font of the user's own, whose terms only the user knows."""
        return cls(path, path.name, Licence(path.name, ("see the font",), "", "", ""))


def font_sources(
    given: dict[Split, str], splits: list[Split], *, packages_root: Path | None = None, download: Path | None = None
) -> dict[Split, Source]:
    """The font of each split: the path or the package that is `given`, or the package that is meant for it.

    `download`: the folder to fetch packages into that are not there. Raises DataError naming all that are missing.
    """
    chosen = {split: given.get(split, PACKAGES[split]) for split in splits}
    names = [name for name in dict.fromkeys(chosen.values()) if name in _PLACES]
    if download is not None and names:
        packages_root = download
        download_packages(names, download)
    packages = {package.name: package for package in find_packages(names, packages_root=packages_root)}
    sources: dict[Split, Source] = {}
    for split, name in chosen.items():
        if name in packages:
            package = packages[name]
            sources[split] = Source(package.root / _PLACES[name], name, read_licence(package))
        else:
            sources[split] = Source.of(Path(name))
    return sources


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
        f"no sound font at {path}", wanted=f"a path to one, or a package of these: {', '.join(sorted(_PLACES))}"
    )


@functools.lru_cache(4)
def samplers(path: Path) -> dict[int, Sampler]:
    """The players' instruments by program: all that must be there, and of their kin those that are.

    Raises DataError where the font is none, is damaged, or lacks one that must be there.
    """
    font = open_font(path)
    found = {chair.voice.program: Sampler(font.instrument(chair.voice.program)) for chair in CHAIRS}
    for program in {voice.program for chair in CHAIRS for voice, _ in chair.others}:
        try:
            found[program] = Sampler(font.instrument(program))
        except DataError:
            continue  # its own instrument plays instead
    return found


def fingerprint(path: Path) -> str:
    """The sha256 of a font; of a folder that of the patches it is played from."""
    if path.is_dir():
        files = PatchFolder.open(path).files()
        wanted = sorted({voice.program for chair in CHAIRS for voice in chair.voices} & set(files))
        return " ".join(sha256_file(files[program])[:16] for program in wanted)
    return sha256_file(path)
