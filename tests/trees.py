"""Builds a tiny tree of every data layout that soli reads, from generated sounds and a small real recording.

Each function fills a folder and returns what a reader would be pointed at. `TREES` names them all. Sounds are short
and rates are those of the real sets; what is odd about a set (a misspelt instrument, a folder to ignore, a video that
has vanished) is there too.
"""

import csv
import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np

from made_sounds import noise, tone
from soli.media.audio import read_audio, write_audio
from soli.types import Array

REAL_SPEECH = Path(__file__).parents[1] / "examples" / "speech_by_the_sea.flac"

DCASE2013_CLASSES = (
    "alert", "clearthroat", "cough", "doorslam", "drawer", "keyboard", "keys", "knock", "laughter", "mouse", "pageturn",
    "pendrop", "phone", "printer", "speech", "switch",
)  # fmt: skip
BACH10_PIECES = (
    "01-AchGottundHerr", "02-AchLiebenChristen", "03-ChristederdubistTagundLicht", "04-ChristeDuBeistand",
    "05-DieNacht", "06-DieSonne", "07-HerrGott", "08-FuerDeinenThron", "09-Jesus", "10-NunBitten",
)  # fmt: skip
# The set itself spells the third one so.
BACH10_STEMS = ("violin", "clarinet", "saxphone", "bassoon")


