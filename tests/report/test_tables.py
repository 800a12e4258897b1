import made_comparison as made
import pytest

from soli.evaluation.comparison import IMPROVED, SCORES, Figure, Quality
from soli.evaluation.paired import figure
from soli.report.tables import explanations, markdown, overview, significant, tables, with_interval


def test_every_entrant_has_a_row_and_every_row_all_columns() -> None:
    found = made.comparison()
    shown = tables(found)
    assert [table.title for table in shown] == ["Improvement and cost", "voice: scores in dB", "noise: scores in dB"]
    for table in shown:
        assert [row[0] for row in table.texts] == [entrant.name for entrant in found.entrants]
        assert {len(row) for row in table.rows} == {len(table.head)}
    assert shown[1].head == ("", "SI-SDR", "SI-SDRi", "SDR", "SDRi", "SIR", "SIRi", "SAR")


def test_the_overview_says_which_differences_are_real() -> None:
    found = made.comparison()
    behind = {row[0]: row[3] for row in overview(found).texts}
    assert behind["band_split"] == "the best"
    assert "no clear difference" not in behind["unet"]
    best, close = found.methods[0], found.methods[1]
    flat = close.quality["voice"].model_copy(update={"behind": Figure(mean=0.1, low=-0.2, high=0.4, count=45)})
    even = close.model_copy(update={"quality": {**close.quality, "voice": flat}})
    rows = overview(found.model_copy(update={"entrants": [best, even]})).texts
    assert rows[1][3] == "0.10 [-0.20, 0.40] no clear difference"
    few = close.quality["voice"].model_copy(update={"behind": Figure(mean=9.0, low=None, high=None, count=2)})
    unsure = close.model_copy(update={"quality": {**close.quality, "voice": few}})
    rows = overview(found.model_copy(update={"entrants": [best, unsure]})).texts
    assert rows[1][3] == "9.00 no clear difference"


def test_silent_estimates_stand_beside_the_mean() -> None:
    found = made.comparison()
    mute = found.entrants[1]
    quality = {source: each.model_copy(update={"floored": 20}) for source, each in mute.quality.items()}
    shown = tables(made.comparison(entrants=[mute.model_copy(update={"quality": quality})]))
    assert shown[0].texts[0][1].endswith("20 of 45 silent")
    assert shown[1].texts[0][1].endswith("20 of 45 silent")
    assert all("silent" not in text for text in shown[0].texts[0][3:])
    assert any("counts as -60 dB" in text for text in explanations(found))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "(Student's, over the items): for these items"),
        ({"interval_by": "group", "interval_groups": 15}, "over the 15 groups that rows name as `group`"),
        ({"interval_by": "group", "interval_groups": 3}, "nothing: the items are of 3 groups (`group`)"),
    ],
)
def test_what_intervals_hold_for_is_said(changes: dict[str, object], said: str) -> None:
    assert said in explanations(made.comparison(**changes))[1]


def test_where_items_are_few_the_missing_interval_is_said() -> None:
    few = figure([1.0, 2.0])
    entrant = made.comparison().entrants[0]
    quality = Quality(scores=dict.fromkeys(SCORES, few), improvements=dict.fromkeys(IMPROVED, few))
    bare = entrant.model_copy(update={"quality": {"voice": quality, "noise": quality}})
    found = made.comparison(entrants=[bare])
    assert overview(found).texts[0][1] == "1.50"
    assert "nothing: an interval of the mean wants 10 items" in explanations(found)[1]


def test_one_training_a_family_and_all_differences_at_once_are_said() -> None:
    text = " ".join(explanations(made.comparison()))
    assert "for all 36 differences of two methods at once" in text
    assert "trained once, from one seed" in text
    assert "multiply-accumulates" in text


def test_what_is_not_known_is_a_dash_and_never_a_zero() -> None:
    rows = {row[0]: row for row in overview(made.comparison()).texts}
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
    assert str(with_interval(Figure(mean=100.0, low=100.0, high=100.0, count=50))) == "> 100"
    assert str(with_interval(Figure(mean=None, low=None, high=None, count=0))) == "-"
    assert str(with_interval(Figure(mean=-1.234, low=-2.0, high=0.5, count=50))) == "-1.23 [-2.00, 0.50]"


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
