"""The report of a sweep: the thesis's tables, the marks beside them, pictures, and a page that needs no network."""

import csv
import io
import json
import re
from pathlib import Path
from urllib.parse import unquote

import made_sweep as made
import numpy as np
import pytest

from soli.cli.main import main
from soli.data.manifest import Part, Row, write_manifest
from soli.data.readers.bach10 import NAMES
from soli.errors import DataError, OutputError, UsageError
from soli.evaluation.aggregate import summarise
from soli.evaluation.sweep import SCORES, Sweep, best_model, over_songs, shared_songs, unheard
from soli.evaluation.sweep_folder import chosen_cells, read_sweep, write_sounds
from soli.report.published import bach10
from soli.report.sweep_page import Report, write_sweep_report
from soli.report.sweep_plots import shares
from soli.report.sweep_tables import csv_files, explanations, report_card, tables
from soli.types import StftSettings


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_tables_of_the_thesis() -> None:
    files = csv_files(made.sweep())
    assert set(files) == {
        "SepModel_model-a_FULL_EVAL_RESULTS.csv",
        "SepModel_model-b_FULL_EVAL_RESULTS.csv",
        "bassoon_ALL_MODELS.csv",
        "cello_ALL_MODELS.csv",
        "scores.csv",
    }
    assert rows_of(files["SepModel_model-a_FULL_EVAL_RESULTS.csv"]) == [
        ["target", "SI-SAR", "SI-SDR", "SI-SIR", "SNR"],
        ["bassoon", "-3.000 ± 1.414", "-5.000 ± 1.414", "-4.000 ± 1.414", "-2.000 ± 1.414"],
        ["cello", "7.000 ± 2.828", "5.000 ± 2.828", "6.000 ± 2.828", "8.000 ± 2.828"],
    ]
    assert rows_of(files["SepModel_model-b_FULL_EVAL_RESULTS.csv"])[1:] == [
        ["bassoon", "3.500 ± 0.707", "1.500 ± 0.707", "2.500 ± 0.707", "4.500 ± 0.707"]
    ]
    assert [row[0] for row in rows_of(files["bassoon_ALL_MODELS.csv"])] == ["model", "model-a", "model-b"]


def test_every_score_is_in_one_table_of_numbers() -> None:
    head, *rows = rows_of(csv_files(made.sweep())["scores.csv"])
    assert head == ["model", "target", "song", "title", "score", "estimate", "mixture", "improvement", "ceiling"]
    assert len(rows) == 6 * len(SCORES)
    found = {(row[0], row[1], row[2], row[4]): row[5:] for row in rows}
    assert found["model-a", "bassoon", "1", "si_sdr"] == ["-6.0", "-5.0", "-1.0", "9.0"]
    assert found["model-b", "bassoon", "2", "si_sar"] == ["4.0", "inf", "", "9.0"]
    assert {row[3] for row in rows} == set(made.TITLES.values())


def test_the_card_has_every_mark_beside_the_models() -> None:
    card = report_card(made.sweep(), bach10())
    overview, bassoon, gains, cello, _ = tables(made.sweep(), bach10())
    marks = ("-5.00 ± 0.00", "9.00 ± 0.00")
    assert tuple(overview.texts) == (
        ("bassoon", "model-b", "2", "1.50 ± 0.71", "1.50", "6.50 ± 0.71", *marks, "-5.71 ± 0.56 (A)"),
        ("cello", "model-a", "2", "5.00 ± 2.83", "5.00", "10.00 ± 2.83", *marks, "-"),
    )
    of_models = ["model-a", "model-a, median", "model-b", "model-b, median"]
    marks_of_all = ["mixture", "ideal ratio mask"]
    assert [row[0] for row in bassoon.texts] == [*of_models, *marks_of_all, "published (A)"]
    assert [row[0] for row in cello.texts] == [*of_models[:2], *marks_of_all]
    assert bassoon.texts[0][2:] == tuple(f"{value:.2f} ± 1.41" for value in range(-5, 1))
    assert bassoon.texts[1][2:] == tuple(f"{value:.2f}" for value in range(-5, 1))
    assert bassoon.texts[4][2:5] == ("-5.00 ± 0.00", "-5.00 ± 0.00", "> 100")
    assert [row[2] for row in gains.texts] == ["0.00 ± 1.41", "0.00", "6.50 ± 0.71", "6.50"]
    assert "SI-SAR" not in gains.head
    for table in (overview, bassoon, cello):
        assert table.title in card
        assert all(cell in card for row in table.texts for cell in row)


