"""The picture untouched, the stems as titled tracks, in step with it to the millisecond."""

from pathlib import Path

import av
import numpy as np
import pytest
from sounds import lag, music, write_video

from soli.errors import InputError, OutputError, UsageError
from soli.media.audio import read_audio, write_audio
from soli.media.resample import resample
from soli.media.video import remux


def picture(path: Path) -> list[tuple[float, bytes]]:
    """When each packet of the picture is shown, from the first on, and its bytes."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        first = min(packet.pts for packet in packets)
        shown = sorted(((packet.pts - first) * packet.time_base, bytes(packet)) for packet in packets)
    return [(round(float(time), 3), data) for time, data in shown]


def tracks(path: Path) -> list[tuple[str, float, int, np.ndarray]]:
    """Title, start in seconds after the picture's, rate, and first channel (T,) of each audio track."""
    with av.open(str(path)) as container:
        count = len(container.streams.audio)
        begin = next(container.decode(video=0)).time
    found = []
    for index in range(count):
        with av.open(str(path)) as container:
            stream = container.streams.audio[index]
            title = stream.metadata.get("title") or stream.metadata.get("handler_name", "")
            frames = list(container.decode(stream))
            convert = av.AudioResampler(format="fltp", layout="mono" if frames[0].layout.nb_channels == 1 else "stereo")
            parts = [part.to_ndarray()[0] for frame in frames for part in convert.resample(frame)]
            found.append((title, frames[0].time - begin, frames[0].sample_rate, np.concatenate(parts)))
    return found


def make_stems(folder: Path, source: Path) -> dict[str, Path]:
    """Two stems that sum to the sound of the video, as a separation writes them."""
    audio = read_audio(source)
    stems = {"voice": folder / "voice.wav", "lärm & rest": folder / "rest.wav"}
    for weight, path in zip((0.7, 0.3), stems.values(), strict=True):
        write_audio(path, audio.samples * np.float32(weight), sample_rate=audio.sample_rate)
    return stems


@pytest.mark.parametrize("start_s", [0.0, 0.4])
@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize(
    ("name", "codecs", "out"),
    [
        ("a.mp4", ("libx264", "aac"), "b.mp4"),
        ("a.mp4", ("libx264", "aac"), "b.mkv"),
        ("a.mp4", ("mpeg4", "aac"), "b.mov"),
        ("a.mkv", ("libx264", "flac"), "b.mkv"),
        ("a.mkv", ("libx264", "flac"), "b.mp4"),
        ("a.webm", ("libvpx-vp9", "libopus"), "b.webm"),
        ("a.ts", ("mpeg2video", "mp2"), "b.mkv"),
    ],
)
def test_remuxed(tmp_path: Path, name: str, codecs: tuple[str, str], out: str, rate: int, start_s: float) -> None:
    rate = 48000 if codecs[1] == "libopus" else rate
    source = write_video(
        tmp_path / name, music(2, 2 * rate, rate), sample_rate=rate, picture=codecs[0], sound=codecs[1], start_s=start_s
    )
    assert remux(source, make_stems(tmp_path, source), tmp_path / out) == 0
    assert picture(tmp_path / out) == picture(source)
    [(_, start, _, before)] = tracks(source)
    after = tracks(tmp_path / out)
    assert [track[0] for track in after] == ["voice", "lärm & rest"]
    for _, begin, rate_out, samples in after:
        samples = resample(samples[None], rate_out, rate)[0]
        shift_s = begin + lag(before, samples) / rate - start
        assert abs(shift_s) < (1.1e-3 if out.endswith(("mkv", "webm")) else 1e-4)
    assert not list(tmp_path.glob(".*"))


def test_what_flac_limits_is_counted(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mkv", music(1, 48000, 48000))
    loud = np.array([[0.0, 1.5, -3.0, 1.0] * 100], np.float32)
    write_audio(tmp_path / "loud.wav", loud, sample_rate=48000)
    assert remux(source, {"loud": tmp_path / "loud.wav"}, tmp_path / "b.mkv") == 200


@pytest.mark.parametrize("channels", range(1, 9))
def test_any_channel_count_and_rate_fits_into_mkv(tmp_path: Path, channels: int) -> None:
    source = write_video(tmp_path / "a.mkv", music(1, 48000, 48000))
    samples = music(channels, 5000, 192000)
    write_audio(tmp_path / "s.wav", samples, sample_rate=192000)
    remux(source, {"all": tmp_path / "s.wav"}, tmp_path / "b.mkv")
    audio = read_audio(tmp_path / "b.mkv")
    assert audio.sample_rate == 192000
    np.testing.assert_allclose(audio.samples, samples, atol=2.0**-23)


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", music(1, 48000, 48000), picture="libx264")
    stems = make_stems(tmp_path, source)
    write_audio(tmp_path / "fast.wav", music(1, 1000, 192000), sample_rate=192000)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match=r"\.mkv"):
        remux(source, stems, tmp_path / "b.gif")
    with pytest.raises(OutputError, match="webm cannot hold h264 pictures; choose a name in"):
        remux(source, stems, tmp_path / "b.webm")
    with pytest.raises(OutputError, match="no rate of 192000 Hz"):
        remux(source, {"fast": tmp_path / "fast.wav"}, tmp_path / "b.mp4")
    with pytest.raises(OutputError, match="make the folder first"):
        remux(source, stems, tmp_path / "none" / "b.mp4")
    with pytest.raises(InputError, match="there is no such file"):
        remux(source, {"gone": tmp_path / "gone.wav"}, tmp_path / "b.mp4")
    with pytest.raises(InputError, match="has no picture"):
        remux(stems["voice"], stems, tmp_path / "b.mp4")
    with pytest.raises(InputError, match="cannot be read as video"):
        remux(Path(__file__), stems, tmp_path / "b.mp4")
    assert sorted(tmp_path.iterdir()) == before


def test_a_pause_in_the_sound_of_a_video_is_silence(tmp_path: Path) -> None:
    from fractions import Fraction

    rate = 48000
    one, two = music(1, rate, rate, seed=1), music(1, rate, rate, seed=2)
    path = write_video(tmp_path / "a.mkv", one, sound="pcm_s16le")
    with av.open(str(tmp_path / "b.mkv"), "w") as out, av.open(str(path)) as source:
        video = out.add_stream_from_template(source.streams.video[0])
        sound = out.add_stream("pcm_s16le", rate=rate)
        sound.codec_context.layout = "mono"
        out.start_encoding()
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        for start, samples in ((0, one), (3 * rate // 2, two)):
            whole = np.round(samples * 32768).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    samples = read_audio(tmp_path / "b.mkv").samples
    assert samples.shape == (1, 5 * rate // 2)
    np.testing.assert_allclose(samples[:, :rate], one, atol=2.0**-15)
    assert not samples[:, rate : 3 * rate // 2].any()
    np.testing.assert_allclose(samples[:, 3 * rate // 2 :], two, atol=2.0**-15)
