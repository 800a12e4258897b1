import made_comparison as made
import pytest

from soli.evaluation.comparison import Figure
from soli.report.tables import explanations, markdown, overview, significant, tables, with_interval


def test_every_entrant_has_a_row_and_every_row_all_columns() -> None:
    found = made.comparison()
    shown = tables(found)
    assert [table.title for table in shown] == ["Improvement and cost", "voice: scores in dB", "noise: scores in dB"]
    for table in shown:
        assert [row[0] for row in table.rows] == [entrant.name for entrant in found.entrants]
        assert {len(row) for row in table.rows} == {len(table.head)}
    assert shown[1].head == ("", "SI-SDR", "SI-SDRi", "SDR", "SDRi", "SIR", "SIRi", "SAR")


def test_the_overview_says_which_differences_are_real() -> None:
    found = made.comparison()
    behind = {row[0]: row[3] for row in overview(found).rows}
    assert behind["band_split"] == "the best"
    assert "no clear difference" not in behind["unet"]
    best, close = found.methods[0], found.methods[1]
    flat = close.quality["voice"].model_copy(update={"behind": Figure(mean=0.1, low=-0.2, high=0.4, count=45)})
    even = close.model_copy(update={"quality": {**close.quality, "voice": flat}})
    rows = overview(found.model_copy(update={"entrants": [best, even]})).rows
    assert rows[1][3] == "0.10 [-0.20, 0.40] no clear difference"


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    rows = {row[0]: row for row in overview(made.comparison()).rows}
    assert rows["oracle"][4:] == ("-",) * 5
    assert rows["kmeans2"][4:] == ("-", "-", "0.0123", "55", "-")
    assert rows["conv_tasnet"][4:] == ("100,000", "310", "0.0123", "55", "20.0")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00391, "0.0039"), (0.1206, "0.1206"), (7.5, "7.50"), (33.21, "33.2"), (1234.5, "1,234")],
)
def test_numbers_are_written_out(value: float, text: str) -> None:
    assert significant(value) == text


def test_figures_beyond_rounding_are_not_spelled_out() -> None:
    assert with_interval(Figure(mean=151.66, low=151.0, high=152.0, count=5)) == "> 100"
    assert with_interval(Figure(mean=None, low=None, high=None, count=0)) == "-"
    assert with_interval(Figure(mean=-1.234, low=-2.0, high=0.5, count=5)) == "-1.23 [-2.00, 0.50]"


def test_markdown_has_the_tables_the_notes_and_the_failed() -> None:
    text = markdown(made.comparison())
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 3 * (2 + 11)
    assert all(line.count("|") == lines[0].count("|") for line in lines[:13])
    assert "- something to know." in text
    assert "- late: runs/late holds no weights yet" in text
    broken = made.comparison(entrants=[made.comparison().entrants[0].model_copy(update={"name": "a|b"})])
    assert "| a&#124;b |" in markdown(broken)


def test_items_that_are_not_scored_are_said() -> None:
    said = "45 items of split test, the same for all; 100 of other splits are left out."
    assert explanations(made.comparison())[0] == said
    older = made.comparison(splits=[], left_out=0)  # made before splits were chosen
    assert explanations(older)[0] == "45 items, the same for all."
    more = made.comparison(items=[*made.ITEMS, "alone"], splits=[], left_out=0)
    assert explanations(more)[0].startswith("46 items, the same for all; voice is scored on 45 of them")
