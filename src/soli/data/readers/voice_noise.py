"""Reads voice-and-noise sets: `ROOT/SPLIT/NNNN/{mix_snr_XX,voice,noise}.wav`, XX the SNR of the voice in dB.

SPLIT is `train`, `test`, and perhaps `train_small` and `valid`. Any rate, length and SNR, alike inside a folder. Every
file is read, and everything that is wrong with the set is found before anything is made of it.

- `train_small` becomes a split of its own. In some sets it is a part of `train`, so it may share files with that, and
  with nothing else.
- No voice of `test` is in another split; where a noise is, the set says so.
- A set without `valid` gets that split of held-out training folders, never of `test`. What `train_small` shares with
  them is left out of it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from soli.data.draws import NOISE, VOICE
from soli.data.holdout import default_count, hold_out
from soli.data.readers.problems import BadSetError
from soli.data.readers.voice_noise_speakers import speakers_of
from soli.data.tracks import Track
from soli.dsp.levels import difference_db, rms_db
from soli.errors import DataError, InputError, UsageError, near
from soli.media.audio import read_audio
from soli.types import Audio

TRAIN, SMALL, VALID, TEST = "train", "train_small", "valid", "test"
SPLITS = (TRAIN, SMALL, VALID, TEST)
STEMS = (VOICE, NOISE)
_NUMBER = re.compile(r"\d+")
_MIX = re.compile(r"mix_snr_(?P<snr_db>[+-]?\d+(\.\d+)?)\.wav")
# Rounding a mixture to 16 bits leaves -50 dB of it and less; another mixture, or another level, -20 dB and more.
SUM_LIMIT_DB = -40.0
SNR_TOLERANCE_DB = 1.0
# Stands for "no difference", since JSON has no infinities.
EXACT_DB = -300.0

Watch = Callable[[int, int], None]


@dataclass(frozen=True)
class Item:
    """One numbered folder that is in order. `sum_db`: what is left of the mixture without voice and noise."""

    id: str
    split: str
    mixture: str
    snr_db: float
    sum_db: float
    sample_rate: int
    duration_s: float
    contents: tuple[str, ...]


@dataclass
class VoiceNoise:
    """A set that is in order: its items by split as they are to be used, and what was left out.

    `held_out`: whether `valid` was taken from the training folders; `apart`: that it shares no recording with them.
    `heard`: items of `test` whose noise is in another split too. `ignored`: what lies in the set's folders and belongs
    to no item. `copies`: folders of `train_small` that share a recording with a held-out folder of `train`. `speakers`:
    of the items of a set that soli built, the `group` of their rows.
    """

    root: Path
    items: list[Item]
    held_out: bool = False
    apart: bool = True
    copies: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    speakers: dict[str, str] = field(default_factory=dict)

    @property
    def splits(self) -> dict[str, int]:
        return dict(Counter(item.split for item in self.items))

    @property
    def worst(self) -> Item:
        """The item whose mixture is furthest from the sum of its stems."""
        return max(self.items, key=lambda item: item.sum_db)

    @property
    def tracks(self) -> list[Track]:
        return [
            Track(
                id=item.id,
                stems={name: (f"{item.id}/{name}.wav",) for name in STEMS},
                split=item.split,
                mixture=f"{item.id}/{item.mixture}",
                meta={"snr_db": item.snr_db} | ({"group": self.speakers[item.id]} if item.id in self.speakers else {}),
            )
            for item in self.items
        ]


def read_voice_noise(
    root: Path,
    *,
    valid: int | None = None,
    seed: int = 0,
    splits: Collection[str] | None = None,
    watch: Watch = lambda done, total: None,
) -> VoiceNoise:
    """Reads a set. `valid` training folders (by default a twentieth, 200 at most) are held out, drawn with `seed`.

    `splits` takes only those, in which case only they need to be there. `watch` is called with the folders read
    and all there are. Raises DataError where `root` is no such set, BadSetError where folders of it are not in order,
    UsageError for splits or counts that cannot be had.
    """
    folders = _folders(root, splits)
    if valid and set(folders) == {TEST}:
        raise UsageError(f"{valid} folders cannot be held out of the split {TEST}", do="leave the number out")
    if valid and (root / VALID).is_dir():
        raise UsageError(f"{root} has a folder {VALID} of its own", do="leave out the number to hold out")
    found = VoiceNoise(root, [], speakers=speakers_of(root))
    problems: list[str] = []
    places = [(split, folder) for split in folders for folder in _numbered(root / split, found, problems)]
    for done, (split, folder) in enumerate(places, start=1):
        item = _look(folder, split, found, problems)
        if item is not None:
            found.items.append(item)
        watch(done, len(places))
    problems += _copied_into_test(found)
    if problems:
        raise BadSetError(root, problems)
    _hold_out(found, valid, seed)
    if splits is not None:
        found.items = [item for item in found.items if item.split in splits]
        if VALID not in splits:
            found.held_out, found.apart = False, True  # nothing of it is left to speak of
        _all_there(splits, found)
    return found


def _folders(root: Path, splits: Collection[str] | None) -> list[str]:
    """The splits to read, as folders: those asked for, and `train` where something is to be held out of it."""
    there = [split for split in SPLITS if (root / split).is_dir()]
    if not there:
        wanted = f"a folder with {TRAIN} and {TEST} in it, and numbered folders in those"
        above = root.is_dir() and any(_NUMBER.fullmatch(path.name) for path in root.iterdir())
        do = f"give the folder above: {root.parent}" if above else "check the path"
        raise DataError(f"{root} is no voice-and-noise set", wanted=wanted, do=do)
    if splits is None:
        missing = [split for split in (TRAIN, TEST) if split not in there]
        if missing:
            raise DataError(
                f"{root} has no {' and no '.join(missing)}",
                wanted=f"{TRAIN} and {TEST}",
                do=f"to use {', '.join(there)} alone, name the split",
            )
        return there
    for split in splits:
        if split not in SPLITS:
            raise UsageError(f"no split is called {split}", do=near(split, SPLITS))
    wanted_splits = set(splits)
    if VALID not in there and wanted_splits - {TEST}:
        wanted_splits |= {TRAIN, SMALL}
    return [split for split in there if split in wanted_splits]


def _all_there(splits: Collection[str], found: VoiceNoise) -> None:
    for split in splits:
        if split not in found.splits:
            raise UsageError(f"{found.root} gives no items of split {split}", do="name another, or leave it out")


def _numbered(folder: Path, found: VoiceNoise, problems: list[str]) -> list[Path]:
    """The numbered folders of one split, in the order of their numbers."""
    places = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and _NUMBER.fullmatch(path.name):
            places.append(path)
        elif not path.name.startswith("."):
            found.ignored.append(f"{folder.name}/{path.name}")
    if not places:
        problems.append(f"{folder.name} is empty: it holds no numbered folders")
    return sorted(places, key=lambda path: (int(path.name), path.name))


def _look(folder: Path, split: str, found: VoiceNoise, problems: list[str]) -> Item | None:
    """One folder as an item; where something is wrong with it, None and a line for each thing in `problems`."""
    name = f"{split}/{folder.name}"
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    mixes = [file for file in names if file.startswith("mix_snr_") and file.endswith(".wav")]
    wrong = [f"{stem}.wav is missing" for stem in STEMS if f"{stem}.wav" not in names]
    if len(mixes) != 1:
        wrong.append(f"it has {' and '.join(mixes)}, wanted one" if mixes else "mix_snr_XX.wav is missing")
    elif not _MIX.fullmatch(mixes[0]):
        wrong.append(f"{mixes[0]} names no SNR, wanted a number of dB as in mix_snr_-3.wav")
    item = None
    if not wrong:
        try:
            audio = [read_audio(folder / file) for file in (mixes[0], *(f"{stem}.wav" for stem in STEMS))]
        except InputError as error:
            wrong.append(str(error))
        else:
            item, wrong = _measure(name, split, mixes[0], audio)
    problems += [f"{name}: {each}" for each in wrong]
    found.ignored += [f"{name}/{file}" for file in names if file not in {*mixes, *(f"{stem}.wav" for stem in STEMS)}]
    return item if not wrong else None


def _measure(name: str, split: str, mixture: str, audio: list[Audio]) -> tuple[Item | None, list[str]]:
    """Whether the files of a folder (mixture, voice, noise) belong together: (item, what is wrong)."""
    named = zip((mixture, *STEMS), audio, strict=True)
    shapes = {file: (each.sample_rate, *each.samples.shape) for file, each in named}
    for at, what in enumerate(("Hz", "channels", "samples")):
        if len({shape[at] for shape in shapes.values()}) > 1:
            listed = ", ".join(f"{file.removesuffix('.wav')} {shape[at]}" for file, shape in shapes.items())
            return None, [f"its files differ in {what}: {listed}"]
    mix, voice, noise = (each.samples for each in audio)
    wrong = [f"{stem}.wav is silent" for stem, each in ((VOICE, voice), (NOISE, noise)) if not each.any()]
    match = _MIX.fullmatch(mixture)
    named_db = float(match["snr_db"]) if match else 0.0
    snr_db = rms_db(voice) - rms_db(noise)
    if not wrong and abs(snr_db - named_db) > SNR_TOLERANCE_DB:
        wrong.append(f"{mixture} says {named_db:g} dB, the files have {snr_db:.1f} dB")
    sum_db = min(max(difference_db(mix, voice + noise), EXACT_DB), -EXACT_DB)
    if sum_db > SUM_LIMIT_DB:
        wrong.append(
            f"{mixture} is not voice + noise: what they leave of it lies at {sum_db:.1f} dB, "
            f"wanted {SUM_LIMIT_DB:g} dB at most"
        )
    snr = int(named_db) if named_db.is_integer() else named_db
    contents = tuple(hashlib.sha256(each.tobytes()).hexdigest() for each in (voice, noise))
    item = Item(name, split, mixture, snr, round(sum_db, 1), audio[0].sample_rate, audio[0].duration_s, contents)
    return item, wrong


def _copied_into_test(found: VoiceNoise) -> list[str]:
    """A line for each item of `test` whose voice is another split's too; those whose noise alone is go to `heard`."""
    others = {content: item.id for item in found.items if item.split != TEST for content in item.contents}
    problems = []
    for item in found.items:
        if item.split == TEST:
            voice, noise = (others.get(content) for content in item.contents)
            if voice is not None:
                problems.append(f"{item.id}: its voice is that of {voice}, and {TEST} must have voices of its own")
            elif noise is not None:
                found.heard.append(item.id)
    return problems


def _hold_out(found: VoiceNoise, valid: int | None, seed: int) -> None:
    """Moves items of `train` (of `train_small` where there is no `train`) to the split `valid`."""
    by_split = {split: {item.id for item in found.items if item.split == split} for split in SPLITS}
    pool = by_split[TRAIN] or by_split[SMALL]
    if by_split[VALID] or not pool:
        return
    count = default_count(len(pool)) if valid is None else valid
    contents = {item.id: item.contents for item in found.items if item.split in (TRAIN, SMALL)}
    held = hold_out(contents, among=pool, count=count, seed=seed)
    found.held_out, found.apart = bool(held.names), held.apart
    found.copies = sorted(held.names - pool)
    found.items = [
        replace(item, split=VALID) if item.id in held.names else item
        for item in found.items
        if item.id not in found.copies
    ]
    found.items.sort(key=lambda item: SPLITS.index(item.split))
