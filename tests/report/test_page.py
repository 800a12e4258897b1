import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import made_comparison as made
import pytest
from matplotlib import pyplot as plt

from soli.errors import OutputError
from soli.evaluation.comparison import Comparison, Cost, Figure
from soli.report import plots
from soli.report.page import html, write_report
from soli.report.templating import decibels, unbroken
from soli.report.theme import LIGHT


class Page(HTMLParser):
    """What a browser would look at: addresses, and the text of the cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset") and value]
        if tag not in ("meta", "link", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())


def test_the_folder_holds_the_page_the_data_and_the_plots(tmp_path: Path) -> None:
    found = made.comparison()
    assert write_report(found, tmp_path / "new" / "out") == tmp_path / "new" / "out" / "index.html"
    names = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert names == {"index.html", "compare.json", "compare.md"} | {
        f"{plot}{theme}.png" for plot in ("quality", "boxes") for theme in ("", "-dark")
    }
    text = (tmp_path / "new" / "out" / "compare.json").read_text()
    assert Comparison.model_validate_json(text) == found
    json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity


def test_the_page_needs_nothing_from_elsewhere_and_names_its_sounds(tmp_path: Path) -> None:
    found = made.comparison()
    page = Page(write_report(found, tmp_path).read_text())
    assert page.open == []
    sounds = [unquote(address) for address in page.addresses if not address.startswith("data:")]
    clips = [clip for entrant in found.entrants for clip in entrant.worst]
    assert sounds == [path for clip in clips for path in (clip.mixture, clip.estimate, clip.reference)]
    assert not re.search(r"https?://|@import|<script", (tmp_path / "index.html").read_text())
    assert sum(address.startswith("data:image/png") for address in page.addresses) == 4


def test_every_figure_is_on_the_page_and_names_are_only_text() -> None:
    found = made.comparison()
    evil = found.entrants[0].model_copy(update={"name": "<script>alert(1)</script>"})
    text = html(made.comparison(entrants=[evil, *found.entrants[1:]]), [])
    assert "<script>" not in text
    page = Page(text)
    assert "<script>alert(1)</script>" in page.texts["th"]
    assert "band_split <1>" in page.texts["code"]
    assert page.texts["strong"].count("-61.2 dB") == 9
    assert text.count("SI-SDR of the estimate undefined: it is silent") == 9
    for entrant in found.entrants:
        figure = entrant.quality["voice"].improvements["si_sdr"]
        assert f"{figure.mean:.2f}" in page.texts["td"]
        assert f"[{figure.low:.2f}, {figure.high:.2f}]" in page.texts["small"]


def test_what_failed_stands_on_the_page_and_nothing_where_nothing_did() -> None:
    assert "runs/late holds no weights yet" in html(made.comparison(), [])
    assert "Failed" not in html(made.comparison(failed=[]), [])


@pytest.mark.parametrize("count", [1, 2, 4, 11])
def test_plots_are_drawn_for_any_number_of_entrants(count: int, tmp_path: Path) -> None:
    found = made.comparison()
    some = made.comparison(entrants=found.entrants[:count])
    for draw in (plots.quality_against_work, plots.boxes_by_snr):
        path = tmp_path / f"{draw.__name__}.png"
        draw(some, LIGHT, path)
        height, width = plt.imread(path).shape[:2]
        assert width > 900
        assert height > 400
    assert plt.get_fignums() == []


def test_plots_are_drawn_where_no_work_is_known(tmp_path: Path) -> None:
    bare = [entrant.model_copy(update={"cost": Cost()}) for entrant in made.comparison().entrants]
    plots.quality_against_work(made.comparison(entrants=bare), LIGHT, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_an_interval_that_ends_at_zero_is_drawn_to_zero() -> None:
    point = Figure(mean=0.5, low=0.0, high=1.0, count=45)
    assert plots._span(point) == (0.0, 0.5, 1.0)
    assert plots._span(Figure(mean=0.5, low=None, high=None, count=2)) == (0.5, 0.5, 0.5)


def test_a_title_names_the_family_where_the_name_does_not() -> None:
    entrant = made.comparison().methods[0]
    assert plots.titled(entrant) == "band_split"
    assert plots.titled(entrant.model_copy(update={"name": "voice"})) == "voice (band_split)"


def test_cells_and_scores_are_spelled() -> None:
    assert (decibels(1.25), decibels(None)) == ("+1.2 dB", "undefined: it is silent")
    assert unbroken("SI-SDRi, dB") == "SI\N{NON-BREAKING HYPHEN}SDRi, dB"


def test_a_report_that_cannot_be_written_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write_report(made.comparison(), tmp_path / "out")
