"""`soli detect`: what it finds, what it writes and where, what it says, and that nothing is lost when it fails."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from cli_call import Result, assert_one_line, files_below, inside, process, words
from cli_limits import no_file_beyond
from cli_sounds import BAD, ODD, write_odd

import models
from made_events import bursts
from soli.detection.labels import read_audacity, read_events
from soli.dsp.levels import difference_db
from soli.types import Array
from waiting import wait_for

FIELDS = {
    *("input", "outputs", "stems", "tags", "present", "events", "duration_s", "time_s", "rtf", "peak_rss_mb"),
    *("null_db", "device", "model", "kept", "warnings"),
}
HOP_S = 256 / models.RATE
TABLES = {"events.csv", "tags.csv"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dog bark lies below 2 kHz, Hi-hat above."""
    made = models.events_model(sources=("Dog bark", "Hi-hat"))
    return models.save(tmp_path_factory.mktemp("model"), made, "tiny-events")


def write(path: Path, samples: Array, rate: int = models.RATE) -> Path:
    soundfile.write(path, samples.T, rate, format="WAV", subtype="FLOAT")
    return path


def write_clip(path: Path, *, rate: int = models.RATE, channels: int = 1) -> Path:
    """A bark from 0.5 to 1.5 s and a hi-hat from 3 to 3.4 s, in 5 s."""
    mono = bursts(("s0", 0.5, 1.5), ("s1", 3.0, 3.4), length_s=5, rate=rate)
    return write(path, mono * np.linspace(1, 0.5, channels, dtype=np.float32)[:, None], rate)


def below(folder: Path) -> set[str]:
    return files_below(folder) if folder.exists() else set()


