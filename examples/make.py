"""Makes the example recordings from Debian packages: see README.md beside this file.

apt-get download pocketsphinx-testdata 0ad-data asterisk-prompt-it-menardi-wav   # and unpack each into PACKAGES
python examples/make.py PACKAGES
"""

import sys
import zipfile
from pathlib import Path

import numpy as np

from soli.media.audio import read_audio, write_audio

RATE = 44100
SNR_DB = 4.0
BOOK = "usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-{}.wav"
SEA = "audio/ambient/water/wavecrash_21.ogg"
PROMPT = "usr/share/asterisk/sounds/it_IT_f_Menardi/vm-instructions.wav"


def main(packages: Path) -> None:
    here = Path(__file__).parent
    book = packages / "pocketsphinx-testdata"
    sentences = [read_audio(book / BOOK.format(number), sample_rate=RATE) for number in ("0870", "0890")]
    voice = np.concatenate([sentence.samples for sentence in sentences], axis=1)
    archive = zipfile.ZipFile(packages / "0ad-data/usr/share/games/0ad/mods/public/public.zip")
    sea = read_audio(archive.read(SEA), sample_rate=RATE, start_s=3.0, duration_s=voice.shape[1] / RATE).samples
    sea = sea[:, : voice.shape[1]]
    gain = np.sqrt(np.mean(voice**2) / np.mean(sea**2)) * 10 ** (-SNR_DB / 20)
    mixture = (voice + gain * sea).astype(np.float32)  # the voice stands in the middle of the sea's two channels
    mixture *= 0.7 / np.abs(mixture).max()
    write_audio(here / "speech_by_the_sea.flac", mixture, sample_rate=RATE, subtype="pcm16")

    prompt = read_audio(packages / "asterisk-prompt-it-menardi-wav" / PROMPT)
    write_audio(here / "noisy_call.flac", prompt.samples, sample_rate=prompt.sample_rate, subtype="pcm16")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