def test_a_silent_estimate_counts_as_evaluate_counts_it() -> None:
    """Giving up on the hard song is not the way to the best mean."""
    cells = [
        made.cell(model, "bassoon", song, {"si_sdr": score})
        for model, scores in (("model-a", (1.0, None)), ("model-b", (0.5, 0.6)))
        for song, score in enumerate(scores, start=1)
    ]
    found = Sweep(cells=cells)
    assert best_model(found, "bassoon") == "model-b"
    ours = over_songs(found.of(model="model-a"), "si_sdr")
    theirs = summarise([cell.line for cell in found.of(model="model-a")])["bassoon"].scored.scores["si_sdr"].estimate
    assert ours == theirs
    assert (ours.mean, ours.count, ours.floored) == (-29.5, 2, 1)
    (row,) = rows_of(csv_files(found)["SepModel_model-a_FULL_EVAL_RESULTS.csv"])[1:]
    assert row[2] == "-29.500 ± 43.134 (1 silent)"
    assert "-29.50 ± 43.13 (1 silent)" in report_card(found, bach10())


def test_a_figure_of_fewer_songs_says_so() -> None:
    one_less = Sweep(cells=made.sweep().of(target="bassoon")[:-1])
    (_, *rows) = rows_of(csv_files(one_less)["bassoon_ALL_MODELS.csv"])
    assert [row[2] for row in rows] == ["-5.000 ± 1.414", "1.000 (1 of 2 songs)"]


def test_models_are_ranked_over_the_songs_that_all_have() -> None:
    """The weaker has done an easy song alone."""
    scores = {"model-a": {1: 9.0, 2: -3.0}, "model-b": {1: 8.0}}
    cells = [made.cell(m, "bassoon", song, {"si_sdr": db}) for m, some in scores.items() for song, db in some.items()]
    found = Sweep(cells=cells)
    assert shared_songs(found, "bassoon") == [1]
    assert best_model(found, "bassoon") == "model-a"
    assert best_model(found, "bassoon", song=2) == "model-a"
    overview = tables(found, bach10())[0].texts[0]
    assert overview[1:4] == ("model-a", "1", "9.00")
    apart = Sweep(cells=[cells[1], cells[2]])
    assert best_model(apart, "bassoon") is None
    assert tables(apart, bach10())[0].texts[0][1:4] == ("-", "0", "-")


def test_ideal_masks_are_named_by_all_models_that_have_them() -> None:
    ideals = {"model-a": 9.0, "model-b": 9.0, "model-c": 7.0}
    cells = [made.cell(model, "bassoon", 1, {"si_sdr": 1.0}, ideal=db) for model, db in ideals.items()]
    names = [row[0] for row in tables(Sweep(cells=cells), bach10())[1].texts]
    assert names[-3:-1] == ["ideal ratio mask (model-a, model-b)", "ideal ratio mask (model-c)"]


def test_rows_of_other_songs_are_warned_of() -> None:
    def warned(sweep: Sweep) -> bool:
        return any("do not compare" in text for text in explanations(sweep, bach10()))

    assert warned(made.sweep())
    whole = Sweep(cells=made.sweep().of(target="bassoon"))
    assert not warned(whole)
    assert warned(Sweep(cells=whole.cells[:-1]))


def test_what_was_published_is_of_the_instruments_and_names_its_source() -> None:
    published = bach10()
    assert set(published.targets) == set(NAMES)
    assert {mark.model for mark in published.targets.values()} <= set("ABCDEF")
    assert published.targets["violin"].of("sd_sdr") is None
    with_source = [text for text in explanations(made.sweep(), published) if published.source in text]
    assert len(with_source) == 1
    of_none = Sweep(cells=made.sweep().of(target="cello"))
    assert not any(published.source in text for text in explanations(of_none, published))


