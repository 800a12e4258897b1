"""The log of a run: what a kill may leave is forgiven, what was spoiled is named."""

import json
from pathlib import Path

import matplotlib.colors
import matplotlib.image
import numpy as np
import pytest

from soli.errors import InputError, OutputError
from soli.train.log import BLUE, ORANGE, Log, draw_curves, read_log, steps_taken


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", b'{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    assert [line["step"] for line in read_log(log)] == [1, 2]


@pytest.mark.parametrize(
    ("bad", "said"),
    [(b'{"step": 2', "is not JSON"), (b"", "is not JSON"), (b"7", "has no step"), (b"{}", "has no step")],
)
def test_a_bad_line_before_the_last_is_named(tmp_path: Path, bad: bytes, said: str) -> None:
    log = write(tmp_path / "log.jsonl", b'{"step": 1}\n' + bad + b'\n{"step": 3}\n')
    with pytest.raises(InputError, match=f"log.jsonl line 2 {said}"):
        list(read_log(log))


def test_lines_beyond_the_step_resumed_from_are_dropped(tmp_path: Path) -> None:
    path = write(tmp_path / "log.jsonl", b'{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    heard: list[int] = []
    log = Log(path, upto=1, on_line=lambda line: heard.append(line["step"]))
    log.write({"step": 2, "loss": float("nan")})
    assert [line["step"] for line in read_log(path)] == [1, 2]
    assert heard == [2]


def test_a_log_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    log = Log(tmp_path / "run/log.jsonl", upto=0, on_line=None)
    (tmp_path / "run/log.jsonl").unlink()
    (tmp_path / "run/log.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*log\.jsonl: Is a directory"):
        log.write({"step": 1})
    lines = write(tmp_path / "some.jsonl", b'{"step": 1, "loss": 2.0}\n')
    with pytest.raises(OutputError, match=r"cannot write .*curves\.png: No such file"):
        draw_curves(lines, tmp_path / "gone/curves.png")


def heights(picture: Path, colour: str) -> dict[int, float]:
    """Where a colour lies in a picture: by column, its mean height above the lower edge."""
    image = matplotlib.image.imread(picture)[..., :3]
    near = np.abs(image - matplotlib.colors.to_rgb(colour)).max(axis=-1) < 0.1
    rows = np.arange(len(image))[::-1, None] * np.ones_like(near)
    return {int(column): float(rows[near[:, column], column].mean()) for column in np.flatnonzero(near.any(axis=0))}


def test_a_falling_loss_is_drawn_on_the_left_and_a_rising_score_on_the_right(tmp_path: Path) -> None:
    lines = [{"step": step, "loss": 9.0 - step} for step in range(1, 9)]
    lines += [{"step": step, "valid_score": float(step)} for step in (2, 4, 6, 8)]
    log = write(tmp_path / "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines).encode())
    picture = tmp_path / "curves.png"
    draw_curves(log, picture)
    middle = matplotlib.image.imread(picture).shape[1] / 2
    loss, score = heights(picture, BLUE), heights(picture, ORANGE)
    assert max(loss) < middle < min(score)
    for line, rises in ((loss, False), (score, True)):
        first, last = line[min(line)], line[max(line)]
        assert max(line) - min(line) > 300
        assert abs(last - first) > 150
        assert (last > first) == rises


def test_nothing_is_drawn_of_an_empty_log_and_a_loss_alone_will_do(tmp_path: Path) -> None:
    log, picture = write(tmp_path / "log.jsonl", b""), tmp_path / "curves.png"
    draw_curves(log, picture)
    assert not picture.exists()
    log.write_bytes(b'{"step": 1, "loss": 2.0}\n{"step": 9, "loss": 1.0}\n')
    draw_curves(log, picture)
    assert heights(picture, BLUE)
    assert not heights(picture, ORANGE)


def test_a_single_loss_is_a_dot(tmp_path: Path) -> None:
    log, picture = write(tmp_path / "log.jsonl", b'{"step": 20, "loss": 2.0}\n'), tmp_path / "curves.png"
    draw_curves(log, picture)
    assert heights(picture, BLUE)


@pytest.mark.parametrize(
    ("scores", "patience", "taken"),
    [
        ([], 0, 0),
        ([1.0], 0, 10),
        ([1.0, 2.0, 3.0], 0, None),  # all 30 steps
        ([2.0, 1.0], 2, 20),
        ([1.0, 2.0, 2.0], 9, None),
        ([2.0, 1.0], 1, None),  # stopped for want of gain
    ],
)
def test_a_run_that_was_stopped_before_its_end_is_known(
    tmp_path: Path, scores: list[float], patience: int, taken: int | None
) -> None:
    path = tmp_path / "log.jsonl"
    lines = [{"step": 10 * index, "seconds": 1.0, "valid_score": each} for index, each in enumerate(scores, start=1)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert steps_taken(path, steps=30, patience=patience) == taken
