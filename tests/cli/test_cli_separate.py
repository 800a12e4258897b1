"""`soli separate` on input that is in order: what is written, where, and what is said of it."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_call import Result, files_below, inside, process
from cli_sounds import HIGH_HZ, LOW_HZ, ODD, two_tones, write_good, write_odd

from soli.media.audio import read_audio

FIELDS = {
    "input",
    "outputs",
    "duration_s",
    "time_s",
    "rtf",
    "peak_rss_mb",
    "null_db",
    "device",
    "model",
    "kept",
    "absent",
    "warnings",
    "video",
}


def amplitude(samples: np.ndarray, hz: float, rate: int) -> float:
    """How much of a tone there is in the middle of (T,) samples."""
    part = samples[len(samples) // 4 : -len(samples) // 4]
    phase = np.exp(-2j * np.pi * hz * np.arange(len(part)) / rate) * np.hanning(len(part))
    return float(2 * abs(np.sum(part * phase)) / np.sum(np.hanning(len(part))))


def test_a_real_process_separates_without_a_word_on_stderr(here: Path, model: Path) -> None:
    write_good(here / "two tones.wav")
    result = process("separate", "two tones.wav", "--model", model, "--json", python=("-W", "error"))
    assert (result.code, result.err) == (0, "")
    (file,) = result.json["files"]
    assert set(file) == FIELDS
    assert result.json["failed"] == []
    assert file["input"] == "two tones.wav"
    assert file["outputs"] == {name: f"separated/two tones/{name}.wav" for name in ("voice", "noise")}
    assert file["device"] == "cpu"
    assert file["duration_s"] == 1.0
    assert file["null_db"] <= -100
    assert 20 < file["peak_rss_mb"] < 1000
    assert file["rtf"] == pytest.approx(file["time_s"], abs=1e-3)
    assert files_below(here / "separated") == {"two tones/voice.wav", "two tones/noise.wav"}


def test_each_tone_goes_to_its_stem_and_the_stems_sum_to_the_input(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "x.wav")
    assert inside(capsys, "separate", "x.wav", "-m", model).code == 0
    voice, rate = soundfile.read("separated/x/voice.wav", dtype="float32")
    noise, _ = soundfile.read("separated/x/noise.wav", dtype="float32")
    mixture = two_tones()
    assert (rate, voice.shape, noise.shape) == (44100, mixture.shape, mixture.shape)
    assert np.max(np.abs(mixture - voice - noise)) < 1e-6
    for stem, kept, gone in ((voice, LOW_HZ, HIGH_HZ), (noise, HIGH_HZ, LOW_HZ)):
        for channel in range(2):
            whole = amplitude(mixture[:, channel], kept, rate)
            assert amplitude(stem[:, channel], kept, rate) == pytest.approx(whole, rel=0.01)
            assert amplitude(stem[:, channel], gone, rate) < 0.01 * whole


@pytest.mark.parametrize(("rate", "channels", "frames"), [(8000, 1, 8001), (22050, 3, 30001), (96000, 8, 48000)])
def test_rate_channels_and_length_are_those_of_the_input(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], rate: int, channels: int, frames: int
) -> None:
    write_good(here / "x.wav", rate, channels, frames)
    assert inside(capsys, "separate", "x.wav", "-m", model).code == 0
    info = soundfile.info("separated/x/voice.wav")
    assert (info.samplerate, info.channels, info.frames, info.subtype) == (rate, channels, frames, "FLOAT")


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_separated(here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_odd(here / "x.wav", name)
    result = inside(capsys, "separate", "x.wav", "-m", model, "--json")
    assert (result.code, result.err) == (0, "")
    voice = soundfile.read("separated/x/voice.wav", dtype="float32")[0]
    noise = soundfile.read("separated/x/noise.wav", dtype="float32")[0]
    np.testing.assert_allclose(voice + noise, ODD[name], atol=1e-6)


def test_silence_gives_silence_and_says_that_every_stem_is_absent(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_odd(here / "x.wav", "all zeros")
    (file,) = inside(capsys, "separate", "x.wav", "-m", model, "--json").json["files"]
    assert file["null_db"] is None
    assert file["absent"] == ["voice", "noise"]
    for path in file["outputs"].values():
        assert not soundfile.read(path)[0].any()
    table = inside(capsys, "separate", "x.wav", "-m", model, "--overwrite").out
    assert "absent: voice, noise" in table
    assert "silent" in table


@pytest.mark.parametrize(
    ("format", "subtype", "error_db"),
    [
        ("wav", "float32", -130),
        ("wav", "pcm24", -120),
        ("wav", "pcm16", -70),
        ("flac", "pcm24", -120),
        ("flac", "pcm16", -70),
        ("ogg", None, -20),
        ("opus", None, -15),
        ("mp3", None, -20),
        ("m4a", None, -15),
    ],
)
def test_every_format(
    here: Path,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    format: str,
    subtype: str | None,
    error_db: float,
) -> None:
    write_good(here / "x.wav", rate=48000, frames=48000)
    more = () if subtype is None else ("--subtype", subtype)
    result = inside(capsys, "separate", "x.wav", "-m", model, "--format", format, *more, "--json")
    assert (result.code, result.err) == (0, "")
    (file,) = result.json["files"]
    stems = [read_audio(path) for path in file["outputs"].values()]
    mixture = two_tones(48000, 2, 48000).T
    assert [(stem.sample_rate, stem.samples.shape) for stem in stems] == [(48000, mixture.shape)] * 2
    error = 10 * np.log10(np.sum((mixture - sum(stem.samples for stem in stems)) ** 2) / np.sum(mixture**2))
    assert error < error_db
    if format in ("wav", "flac"):
        assert file["null_db"] == pytest.approx(error, abs=2)


def test_names_of_formats_may_be_written_as_in_file_names(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "x.wav")
    result = inside(capsys, "separate", "x.wav", "-m", model, "--format", ".FLAC", "--subtype", "PCM16")
    assert (result.code, result.err) == (0, "")
    assert soundfile.info("separated/x/voice.flac").subtype == "PCM_16"


def test_a_single_sample_beyond_full_scale_is_one(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples = np.zeros((16000, 1), np.float32)
    samples[8000] = 1.6
    soundfile.write("click.wav", samples, 16000, subtype="FLOAT")
    result = inside(capsys, "separate", "click.wav", "-m", model, "--subtype", "pcm16", "--stems", "noise", "--json")
    (warning,) = result.json["files"][0]["warnings"]
    assert "separated/click/noise.wav: 1 sample beyond full scale was limited (peak " in warning


def test_samples_beyond_full_scale_are_kept_in_float_and_said_in_pcm(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write("loud.wav", 4 * two_tones(), 44100, subtype="FLOAT")
    result = inside(capsys, "separate", "loud.wav", "-m", model, "--json")
    assert (result.code, result.err) == (0, "")
    assert np.max(np.abs(soundfile.read("separated/loud/voice.wav")[0])) == pytest.approx(1.2, abs=0.02)
    result = inside(capsys, "separate", "loud.wav", "-m", model, "--subtype", "pcm16", "--json", "--out", "pcm")
    (warning,) = result.json["files"][0]["warnings"]
    assert result.code == 0
    assert result.err.splitlines() == [f"soli: warning: {warning}"]
    assert "pcm/loud/voice.wav" in warning
    assert "beyond full scale" in warning
    assert result.json["files"][0]["null_db"] > -60


def test_only_the_stems_asked_for_are_written(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    result = inside(capsys, "separate", "x.wav", "-m", model, "--stems", "noise", "--json")
    assert list(result.json["files"][0]["outputs"]) == ["noise"]
    assert result.json["files"][0]["null_db"] <= -100
    assert files_below(here / "separated") == {"x/noise.wav"}


def test_folders_give_their_sound_files_sorted_and_keep_sub_folders_when_recursive(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in/b.WAV", "in/a.wav", "in/deep/er/c.wav", "in/.hidden.wav", "in/.cache/d.wav", "z.wav"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        write_good(here / name, rate=16000, frames=1600)
    (here / "in/notes.txt").write_text("no sound", encoding="ascii")
    call = ("separate", "z.wav", "in", "-m", model, "--json", "--out", "in/out")
    flat = inside(capsys, *call)
    assert [file["input"] for file in flat.json["files"]] == ["z.wav", "in/a.wav", "in/b.WAV"]
    (note,) = flat.err.splitlines()
    assert note.startswith("soli: note: 1 file without a suffix of sound or video (such as in/notes.txt) left out;")
    deep = inside(capsys, *call, "--recursive")
    assert [file["input"] for file in deep.json["files"]] == ["z.wav", "in/a.wav", "in/b.WAV", "in/deep/er/c.wav"]
    assert [file["kept"] for file in deep.json["files"]] == [True, True, True, False]
    assert deep.json["files"][3]["outputs"]["voice"] == "in/out/deep/er/c/voice.wav"


def test_names_that_only_the_suffix_tells_apart_give_two_folders(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in/talk.wav", "in/talk.flac", "in/other.wav"):
        (here / name).parent.mkdir(exist_ok=True)
        soundfile.write(name, two_tones(16000, 1, 1600), 16000)
    for call in (("in",), ("in/talk.wav", "in/talk.flac", "in/other.wav")):
        result = inside(capsys, "separate", *call, "-m", model)
        assert (result.code, result.err) == (0, "")
    folders = {"talk.wav", "talk.flac", "other"}
    assert files_below(here / "separated") == {f"{each}/{stem}.wav" for each in folders for stem in ("voice", "noise")}


def test_an_empty_folder_is_an_error_that_names_it(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty").mkdir()
    result = inside(capsys, "separate", "empty", "-m", model)
    assert result.code == 1
    assert result.errors == result.err.splitlines()
    assert "empty" in result.errors[0]
    assert "--recursive" in result.errors[0]


@pytest.mark.parametrize("name", ["naïve café 音.wav", "-x.wav", "a[b]c.wav", "...wav", "tab\there\nline.wav"])
def test_names_of_every_sort(here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_good(here / name, rate=16000, frames=1600)
    result = inside(capsys, "separate", "-m", model, "--json", "--", name)
    assert (result.code, result.err) == (0, "")
    folder = name if name == "...wav" else name.removesuffix(".wav")
    assert files_below(here) == {name, f"separated/{folder}/voice.wav", f"separated/{folder}/noise.wav"}


def test_a_name_that_is_no_utf8_goes_through_all_of_it(here: Path, model: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    write_good(here / "plain.wav", rate=16000, frames=1600)
    (here / "plain.wav").rename(name)
    (here / os.fsdecode(b"b\xe9.wav")).write_bytes(b"no sound")
    result = process("separate", name, os.fsdecode(b"b\xe9.wav"), "-m", model, "--json")
    assert result.code == 1
    assert result.errors == result.err.splitlines()
    assert len(result.errors) == 1
    assert result.json["files"][0]["input"] == name
    assert Path(result.json["files"][0]["outputs"]["voice"]).is_file()
    kept = process("separate", name, "-m", model)
    assert (kept.code, kept.err) == (0, "")
    assert "caf\\udce9.wav" in kept.out
    assert "kept" in kept.out


def test_the_table_names_files_and_figures(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    result = inside(capsys, "separate", "x.wav", "gone.wav", "-m", model)
    assert result.code == 1
    head, done, failed = result.out.splitlines()
    for title in ("file", "duration", "time", "real-time factor", "memory", "null test"):
        assert title in head
    assert done.split()[:2] == ["x.wav", "separated/x"]
    assert failed.split() == ["gone.wav", "failed"]
    assert inside(capsys, "separate", "x.wav", "-m", model, "--quiet").out == ""


@pytest.mark.parametrize("option", [("--batch", "3"), ("--threads", "1"), ("--device", "cpu"), ("--chunk-s", "0.5")])
def test_options_of_speed_do_not_change_the_sound(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    write_good(here / "x.wav", frames=5 * 44100)
    for out, more in (("one", ()), ("two", option)):
        assert inside(capsys, "separate", "x.wav", "-m", model, "--out", out, *more).code == 0
    one, two = (soundfile.read(f"{out}/x/voice.wav")[0] for out in ("one", "two"))
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_the_progress_bar_is_for_terminals_and_the_table_for_stdout(here: Path, model: Path) -> None:
    pty = pytest.importorskip("pty")
    write_good(here / "x.wav")
    master, slave = pty.openpty()
    result = _with_stderr(slave, model)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert result.code == 0
    assert "x.wav" in shown
    assert "%" in shown
    assert json.loads(result.out)["failed"] == []


def _with_stderr(stderr: int, model: Path) -> Result:
    import subprocess

    from cli_call import words

    call = words("separate", "x.wav", "-m", model, "--json")
    done = subprocess.run(call, stdout=subprocess.PIPE, stderr=stderr, check=False, timeout=60)
    return Result(done.returncode, done.stdout.decode(), "")