def test_the_best_model_is_that_of_the_highest_mean() -> None:
    assert best_model(made.sweep(), "bassoon") == "model-b"
    assert best_model(made.sweep(), "cello") == "model-a"


def test_the_cells_to_listen_to_are_of_one_song() -> None:
    chosen = [(cell.model, cell.target, cell.song) for cell in chosen_cells(made.sweep())]
    assert chosen == [("model-b", "bassoon", 1), ("model-a", "cello", 1)]
    chosen = [(cell.model, cell.target, cell.song) for cell in chosen_cells(made.sweep(), song=2, model="model-a")]
    assert chosen == [("model-a", "bassoon", 2), ("model-a", "cello", 2)]
    with pytest.raises(UsageError, match="no song 3; wanted one of 1, 2"):
        chosen_cells(made.sweep(), song=3)
    with pytest.raises(UsageError, match="no model modle-a; did you mean model-a"):
        chosen_cells(made.sweep(), model="modle-a")


def test_of_a_song_that_the_best_has_not_finished_the_next_best_is_heard() -> None:
    """And a target that nobody has finished is told."""
    cells = [cell for cell in made.sweep().cells if (cell.model, cell.song) != ("model-b", 1)]
    chosen = chosen_cells(Sweep(cells=cells), song=1)
    assert [(cell.model, cell.target) for cell in chosen] == [("model-a", "bassoon"), ("model-a", "cello")]
    with pytest.raises(UsageError, match="model-b has not finished song 1; wanted one of 2"):
        chosen_cells(Sweep(cells=cells), song=1, model="model-b")
    assert [cell.song for cell in chosen_cells(Sweep(cells=cells), model="model-b")] == [2]
    without = Sweep(cells=[cell for cell in cells if (cell.target, cell.song) != ("cello", 1)])
    assert [(cell.target, cell.song) for cell in chosen_cells(without)] == [("bassoon", 2), ("cello", 2)]
    assert [cell.target for cell in chosen_cells(without, song=1)] == ["bassoon"]


def test_what_cannot_be_heard_is_told(tmp_path: Path) -> None:
    heard = made.heard(tmp_path)
    assert unheard(made.sweep(), heard) is None
    page = write_sweep_report(made.sweep(), heard[:1], tmp_path).read_text(encoding="utf-8")
    assert "Nothing to listen to of cello: song 1 is not finished there." in page


def test_the_page_needs_nothing_from_elsewhere_and_all_it_names_is_there(tmp_path: Path) -> None:
    page = write_sweep_report(made.sweep(), made.heard(tmp_path), tmp_path)
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|<script", text)
    named = [unquote(path) for path in re.findall(r'(?:src|srcset|href)="([^"]+)"', text)]
    files = [path for path in named if not path.startswith("data:")]
    assert files
    missing = [path for path in files if not (tmp_path / path).is_file()]
    assert not missing
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert there - set(files) == {"index.html", "sweep.json"}
    assert text.count("<audio controls") == 1 + 2 * 2
    assert "&lt;Ach&gt; &amp; Weh" in text
    assert "<Ach>" not in text
    kept = Report.model_validate_json((tmp_path / "sweep.json").read_text())
    assert kept.sweep == made.sweep()
    assert set(kept.files) == there - {"sweep.json"}
    json.loads((tmp_path / "sweep.json").read_text(), parse_constant=pytest.fail)


def test_what_an_earlier_report_left_is_replaced(tmp_path: Path) -> None:
    """A model that is no longer in the sweep, and a song that is no longer listened to; files of others stay."""
    heard = made.heard(tmp_path)
    write_sweep_report(made.sweep(), heard, tmp_path)
    (tmp_path / "notes.csv").write_text("mine")
    less = Sweep(cells=made.sweep().of(model="model-a"))
    write_sweep_report(less, heard[1:], tmp_path)
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    record = Report.model_validate_json((tmp_path / "sweep.json").read_text())
    assert there == {*record.files, "sweep.json", "notes.csv"}
    assert not {"SepModel_model-b_FULL_EVAL_RESULTS.csv", "sounds/bassoon-estimate.flac"} & there
    assert {"SepModel_model-a_FULL_EVAL_RESULTS.csv", "sounds/cello-estimate.flac"} <= there


