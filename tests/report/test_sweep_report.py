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
from soli.data.readers.bach10 import NAMES
from soli.errors import DataError, OutputError, UsageError
from soli.evaluation.sweep import SCORES, Sweep, best_model, over_songs, spread
from soli.evaluation.sweep_folder import chosen_cells, read_sweep
from soli.report.published import bach10
from soli.report.sweep_page import write_sweep_report
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
        ["bassoon", "-3.000 ± 1.000", "-5.000 ± 1.000", "-4.000 ± 1.000", "-2.000 ± 1.000"],
        ["cello", "7.000 ± 2.000", "5.000 ± 2.000", "6.000 ± 2.000", "8.000 ± 2.000"],
    ]
    assert rows_of(files["SepModel_model-b_FULL_EVAL_RESULTS.csv"])[1:] == [
        ["bassoon", "3.500 ± 0.500", "1.500 ± 0.500", "2.500 ± 0.500", "4.500 ± 0.500"]
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
        ("bassoon", "model-b", "2", "1.50 ± 0.50", "1.50", "6.50 ± 0.50", *marks, "-5.71 ± 0.56 (A)"),
        ("cello", "model-a", "2", "5.00 ± 2.00", "5.00", "10.00 ± 2.00", *marks, "-"),
    )
    of_models = ["model-a", "model-a, median", "model-b", "model-b, median"]
    marks_of_all = ["mixture", "ideal ratio mask"]
    assert [row[0] for row in bassoon.texts] == [*of_models, *marks_of_all, "published (A)"]
    assert [row[0] for row in cello.texts] == [*of_models[:2], *marks_of_all]
    assert bassoon.texts[0][2:] == tuple(f"{value:.2f} ± 1.00" for value in range(-5, 1))
    assert bassoon.texts[1][2:] == tuple(f"{value:.2f}" for value in range(-5, 1))
    assert bassoon.texts[4][2:5] == ("-5.00 ± 0.00", "-5.00 ± 0.00", "-")
    assert [row[2] for row in gains.texts] == ["0.00 ± 1.00", "0.00", "6.50 ± 0.50", "6.50"]
    for table in (overview, bassoon, cello):
        assert table.title in card
        assert all(cell in card for row in table.texts for cell in row)


def test_medians_and_what_is_left_out_are_told() -> None:
    found = spread([1.0, 2.0, 9.0, float("inf"), None])
    assert (found.mean, found.median, found.counted, found.left_out) == (4.0, 2.0, 3, 2)
    assert found.std == pytest.approx(np.std([1.0, 2.0, 9.0]))
    assert spread([float("inf"), None]) == (None, None, None, 0, 2)
    cells = made.sweep().cells
    assert over_songs(cells, "si_sar", "mixture").mean is None


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
    kept = Sweep.model_validate_json((tmp_path / "sweep.json").read_text())
    assert kept == made.sweep()
    json.loads((tmp_path / "sweep.json").read_text(), parse_constant=pytest.fail)


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
