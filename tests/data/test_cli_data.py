"""`soli data` through the command line: what it prints, what it writes, how it fails."""

import json
from pathlib import Path

import pytest

from made_sounds import noise
from soli.cli.main import main
from soli.data.library import LIBRARY_NAME, Library
from soli.data.manifest import read_manifest
from soli.media.audio import probe, write_audio

Capture = pytest.CaptureFixture[str]


def told(capsys: Capture, *words: object) -> dict[str, object]:
    """The JSON object that a call prints, all of its stdout."""
    assert main([str(word) for word in (*words, "--json")]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, code: int, *words: object) -> str:
    """The one line on stderr of a call that fails."""
    assert main([str(word) for word in words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("soli: error: ")
    assert err.count("\n") == 1
    return err


def test_from_packages_to_rendered_mixtures(packages: Path, tmp_path: Path, capsys: Capture) -> None:
    library = tmp_path / "library"
    built = told(capsys, "data", "build", "speech-noise", library, "--packages-root", packages)
    assert built["sounds"] == 15
    assert told(capsys, "data", "check", library)["problems"] == []
    manifest = library / "m.jsonl"
    spec = tmp_path / "short.yaml"
    spec.write_text("duration_s: 1.0\nsample_rate: 16000\nspeech: {max_floor_db: 0}\n")
    planned = told(
        capsys,
        "data",
        "plan",
        library,
        "--spec",
        spec,
        "--split",
        "train",
        "--count",
        3,
        "--seed",
        7,
        "--out",
        manifest,
    )
    assert planned["rows"] == 3
    assert {row.seed for row in read_manifest(manifest).rows} == {7}
    assert told(capsys, "data", "render", manifest, "--out", tmp_path / "out") == {
        "out": str(tmp_path / "out"),
        "rows": 3,
        "kept": 0,
        "failed": [],
    }
    assert probe(tmp_path / "out/train/train-000002/mixture.wav").frames == 16000
    assert told(capsys, "data", "render", manifest, "--out", tmp_path / "out")["kept"] == 3


def test_people_read_lines(packages: Path, tmp_path: Path, library: Library, capsys: Capture) -> None:
    assert main(["data", "build", "speech-noise", str(tmp_path / "new"), "--packages-root", str(packages)]) == 0
    out = capsys.readouterr().out
    assert "left out: 1 copy of another file" in out
    assert f"15 sounds in {tmp_path / 'new'}" in out
    assert main(["data", "check", str(library.root)]) == 0
    assert "33 items (test 6, train 21, valid 6), 33 files, in order" in capsys.readouterr().out


def test_stems_become_a_manifest(tmp_path: Path, capsys: Capture) -> None:
    for name in ("voice", "noise"):
        (tmp_path / "set/one").mkdir(parents=True, exist_ok=True)
        write_audio(tmp_path / f"set/one/{name}.wav", noise(0.2, 8000, seed=1)[None], sample_rate=8000)
    told_so = told(capsys, "data", "stems", tmp_path / "set", "--split", "test", "--out", tmp_path / "m.jsonl")
    assert (told_so["rows"], told_so["sources"]) == (1, ["noise", "voice"])
    (row,) = read_manifest(tmp_path / "m.jsonl").rows
    assert (row.split, row.parts[0].path) == ("test", "set/one/noise.wav")
    assert told(capsys, "data", "check", tmp_path / "m.jsonl")["files"] == 2


def test_problems_are_lines_and_an_exit_code(own_library: Path, capsys: Capture) -> None:
    victim = next((own_library / "speech").rglob("*.wav"))
    victim.unlink()
    assert main(["data", "check", str(own_library)]) == 1
    out, err = capsys.readouterr()
    assert err == f"soli: error: {victim.relative_to(own_library)} is missing in {own_library}\n"
    assert "problems: 1" in out
    assert main(["data", "check", str(own_library), "--json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["problems"]) == 1


def test_a_split_that_nothing_takes_by_itself_is_a_warning(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "set/one").mkdir(parents=True)
    write_audio(tmp_path / "set/one/noise.wav", noise(0.2, 8000, seed=1)[None], sample_rate=8000)
    path = tmp_path / "m.jsonl"
    told(capsys, "data", "stems", tmp_path / "set", "--split", "tset", "--out", path)
    assert main(["data", "check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "warning: the split 'tset' (rows: 1, the first is one) is none of train, train_small, valid, test" in err
    assert "in order" in out
    assert "minus the sum" not in out
    for split in ("train", "train_small", "valid", "test", "all"):
        told(capsys, "data", "stems", tmp_path / "set", "--split", split, "--out", path)
        assert told(capsys, "data", "check", path)["warnings"] == []


def test_several_manifests_are_checked_together(tmp_path: Path, capsys: Capture) -> None:
    for name in ("voice", "noise", "mixture"):
        (tmp_path / "set/one").mkdir(parents=True, exist_ok=True)
        write_audio(tmp_path / f"set/one/{name}.wav", noise(0.2, 8000, seed=1)[None], sample_rate=8000)
    for split in ("train", "test"):
        out = tmp_path / f"{split}.jsonl"
        told(capsys, "data", "stems", tmp_path / "set", "--split", split, "--out", out)
    assert main(["data", "check", str(tmp_path / "train.jsonl"), str(tmp_path / "test.jsonl")]) == 1
    out, err = capsys.readouterr()
    assert "the file set/one/noise.wav is in test and train" in err
    assert "wanted -40 dB at most" in err
    assert out.count("mixtures minus the sum of their stems: 0 dB at most (one)") == 1
    assert main(["data", "check", str(tmp_path / "train.jsonl"), str(tmp_path / "test.jsonl"), "--json"]) == 1
    assert [each["residual_db"] for each in json.loads(capsys.readouterr().out)["mixtures"]] == [0, 0]
    assert "2 items (test 1, train 1), 3 files" in out
    assert main(["data", "check", str(tmp_path / "train.jsonl"), "--limit-db", "1"]) == 0


def test_rows_that_fail_are_a_table_and_an_exit_code(tmp_path: Path, capsys: Capture) -> None:
    for name in ("good", "bad"):
        (tmp_path / "set" / name).mkdir(parents=True)
        write_audio(tmp_path / f"set/{name}/voice.wav", noise(0.2, 8000, seed=1)[None], sample_rate=8000)
    manifest, out = tmp_path / "m.jsonl", tmp_path / "out"
    told(capsys, "data", "stems", tmp_path / "set", "--out", manifest)
    voice = tmp_path / "set/bad/voice.wav"
    whole = voice.read_bytes()
    voice.unlink()
    assert main(["data", "render", str(manifest), "--out", str(out)]) == 1
    printed = capsys.readouterr().out
    assert "bad" in printed
    assert "there is no such file" in " ".join(printed.split())
    assert "1 rows written" in printed
    assert "1 failed" in printed
    assert main(["data", "render", str(manifest), "--out", str(out), "--json"]) == 1
    again = json.loads(capsys.readouterr().out)
    assert (again["rows"], again["kept"], [each["id"] for each in again["failed"]]) == (0, 1, ["bad"])
    voice.write_bytes(whole)
    assert told(capsys, "data", "render", manifest, "--out", out)["rows"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "chek"], "there is no command 'chek' of soli data; did you mean check?"),
        (["data", "build", "musdb"], "there is no command 'musdb' of soli data build; known: chorales, scenes, speech"),
        (["data", "check", "--hash"], "--hash"),
    ],
)
def test_a_wrong_word_is_one_short_line(words: list[str], said: str, capsys: Capture) -> None:
    line = refused(capsys, 2, *words)
    assert said in line
    assert len(line) < 120


@pytest.mark.parametrize("words", [["data"], ["data", "build"]])
def test_a_group_alone_shows_its_help(words: list[str], capsys: Capture) -> None:
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert f"Usage: soli {' '.join(words)} [OPTIONS] COMMAND" in out
    assert err == ""


def test_calls_that_cannot_work_say_why(tmp_path: Path, library: Library, capsys: Capture) -> None:
    build = refused(capsys, 1, "data", "build", "speech-noise", tmp_path / "out", "--packages-root", tmp_path)
    assert "run: apt-get install --no-install-recommends 0ad-data asterisk-core-sounds-en-g722" in build
    plan = ("data", "plan", library.root, "--split", "train", "--out", tmp_path / "m.jsonl")
    assert "did you mean voice-train" in refused(capsys, 2, *plan, "--spec", "voice-tran", "--count", 1)
    assert "give --count" in refused(capsys, 2, *plan, "--spec", "voice-train")
    assert "no manifest at" in refused(capsys, 1, "data", "render", tmp_path / "no.jsonl", "--out", tmp_path / "x")
    assert f"no library at {tmp_path / LIBRARY_NAME}" in refused(capsys, 1, "data", "check", tmp_path)
    assert "no tracks in" in refused(capsys, 1, "data", "stems", tmp_path, "--out", tmp_path / "m.jsonl")


@pytest.mark.parametrize("command", [["build", "speech-noise"], ["stems"], ["plan"], ["check"], ["render"]])
def test_help_has_an_example(command: list[str], capsys: Capture) -> None:
    assert main(["data", *command, "--help"]) == 0
    assert f"Example: soli data {' '.join(command)} " in " ".join(capsys.readouterr().out.split())
