"""Whatever is wrong with one input: one clear line, the right exit code, nothing half-written, the others done."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_call import assert_one_line, files_below, inside, process
from cli_limits import bound_by_permissions, no_file_beyond
from cli_sounds import BAD, two_tones, write_good

GOOD = {"good/voice.wav", "good/noise.wav"}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_the_others_are_done(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    BAD[name](here / "bad.wav")
    write_good(here / "good.wav")
    result = inside(capsys, "separate", "bad.wav", "good.wav", "-m", model, "--json")
    assert_one_line(result, 1, "bad.wav")
    assert [file["input"] for file in result.json["files"]] == ["good.wav"]
    (failed,) = result.json["failed"]
    assert failed["input"] == "bad.wav"
    assert result.err == f"soli: error: {failed['error']}\n"
    assert files_below(here / "separated") == GOOD
    assert not (here / "separated" / "bad").exists()


@pytest.mark.parametrize("suffix", ["flac", "ogg", "m4a"])  # an mp3 file may end at any frame, and is then whole
def test_a_coded_file_that_is_cut_off(here: Path, model: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    write_good(here / "whole.wav", frames=20 * 44100)
    assert inside(capsys, "separate", "whole.wav", "-m", model, "--format", suffix, "--stems", "voice").code == 0
    data = (here / f"separated/whole/voice.{suffix}").read_bytes()
    (here / f"cut.{suffix}").write_bytes(data[: len(data) // 2])
    result = inside(capsys, "separate", f"cut.{suffix}", "-m", model)
    assert_one_line(result, 1, f"cut.{suffix}")
    assert not (here / "separated" / "cut").exists()


def test_a_cut_ogg_file_that_may_be_whole_is_read_with_a_warning(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write("whole.ogg", two_tones(frames=3 * 44100), 44100, format="OGG", subtype="VORBIS")
    data = Path("whole.ogg").read_bytes()
    Path("cut.ogg").write_bytes(data[: data.rindex(b"OggS")])
    result = inside(capsys, "separate", "whole.ogg", "cut.ogg", "-m", model, "--json")
    assert result.code == 0
    whole, cut = result.json["files"]
    assert whole["warnings"] == []
    (warning,) = cut["warnings"]
    assert warning == f"cut.ogg has no end mark: it may have been cut off, after {cut['duration_s']:.3f} s"
    assert result.err == f"soli: warning: {warning}\n"


def test_samples_without_a_header_fail_that_file_only(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "x.raw").write_bytes((two_tones() * 32767).astype("<i2").tobytes())
    write_good(here / "good.wav")
    result = inside(capsys, "separate", "x.raw", "good.wav", "-m", model)
    assert_one_line(result, 1, "x.raw", "headless samples", "ffmpeg -f s16le -ar RATE -ac 1 -i x.raw x.wav")
    assert files_below(here / "separated") == GOOD


def test_finite_samples_that_are_too_large_are_not_called_infinite(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    BAD["too large"](here / "loud38.wav")
    result = inside(capsys, "separate", "loud38.wav", "-m", model)
    assert_one_line(result, 1, "loud38.wav", "dBFS", "scale the recording")
    assert "holds NaN" not in result.err


def test_an_unreadable_file(here: Path, model: Path) -> None:
    write_good(here / "bad.wav").chmod(0)
    write_good(here / "good.wav")
    result = process("separate", "bad.wav", "good.wav", "-m", model, **bound_by_permissions())
    assert_one_line(result, 1, "bad.wav", "ermission")
    assert files_below(here / "separated") == GOOD


def test_a_file_in_a_folder_that_may_not_be_entered(here: Path, model: Path) -> None:
    write_good(here / "good.wav")
    (here / "locked").mkdir()
    write_good(here / "locked/bad.wav")
    (here / "locked").chmod(0o600)
    result = process("separate", "locked/bad.wav", "good.wav", "-m", model, **bound_by_permissions())
    (here / "locked").chmod(0o700)
    assert_one_line(result, 1, "locked/bad.wav", "ermission")
    assert files_below(here / "separated") == GOOD


def test_a_read_only_output_folder_is_told_before_any_work(here: Path, model: Path) -> None:
    write_good(here / "good.wav")
    (here / "out").mkdir(mode=0o555)
    for out in ("out", "out/deeper"):
        result = process("separate", "good.wav", "gone.wav", "-m", model, "--out", out, **bound_by_permissions())
        assert_one_line(result, 1, "out", "--out")
        assert "gone.wav" not in result.err
    assert files_below(here / "out") == set()


def test_a_folder_of_one_input_that_may_not_be_opened_fails_that_input_only(here: Path, model: Path) -> None:
    for name in ("bad", "good"):
        write_good(here / f"{name}.wav")
    (here / "separated/bad").mkdir(parents=True)
    (here / "separated/bad").chmod(0o333)
    result = process("separate", "bad.wav", "good.wav", "-m", model, **bound_by_permissions())
    (here / "separated/bad").chmod(0o755)
    assert_one_line(result, 1, "bad.wav", "separated/bad", "ermission")
    assert files_below(here / "separated") == GOOD


def test_a_file_where_the_output_folder_should_be(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "good.wav")
    (here / "taken").write_text("mine", encoding="ascii")
    result = inside(capsys, "separate", "good.wav", "gone.wav", "-m", model, "--out", "taken", "--json")
    assert_one_line(result, 1, "taken")
    assert [failed["input"] for failed in result.json["failed"]] == ["good.wav", "gone.wav"]
    assert all(result.err == f"soli: error: {failed['error']}\n" for failed in result.json["failed"])
    assert (result.json["files"], result.json["stopped"]) == ([], False)
    (here / "separated").mkdir()
    (here / "separated/good").write_text("mine", encoding="ascii")
    assert_one_line(inside(capsys, "separate", "good.wav", "-m", model), 1, "separated/good")
    assert (here / "separated/good").read_text(encoding="ascii") == "mine"


@pytest.mark.parametrize("format", ["wav", "flac", "ogg", "m4a"])
def test_a_full_disk_names_the_file_and_keeps_what_was_done(here: Path, model: Path, format: str) -> None:
    rng = np.random.default_rng(0)
    write_good(here / "small.wav", frames=4410)
    soundfile.write("large.wav", rng.uniform(-0.5, 0.5, (30 * 44100, 2)).astype(np.float32), 44100, subtype="FLOAT")
    write_good(here / "after.wav", frames=4410)
    result = process(
        *("separate", "small.wav", "large.wav", "after.wav", "-m", model, "--format", format, "--json"),
        **no_file_beyond(100_000),
    )
    assert_one_line(result, 1, "separated/large/", f".{format}")
    assert [file["input"] for file in result.json["files"]] == ["small.wav", "after.wav"]
    assert [failed["input"] for failed in result.json["failed"]] == ["large.wav"]
    names = {f"{name}/{stem}.{format}" for name in ("small", "after") for stem in ("voice", "noise")}
    assert files_below(here / "separated") == names


def test_two_inputs_for_one_folder(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    (here / "other").mkdir()
    write_good(here / "after.wav")
    soundfile.write("other/x.wav", two_tones(16000, 1, 1600), 16000)
    result = inside(capsys, "separate", "x.wav", "other/x.wav", "after.wav", "-m", model, "--json")
    assert_one_line(result, 1, "other/x.wav and x.wav would both be written to separated/x", "--out")
    assert [file["input"] for file in result.json["files"]] == ["x.wav", "after.wav"]
    assert soundfile.info("separated/x/voice.wav").samplerate == 44100


def test_the_same_file_twice_is_done_once(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "x.wav")
    result = inside(capsys, "separate", "x.wav", "./x.wav", "-m", model, "--json", "--overwrite")
    assert result.code == 0
    assert [file["kept"] for file in result.json["files"]] == [False, True]


def test_an_address_is_no_file(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_good(here / "good.wav")
    result = inside(capsys, "separate", "https://example.com/x.wav", "good.wav", "-m", model)
    assert_one_line(result, 1, "https://example.com/x.wav is an address", "fetch it to a file first")
    assert files_below(here / "separated") == GOOD


def test_a_bad_first_input_does_not_take_the_folder(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "other").mkdir()
    write_good(here / "other/x.wav")
    result = inside(capsys, "separate", "x.wav", "other/x.wav", "-m", model, "--json")
    assert_one_line(result, 1, "x.wav")
    assert [file["input"] for file in result.json["files"]] == ["other/x.wav"]


def test_a_format_that_cannot_hold_the_rate_fails_that_file_only(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_good(here / "odd rate.wav", rate=37000)
    write_good(here / "good.wav", rate=48000)
    result = inside(capsys, "separate", "odd rate.wav", "good.wav", "-m", model, "--format", "mp3")
    assert_one_line(result, 1, "odd rate", "37000")
    assert files_below(here / "separated") == {"good/voice.mp3", "good/noise.mp3"}


def test_a_stem_never_replaces_an_input(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "out" / "voice").mkdir(parents=True)
    write_good(here / "out" / "voice" / "voice.wav")
    before = (here / "out" / "voice" / "voice.wav").read_bytes()
    result = inside(capsys, "separate", "out/voice/voice.wav", "-m", model, "--out", "out", "--overwrite")
    assert result.code == 1
    assert "would replace an input" in result.err
    assert (here / "out" / "voice" / "voice.wav").read_bytes() == before
