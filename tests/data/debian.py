"""A handful of fake Debian packages with real sound files in them, unpacked as `dpkg-deb -x` would."""

import io
import zipfile
from pathlib import Path

import av
import numpy as np
import soundfile

from made_sounds import noise, syllables, tone
from soli.data.corpora.sounds import NOISE_RULES, SPEECH_RULES, package_names
from soli.types import Array

COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://example.org/{name}

Files: debian/*
License: MIT

Files: *
Copyright: 2020 Somebody
License: CC-BY-SA-3.0

License: MIT
 Do what you like.
"""


def voice(seed: int, *, rate: int = 44100, duration_s: float = 1.0) -> Array:
    silence = np.zeros(rate // 4, np.float32)
    return np.concatenate([silence, syllables(duration_s, rate, pitch_hz=100 + 7 * seed, seed=seed), silence])


def put(root: Path, package: str, file: str, samples: Array, rate: int = 44100) -> None:
    path = root / package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples.T, rate)


def put_g722(root: Path, package: str, file: str, samples: Array) -> None:
    """Raw G.722 at 16 kHz, as Asterisk has it."""
    path = root / package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="g722") as container:
        stream = container.add_stream("g722", rate=16000, layout="mono", format="s16")
        frame = av.AudioFrame.from_ndarray((samples[None] * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def debian(root: Path) -> Path:
    """Every package that the table names, most of them without a sound."""
    for name in package_names():
        doc = root / name / "usr/share/doc" / name
        doc.mkdir(parents=True)
        (doc / "copyright").write_text(COPYRIGHT.format(name=name), encoding="utf-8")
    for rule in SPEECH_RULES + NOISE_RULES:
        if not rule.under.endswith(".zip"):
            (root / rule.package / rule.under).mkdir(parents=True, exist_ok=True)
    _speech(root)
    _noise(root)
    return root


def _speech(root: Path) -> None:
    stamps = "usr/share/tuxpaint/stamps"
    for number, language in enumerate(("fr", "ro", "el", "da")):
        for take in range(2):
            put(root, "tuxpaint-stamps-default", f"{stamps}/{take}_desc_{language}.ogg", voice(3 * number + take))
    prompts = "usr/share/asterisk/sounds/en_US_f_Allison"
    put_g722(root, "asterisk-core-sounds-en-g722", f"{prompts}/hello.g722", voice(30, rate=16000))
    put_g722(root, "asterisk-core-sounds-en-g722", f"{prompts}/beep.g722", tone(800, 0.5, 16000))
    voices = "usr/share/games/hedgewars/Data/Sounds/voices"
    for name in ("Pirate", "Robot"):
        put(root, "hedgewars-data", f"{voices}/{name}/Laugh.ogg", voice(40))
    klettres = root / "klettres-data/usr/share/klettres/cs/alpha"
    klettres.mkdir(parents=True)
    (klettres / "a.ogg").write_text("this is no sound")
    put(root, "klettres-data", "usr/share/klettres/cs/alpha/b.ogg", np.zeros(44100, np.float32))


def _noise(root: Path) -> None:
    archive = root / "0ad-data/usr/share/games/0ad/mods/public/public.zip"
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as zipped:
        for number, name in enumerate(("weather/rain_11", "weather/windstorm_11", "building/amb_trade_10")):
            buffer = io.BytesIO()
            soundfile.write(buffer, noise(3.0, 44100, seed=number), 44100, format="OGG")
            zipped.writestr(f"audio/ambient/{name}.ogg", buffer.getvalue())
    land = "usr/share/games/widelands/data"
    stereo = np.stack([tone(440, 80.0, 8000, amplitude=0.2), noise(80.0, 8000, seed=8, amplitude=0.05)])
    put(root, "widelands-data", f"{land}/music/intro.ogg", stereo, 8000)
    put(root, "widelands-data", f"{land}/sound/mill/mill.ogg", noise(1.0, 22050, seed=9), 22050)
    put(root, "torcs-data", "usr/share/games/torcs/data/sound/skid.wav", noise(1.0, 22050, seed=10), 22050)
    put(root, "torcs-data", "usr/share/games/torcs/data/sound/skid_copy.wav", noise(1.0, 22050, seed=10), 22050)