def test_a_record_of_something_else_removes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard = made.heard(out)
    (tmp_path / "precious").write_text("outside")
    record = Report(sweep=made.sweep(), files=["../precious", str(tmp_path / "precious"), "index.html"])
    (out / "sweep.json").write_text(record.model_dump_json())
    write_sweep_report(made.sweep(), heard, out)
    assert (tmp_path / "precious").is_file()
    (out / "sweep.json").write_text("{}")
    with pytest.raises(OutputError, match=r"sweep\.json is of no report of this soli; move it away"):
        write_sweep_report(made.sweep(), heard, out)


def finished_cell(root: Path) -> Path:
    """A sweep of one cell as a folder, without a model: enough to be read."""
    cell = root / "model-a" / "bassoon" / "song-01"
    cell.mkdir(parents=True)
    (cell / "run.json").write_text("{}")
    (cell / "scores.jsonl").write_text(made.sweep().cells[0].line.model_dump_json() + "\n")
    part = Part(source="bassoon", path="b.wav", sha256="", start_s=0, onset_s=0, duration_s=1, gain_db=0)
    row = Row(id="01-a", split="test", sample_rate=8000, duration_s=1, parts=[part])
    write_manifest(cell / "test.jsonl", [row])
    return root


def test_a_place_that_cannot_be_written_is_told_before_anything_is_separated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cell has no model: to separate would be another error."""
    path = finished_cell(tmp_path / "sweep")
    (tmp_path / "file").write_text("")
    assert main(["report", str(path), "--out", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.startswith(f"soli: error: cannot write {tmp_path / 'file'}")
    for out in (path, path / "report"):
        assert main(["report", str(path), "--out", str(out)]) == 2
        assert f"--out {out} lies in the sweep, which is only read" in capsys.readouterr().err
    assert {each.name for each in path.iterdir()} == {"model-a"}
    with pytest.raises(OutputError, match="cannot write"):
        write_sounds([], path, out=tmp_path / "file", name="sounds")


def test_the_masks_say_what_share_each_bin_has() -> None:
    """A target of 500 Hz among 2 kHz; the estimate has half of each, then nothing at all sounds."""
    settings, time_s = StftSettings(n_fft=256, hop=64), np.arange(4000) / 8000
    target, other = (0.3 * np.sin(2 * np.pi * hz * time_s).astype(np.float32) * (time_s < 0.3) for hz in (500, 2000))
    estimated, ideal = shares(target + other, (target + other) / 2, target, settings)
    at_target, at_other, sounding = 500 * 256 // 8000, 2000 * 256 // 8000, slice(4, 30)
    np.testing.assert_allclose(estimated[at_target, sounding], 0.5, atol=0.01)
    np.testing.assert_allclose(estimated[at_other, sounding], 0.5, atol=0.01)
    np.testing.assert_allclose(ideal[at_target, sounding], 1.0, atol=0.01)
    np.testing.assert_allclose(ideal[at_other, sounding], 0.0, atol=0.01)
    assert not estimated[:, 45:].any()
    assert not ideal[:, 45:].any()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_sweep_report(made.sweep(), [], tmp_path / "file")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_what_is_no_sweep_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str], make: object) -> None:
    assert callable(make)
    make(tmp_path / "sweep")
    assert main(["report", str(tmp_path / "sweep"), "--out", str(tmp_path / "out")]) == 1
    assert "sweep holds no sweep; wanted a folder that soli sweep has made" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_sweep_without_a_finished_cell_is_said(tmp_path: Path) -> None:
    cell = tmp_path / "model-a" / "violin" / "song-01"
    cell.mkdir(parents=True)
    (cell / "run.json").write_text("{}")
    with pytest.raises(DataError, match=r"no cell of .* is finished yet"):
        read_sweep(tmp_path)