def test_a_real_process_finds_events_and_writes_them_all_ways(here: Path, model: Path) -> None:
    write_clip(here / "two, sounds.wav")
    call = ("detect", "two, sounds.wav", "--model", model, "--stems", "--audacity", "--json")
    result = process(*call, python=("-W", "error"))
    assert (result.code, result.err) == (0, "")
    assert (result.json["failed"], result.json["stopped"]) == ([], False)
    (file,) = result.json["files"]
    assert set(file) == FIELDS
    assert file["present"] == ["Dog bark", "Hi-hat"]
    assert [event["label"] for event in file["events"]] == ["Dog bark", "Hi-hat"]
    for event, onset_s, offset_s in zip(file["events"], (0.5, 3.0), (1.5, 3.4), strict=True):
        assert set(event) == {"onset_s", "offset_s", "label", "confidence"}
        assert event["onset_s"] == pytest.approx(onset_s, abs=1.01 * HOP_S)
        assert event["offset_s"] == pytest.approx(offset_s, abs=2.01 * HOP_S)
    folder = here / "detected/two, sounds"
    assert file["outputs"] == {name: f"detected/two, sounds/{name}" for name in (*TABLES, "labels.txt", "picture.png")}
    assert file["stems"] == {name: f"detected/two, sounds/{name}.wav" for name in ("Dog bark", "Hi-hat", "rest")}
    assert below(folder) == {Path(path).name for path in (*file["outputs"].values(), *file["stems"].values())}
    table = read_events(folder / "events.csv")
    assert [vars(event) for event in table] == file["events"]
    track = read_audacity(folder / "labels.txt")
    assert [(each.onset_s, each.label) for each in track] == [(each.onset_s, each.label) for each in table]
    rows = list(csv.DictReader((folder / "tags.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["label"]: float(row["confidence"]) for row in rows} == file["tags"]
    assert [(row["threshold"], row["present"]) for row in rows] == [("0.500000", "1")] * 2
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("rate", "channels"), [(models.RATE, 1), (44100, 2), (8000, 3)])
def test_stems_of_what_is_there_and_the_rest_sum_to_the_recording(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], rate: int, channels: int
) -> None:
    write_clip(here / "x.wav", rate=rate, channels=channels)
    (file,) = inside(capsys, "detect", "x.wav", "-m", model, "--stems", "--no-picture", "--json").json["files"]
    assert [event["label"] for event in file["events"]] == ["Dog bark", "Hi-hat"]
    assert file["null_db"] < -120
    stems = {name: soundfile.read(path, dtype="float32", always_2d=True) for name, path in file["stems"].items()}
    assert {stem_rate for _, stem_rate in stems.values()} == {rate}
    mixture = soundfile.read("x.wav", dtype="float32", always_2d=True)[0]
    assert difference_db(mixture.T, sum(stem for stem, _ in stems.values()).T) < -120
    bark = mixture[: 2 * rate].T
    assert difference_db(bark, stems["Dog bark"][0][: 2 * rate].T) < -30


def test_a_class_that_is_absent_has_no_stem_and_that_is_remembered(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "x.wav", bursts(("s1", 0.5, 1.0), length_s=3))
    call = ("detect", "x.wav", "-m", model, "--stems", "--json")
    (file,) = inside(capsys, *call).json["files"]
    assert (file["present"], list(file["stems"]), file["kept"]) == (["Hi-hat"], ["Hi-hat", "rest"], False)
    assert below(here / "detected/x") == {*TABLES, "picture.png", "Hi-hat.wav", "rest.wav"}
    (again,) = inside(capsys, *call).json["files"]
    assert again == {**file, "kept": True}


@pytest.mark.parametrize("name", ODD)
def test_odd_input_is_done(here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_odd(here / "x.wav", name)
    result = inside(capsys, "detect", "x.wav", "-m", model, "--stems", "--json")
    assert (result.code, result.err) == (0, "")
    (file,) = result.json["files"]
    stems = [soundfile.read(path, dtype="float32")[0] for path in file["stems"].values()]
    np.testing.assert_allclose(sum(stems), ODD[name], atol=1e-6)


def test_silence_holds_nothing(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_odd(here / "x.wav", "all zeros")
    (file,) = inside(capsys, "detect", "x.wav", "-m", model, "--stems", "--audacity", "--json").json["files"]
    assert (file["events"], file["present"], file["null_db"]) == ([], [], None)
    assert file["tags"] == {"Dog bark": 0.0, "Hi-hat": 0.0}
    assert list(file["stems"]) == ["rest"]
    assert Path("detected/x/events.csv").read_text(encoding="utf-8") == "onset_s,offset_s,label,confidence\n"
    assert Path("detected/x/labels.txt").read_text(encoding="utf-8") == ""
    assert "nothing" in inside(capsys, "detect", "x.wav", "-m", model, "--stems", "--audacity").out


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_and_the_others_are_done(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    BAD[name](here / "bad.wav")
    write_clip(here / "good.wav")
    result = inside(capsys, "detect", "bad.wav", "good.wav", "-m", model, "--stems", "--no-picture", "--json")
    assert_one_line(result, 1, "bad.wav")
    assert [file["input"] for file in result.json["files"]] == ["good.wav"]
    assert [failed["input"] for failed in result.json["failed"]] == ["bad.wav"]
    assert below(here / "detected") == {f"good/{each}" for each in (*TABLES, "Dog bark.wav", "Hi-hat.wav", "rest.wav")}
    assert not (here / "detected/bad").exists()


def test_folders_and_names_that_only_the_suffix_tells_apart(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a second call leaves the stems of the first aside."""
    (here / "in").mkdir()
    for name in ("a.wav", "b.wav"):
        write_clip(here / "in" / name)
    soundfile.write(here / "in/a.flac", bursts(("s0", 0.5, 1.5), length_s=2)[0], models.RATE)
    call = ("detect", "in", "-r", "-m", model, "--out", "in/found", "--stems", "--no-picture")
    result = inside(capsys, *call)
    assert (result.code, result.err) == (0, "")
    assert "Dog bark, Hi-hat" in result.out
    assert {path.name for path in (here / "in/found").iterdir()} == {"a.wav", "a.flac", "b", ".soli-journal.jsonl"}
    again = inside(capsys, *call, "--json").json["files"]
    assert [(file["input"], file["kept"]) for file in again] == [
        (f"in/{name}", True) for name in ("a.flac", "a.wav", "b.wav")
    ]


def test_what_was_left_out_is_made_and_the_rest_kept(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(here / "x.wav")
    (first,) = inside(capsys, "detect", "x.wav", "-m", model, "--json").json["files"]
    assert (first["stems"], first["null_db"]) == ({}, None)
    before = Path("detected/x/events.csv").stat()
    (file,) = inside(capsys, "detect", "x.wav", "-m", model, "--stems", "--json").json["files"]
    assert (file["kept"], file["events"], list(file["stems"])) == (
        False,
        first["events"],
        ["Dog bark", "Hi-hat", "rest"],
    )
    after = Path("detected/x/events.csv").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_other_thresholds_are_other_outputs(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are refused beside the old ones; overwritten, no stem is left of what is not found any more."""
    write_clip(here / "x.wav")
    call = ("detect", "x.wav", "-m", model, "--stems", "--no-picture")
    assert inside(capsys, *call).code == 0
    before = {path: (here / "detected" / path).read_bytes() for path in below(here / "detected")}
    assert_one_line(inside(capsys, *call, "--threshold", "1"), 1, "output exists", "x.wav", "--overwrite")
    assert {path: (here / "detected" / path).read_bytes() for path in below(here / "detected")} == before
    result = inside(capsys, *call, "--threshold", "Hi-hat=1", "--overwrite", "--json")
    (file,) = result.json["files"]
    assert (result.code, file["present"]) == (0, ["Dog bark"])
    assert [event["label"] for event in file["events"]] == ["Dog bark"]
    assert below(here / "detected/x") == {*TABLES, "Dog bark.wav", "rest.wav"}


@pytest.mark.parametrize(
    ("threshold", "parts"),
    [
        ("half", ("'half'", "from 0 to 1")),
        ("1.5", ("'1.5'", "from 0 to 1")),
        ("nan", ("'nan'",)),
        ("Dog barks=0.5", ("no class 'Dog barks'", "did you mean Dog bark?")),
        ("Dog bark=", ("''", "CLASS=NUMBER")),
        ("Dog bark=0.5,0.7", ("no class '0.7'",)),
    ],
)
def test_thresholds_that_are_none_are_a_wrong_call(
    here: Path, model: Path, capsys: pytest.CaptureFixture[str], threshold: str, parts: tuple[str, ...]
) -> None:
    write_clip(here / "x.wav")
    assert_one_line(inside(capsys, "detect", "x.wav", "-m", model, "--threshold", threshold), 2, *parts)
    assert not (here / "detected").exists()


def test_models_that_find_no_events_are_a_wrong_call(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "x.wav")
    other = models.save(here, models.low_pass_model(2000, name="halves"), "halves")
    result = inside(capsys, "detect", "x.wav", "-m", other)
    assert_one_line(result, 2, "halves is a model of kind mask; wanted one of sound events", "soli separate")
    assert_one_line(inside(capsys, "detect", "x.wav", "-m", "evnets"), 2, "unknown model 'evnets'")
    assert not (here / "detected").exists()


def test_without_matplotlib_all_but_the_picture_is_written(here: Path, model: Path) -> None:
    """And the picture later, when it is there."""
    write_clip(here / "x.wav")
    call = ("detect", "x.wav", "-m", str(model), "--stems", "--json")
    code = "import sys; from soli.cli.main import main; sys.modules['matplotlib'] = None; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", code, *call], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("soli: note: no pictures, for matplotlib is not installed; ")
    (file,) = json.loads(done.stdout)["files"]
    assert set(file["outputs"]) == TABLES
    later = process(*call)
    assert (later.code, later.err) == (0, "")
    assert set(later.json["files"][0]["outputs"]) == {*TABLES, "picture.png"}


def test_standard_input(here: Path, model: Path) -> None:
    data = write_clip(here / "x.wav").read_bytes()
    result = process("detect", "-", "-m", model, "--stems", "--json", input=data)
    assert (result.code, result.err) == (0, "")
    (file,) = result.json["files"]
    assert [event["label"] for event in file["events"]] == ["Dog bark", "Hi-hat"]
    assert file["null_db"] < -120


def test_a_full_disk_fails_that_file_alone(here: Path, model: Path) -> None:
    write(here / "long.wav", bursts(("s0", 0.5, 1.5), length_s=10))
    write(here / "short.wav", bursts(("s0", 0.2, 0.5), length_s=0.7))
    call = ("detect", "long.wav", "short.wav", "-m", model, "--stems", "--no-picture", "--json")
    result = process(*call, **no_file_beyond(100_000))
    assert_one_line(result, 1, "detected/long/", ".wav")
    assert [file["input"] for file in result.json["files"]] == ["short.wav"]
    assert below(here / "detected") == {f"short/{each}" for each in (*TABLES, "Dog bark.wav", "rest.wav")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_is_stopped_leaves_whole_files_and_can_be_gone_on_with(
    here: Path, model: Path, number: signal.Signals
) -> None:
    write_clip(here / "a.wav")
    write(here / "b.wav", bursts(("s0", 0.5, 100), length_s=300))
    call = ("detect", "a.wav", "b.wav", "-m", model, "--stems", "--no-picture", "--json")
    # A shell makes what it starts in the background deaf to Ctrl-C, tests among them.
    run = subprocess.Popen(
        words(*call),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert wait_for(lambda: bool(list(here.glob("detected/b/.*.wav.part"))))
    run.send_signal(number)
    out, err = run.communicate(timeout=60)
    done = {f"a/{each}" for each in (*TABLES, "Dog bark.wav", "Hi-hat.wav", "rest.wav")}
    if number == signal.SIGKILL:
        assert done <= below(here / "detected")
    else:
        assert run.returncode == 130
        assert ([file["input"] for file in json.loads(out)["files"]], json.loads(out)["stopped"]) == (["a.wav"], True)
        assert "the same command again" in err.decode()
        assert below(here / "detected") == done
    again = process(*call)
    assert (again.code, [file["kept"] for file in again.json["files"]]) == (0, [True, False])
    assert below(here / "detected") == done | {f"b/{each}" for each in (*TABLES, "Dog bark.wav", "rest.wav")}


def test_ten_minutes_need_no_more_memory_than_one(here: Path, model: Path) -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal((1, 8000 * 600), dtype=np.float32)).astype(np.float32)

    def peak_mb(minutes: int) -> float:
        write(here / f"{minutes}.wav", noise[:, : 8000 * 60 * minutes], 8000)
        done = process("detect", f"{minutes}.wav", "-m", model, "--stems", "--threads", 1, "--json")
        assert done.code == 0, done.err
        (file,) = done.json["files"]
        assert file["duration_s"] == 60 * minutes
        return float(file["peak_rss_mb"])

    one, ten = peak_mb(1), peak_mb(10)
    assert ten - one < 12, f"{one:.1f} MB for a minute, {ten:.1f} MB for ten"


def test_without_pictures_nothing_heavy_is_imported(here: Path, model: Path) -> None:
    write_clip(here / "x.wav")
    result = process("detect", "x.wav", "-m", model, "--no-picture", "--json", python=("-X", "importtime"))
    assert result.code == 0
    imported = {line.rpartition("|")[2].strip() for line in result.err.splitlines() if line.startswith("import time:")}
    assert "soli.detection.files" in imported
    assert imported & {"torch", "onnx", "matplotlib", "scipy.signal", "av", "rich"} == set()


def test_the_table_names_what_was_found(here: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "x.wav")
    result: Result = inside(capsys, "detect", "x.wav", "missing.wav", "-m", model, "--no-picture")
    for part in ("x.wav", "Dog bark, Hi-hat", "detected/x", "5.0 s", "real-time factor", "failed"):
        assert part in result.out
    assert inside(capsys, "detect", "x.wav", "-m", model, "--no-picture", "--quiet").out == ""