def speech(sample_rate: int, duration_s: float, *, seed: int) -> Array:
    """(1, T): an excerpt of the real recording in examples/, another one for each seed."""
    whole = _real_speech(sample_rate)
    length = round(duration_s * sample_rate)
    return np.ascontiguousarray(np.roll(whole, -seed * length // 2, axis=1)[:, :length])


@functools.lru_cache(maxsize=4)
def _real_speech(sample_rate: int) -> Array:
    return read_audio(REAL_SPEECH, sample_rate=sample_rate, mono=True).samples


def _wav(path: Path, samples: Array, sample_rate: int, subtype: str = "float32") -> Array:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, samples, sample_rate=sample_rate, subtype=subtype)
    return samples


def _csv(path: Path, rows: Sequence[Sequence[object]], *, delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def voice_noise(root: Path, *, duration_s: float = 1.0, sample_rate: int = 8000) -> Path:
    """`{train,train_small,test}/NNNN/{mix_snr_XX,voice,noise}.wav`: mono float, XX the SNR in dB, signed."""
    for split, first, snrs in (("train", 1, (-4, 0, 3)), ("train_small", 902, (2,)), ("test", 1250, (-2, 4))):
        for number, snr_db in enumerate(snrs, start=first):
            voice = speech(sample_rate, duration_s, seed=number % 7)
            other = noise(duration_s, sample_rate, seed=number)[None]
            other *= np.sqrt(np.mean(voice**2) / np.mean(other**2)) * np.float32(10 ** (-snr_db / 20))
            folder = root / split / f"{number:04d}"
            _wav(folder / "voice.wav", voice, sample_rate)
            _wav(folder / "noise.wav", other, sample_rate)
            _wav(folder / f"mix_snr_{snr_db}.wav", voice + other, sample_rate)
    return root


def bach10(root: Path, *, pieces: int = 3, duration_s: float = 1.0) -> Path:
    """`Bach10/NN-Title/NN-Title{,-violin,-clarinet,-saxphone,-bassoon}.wav` at 44.1 kHz, and a `Code` to ignore."""
    top = root / "Bach10"
    for number, title in enumerate(BACH10_PIECES[:pieces]):
        stems = [tone(hz * 1.06**number, duration_s, 44100, amplitude=0.2)[None] for hz in (523.3, 392.0, 311.1, 130.8)]
        for name, stem in zip(BACH10_STEMS, stems, strict=True):
            _wav(top / title / f"{title}-{name}.wav", stem, 44100, "pcm16")
        _wav(top / title / f"{title}.wav", sum(stems, np.zeros_like(stems[0])), 44100, "pcm16")
    (top / "Code").mkdir(parents=True)
    (top / "Code" / "demo.m").write_text("% not ours to read\n")
    _wav(top / "Code" / "test.wav", tone(100, 0.1, 44100)[None], 44100)
    return top


def dcase2013(root: Path, *, takes: int = 4) -> Path:
    """`singlesounds_stereo/<class><nn>.wav`: stereo, 44.1 kHz; the class is the letters before the number."""
    top = root / "singlesounds_stereo"
    for number, label in enumerate(DCASE2013_CLASSES):
        for take in range(1, takes + 1):
            length_s = 0.15 + 0.1 * ((number + take) % 4)
            left = tone(200.0 + 60 * number, length_s, 44100, amplitude=0.3) + noise(
                length_s, 44100, seed=take, amplitude=0.02
            )
            _wav(top / f"{label}{take:02d}.wav", np.stack([left, 0.8 * left]), 44100, "pcm24")
    return top


def dcase2018(root: Path) -> tuple[Path, Path]:
    """Task 1 (scenes, `meta.csv` with tabs) and task 2 (events, `train.csv` with commas), as two folders."""
    scenes, events = root / "TUT-urban-acoustic-scenes-2018-development", root / "FSDKaggle2018"
    rows: list[Sequence[object]] = [("filename", "scene_label", "identifier", "source_label")]
    for number, scene in enumerate(("airport", "bus", "park", "tram")):
        name = f"audio/{scene}-paris-{number}-0-a.wav"
        both = np.stack([noise(10.0, 8000, seed=number), noise(10.0, 8000, seed=50 + number)])
        _wav(scenes / name, both, 8000, "pcm16")
        rows.append((name, scene, f"paris-{number}", "a"))
    _csv(scenes / "meta.csv", rows, delimiter="\t")
    listed: list[Sequence[object]] = [("fname", "label", "manually_verified")]
    for number, label in enumerate(("Bark", "Cello", "Hi-hat", "Knock")):
        for take in range(4):
            name = f"{number:04x}{take:04x}.wav"
            sound = tone(300.0 + 200 * number, 0.4 + 0.7 * take, 44100) if take else np.zeros(22050, np.float32)
            _wav(events / "audio_train" / name, sound[None], 44100, "pcm16")
            # The first take of each label is silent, and nobody has listened to it.
            listed.append((name, label, int(take > 0)))
    _csv(events / "train.csv", listed)
    return scenes, events


def _picture(hue: float, tick: int) -> np.ndarray:
    """A bright square that moves over a grey ground: (H, W, 3) uint8."""
    picture = np.full((48, 64, 3), 90, np.uint8)
    left = 4 + 3 * tick % 40
    picture[12:36, left : left + 16] = (int(255 * hue), 160, int(255 * (1 - hue)))
    return picture


def _jpegs(folder: Path, hue: float, count: int) -> None:
    folder.mkdir(parents=True)
    for tick in range(count):
        codec = av.CodecContext.create("mjpeg", "w")
        codec.width, codec.height, codec.pix_fmt = 64, 48, "yuvj420p"
        codec.framerate = 8
        frame = av.VideoFrame.from_ndarray(_picture(hue, tick), format="rgb24").reformat(format="yuvj420p")
        packets = [*codec.encode(frame), *codec.encode(None)]
        (folder / f"{tick + 1:06d}.jpg").write_bytes(b"".join(bytes(packet) for packet in packets))


def video(path: Path, sound: Array, sample_rate: int, *, hue: float = 0.5, fps: int = 8) -> None:
    """An mp4 of a moving square (H.264 where FFmpeg has it, else MPEG-4) with the sound (1, T) as AAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    with av.open(str(path), "w") as container:
        # Faster, and unlike the default the same bytes each time.
        options = {"preset": "ultrafast"} if codec == "libx264" else {}
        pictures = container.add_stream(codec, rate=fps, options=options)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        pictures.thread_count = 1
        audio = container.add_stream("aac", rate=sample_rate, layout="mono")
        for tick in range(round(fps * sound.shape[1] / sample_rate)):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(_picture(hue, tick), format="rgb24")))
        container.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="mono")
        frame.sample_rate = sample_rate
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


SOLOS = ("cello", "flute", "tuba")


def sound_of_pixels(root: Path, *, fps: int = 8, header: bool = True, duration_s: float = 21.0) -> Path:
    """`audio/<instrument>/<id>.{wav,mp3}` at 11 025 Hz, `frames/<instrument>/<id>.mp4/000001.jpg`, two csv files."""
    rows: list[Sequence[object]] = []
    for number, instrument in enumerate(SOLOS):
        for take in range(2):
            name = f"{instrument}_{take}id"
            suffix = "mp3" if take else "wav"
            sound = tone(150.0 * (number + 1) + 30 * take, duration_s, 11025, amplitude=0.3)[None]
            path = root / "audio" / instrument / f"{name}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, sound, sample_rate=11025, subtype=None if take else "pcm16")
            frames = round(duration_s * fps)
            _jpegs(root / "frames" / instrument / f"{name}.mp4", number / 3, frames)
            rows.append((f"audio/{instrument}/{name}.{suffix}", f"frames/{instrument}/{name}.mp4", frames))
    names: list[Sequence[object]] = [("AUDIO_PATH", "FRAMES_PATH", "NUMBER_FRAMES")] if header else []
    _csv(root / "train.csv", [*names, *rows[:-1]])
    _csv(root / "val.csv", [*names, rows[-1]])
    return root


def thesis(root: Path) -> Path:
    """The same at 5 frames a second, its index without a header."""
    return sound_of_pixels(root, fps=5, header=False)


def music(root: Path, *, duration_s: float = 3.0) -> Path:
    """`MUSIC_{solo,duet}_videos.json` and `videos/<instrument>/<anything>.mp4` with most of what they list."""
    solos = {name: [f"{name[:2]}-{take}_Xy" for take in range(3)] for name in SOLOS}
    duets = {"cello flute": ["duetAB_0-1"], "flute tuba": ["gone_duet00"]}
    for number, (name, ids) in enumerate(solos.items()):
        # The last of each list has vanished from the web.
        for take, video_id in enumerate(ids[:-1]):
            sound = tone(150.0 * (number + 1) + 25 * take, duration_s, 44100, amplitude=0.3)[None]
            video(root / "videos" / name / f"{video_id}.mp4", sound, 44100, hue=number / 3)
    both = tone(150, duration_s, 44100, amplitude=0.2) + tone(300, duration_s, 44100, amplitude=0.2)
    video(root / "videos" / "cello flute" / "duetAB_0-1.mp4", both[None], 44100)
    for name, videos in (("MUSIC_solo_videos.json", solos), ("MUSIC_duet_videos.json", duets)):
        (root / name).write_text(json.dumps({"version": "1.0", "videos": videos}), encoding="utf-8")
    return root


def musdb(root: Path, *, duration_s: float = 0.5) -> Path:
    """`{train,test}/Artist - Title/{bass,drums,other,vocals,mixture}.wav`, stereo at 44.1 kHz."""
    for split, titles in (("train", ("A - Ähm", "B - Two words")), ("test", ("C - Third",))):
        for number, title in enumerate(titles):
            stems = {
                "bass": tone(60.0 + number, duration_s, 44100, amplitude=0.2),
                "drums": noise(duration_s, 44100, seed=number, amplitude=0.05),
                "other": tone(700.0, duration_s, 44100, amplitude=0.1),
                "vocals": speech(44100, duration_s, seed=number)[0] * np.float32(0.5),
            }
            wide = {name: np.stack([stem, 0.7 * stem]) for name, stem in stems.items()}
            for name, stem in wide.items():
                _wav(root / split / title / f"{name}.wav", stem, 44100)
            _wav(root / split / title / "mixture.wav", np.sum(list(wide.values()), axis=0), 44100)
    return root


def librimix(root: Path, *, duration_s: float = 0.5) -> Path:
    """`Libri2Mix/wav8k/min/{train-100,dev,test}/{mix_both,mix_clean,mix_single,s1,s2,noise}/A_B.wav`, mono at 8 kHz."""
    top = root / "Libri2Mix"
    for split in ("train-100", "dev", "test"):
        for take in range(2):
            first, second = speech(8000, duration_s, seed=take), speech(8000, duration_s, seed=take + 3)
            hiss = noise(duration_s, 8000, seed=take, amplitude=0.02)[None]
            sounds = {"s1": first, "s2": second, "noise": hiss, "mix_clean": first + second}
            sounds |= {"mix_single": first + hiss, "mix_both": first + second + hiss}
            for name, samples in sounds.items():
                _wav(top / "wav8k/min" / split / name / f"103-{take}_1034-{take}.wav", samples, 8000)
    return top


TREES: dict[str, Callable[[Path], Path | tuple[Path, Path]]] = {
    "voice-noise": voice_noise,
    "bach10": bach10,
    "dcase2013": dcase2013,
    "dcase2018": dcase2018,
    "sound-of-pixels": sound_of_pixels,
    "thesis": thesis,
    "music": music,
    "musdb": musdb,
    "librimix": librimix,
}
