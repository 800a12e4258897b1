"""Which files a call of `soli separate` means, and the folder that each one's stems go to."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soli.errors import InputError, UsageError
from soli.media.formats import VIDEO_FORMATS
from soli.media.source import is_pipe
from soli.separation.journal import NAME as JOURNAL
from soli.separation.journal import Journal

# The names by which sound is found in a folder; a file that is named outright may be called anything.
_SOUND = """
.wav .wave .w64 .rf64 .bwf .flac .ogg .oga .opus .mp3 .mp2 .m4a .m4b .aac .ac3 .eac3 .aif .aiff .aifc .au .snd .caf .wma
.wv .ape .tta .dts .amr .spx .mka .weba
"""
_VIDEO = ".avi .mpg .mpeg .ts .3gp .flv .ogv .wmv"  # beside those that are written too
SUFFIXES = frozenset((*_SOUND.split(), *_VIDEO.split(), *VIDEO_FORMATS))


@dataclass(frozen=True)
class Item:
    """One file to take apart: its name as the user gave it, where it is, and its folder below the output folder."""

    given: str
    path: Path
    folder: Path


@dataclass(frozen=True)
class Failure:
    """An input that could not be done, by the name that the user gave it, and the one line that says why."""

    input: str
    error: str


def plan(
    inputs: Sequence[str], *, recursive: bool = False, left_out: Callable[[Path], object] = lambda path: None
) -> list[Item | Failure]:
    """The files that `inputs` (files and folders) mean, in the order given; a folder's files sorted by path.

    A folder gives its sound files, with `recursive` those of its sub-folders too; hidden ones, pipes and the stems of
    earlier runs are left aside. Where it gives some, `left_out` is told of each other file, left aside by its suffix
    alone. `-` is standard input. No sound is opened: a missing file is still an Item, and fails when it is read. Where
    only the suffix tells two names apart (`a.wav` and `a.mp3`), it stays in both folders' names.
    """
    items: list[Item | Failure] = []
    for given in inputs:
        if not given:
            raise UsageError(
                "an input without a name", wanted="a file or a folder", do="is a variable of the shell empty?"
            )
        path = Path("/dev/stdin" if given == "-" else given)
        if re.match(r"\w+://", given) and not path.exists():
            items.append(_address(given))
        elif _is_folder(path):
            items += _folder_items(given, path, recursive=recursive, left_out=left_out)
        else:
            items.append(Item(given, path, Path(folder_name(path))))
    return _told_apart(items)


def _address(given: str) -> Failure:
    return Failure(given, str(InputError(f"{given} is an address", wanted="a file", do="fetch it to a file first")))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # below a folder that may not be entered: opening it names it, and the others are done
        return False


def _told_apart(items: list[Item | Failure]) -> list[Item | Failure]:
    """The items, with whole names for the folders of those that would share one with a file of another name.

    Again and again, for a whole name may be what another file's folder is called already (`a.wav`, and `a.wav.flac`).
    """
    names: dict[Path, set[str]] = {}
    for item in items:
        if isinstance(item, Item):
            names.setdefault(item.folder, set()).add(item.path.name)
    apart = [
        replace(item, folder=item.folder.with_name(item.path.name))
        if isinstance(item, Item) and len(names[item.folder]) > 1
        else item
        for item in items
    ]
    return items if apart == items else _told_apart(apart)


def folder_name(path: Path) -> str:
    """The name of the folder for a file's stems: the file's name without its suffix.

    A name that would then mean a folder itself (`...wav` has the stem `..`) is kept whole.
    """
    return path.name if path.stem in ("", ".", "..") else path.stem


def _folder_items(
    given: str, top: Path, *, recursive: bool, left_out: Callable[[Path], object]
) -> list[Item | Failure]:
    files = sorted(_files(top, recursive=recursive))
    found = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not found:
        do = (
            "name a file outright"
            if recursive
            else "look into its sub-folders too (--recursive), or name a file outright"
        )
        return [Failure(given, str(InputError(f"the folder {given} holds no sound file", do=do)))]
    for path in files:
        if path.suffix.lower() not in SUFFIXES:
            left_out(path)
    return [Item(str(path), path, path.parent.relative_to(top) / folder_name(path)) for path in found]


def _files(top: Path, *, recursive: bool) -> Iterator[Path]:
    """The files below a folder, but for hidden ones, pipes, and the stems of earlier runs that a journal names."""
    stems: set[Path] = set()
    for root, folders, names in os.walk(top):
        folder = Path(root)
        if (folder / JOURNAL).exists():
            stems |= Journal(folder).stems()
        folders[:] = [each for each in folders if recursive and not each.startswith(".")]
        for name in names:
            path = folder / name
            if name.startswith(".") or path in stems:
                continue
            if not is_pipe(path):  # nobody may be about to write to it
                yield path
