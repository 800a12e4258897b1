"""The log of a run: what a kill may leave is forgiven, what was spoiled is named."""

from pathlib import Path

import pytest

from soli.errors import InputError
from soli.train.log import Log, draw_curves, read_log


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


def test_curves_are_drawn_once_there_is_something_to_draw(tmp_path: Path) -> None:
    log = write(tmp_path / "log.jsonl", b"")
    draw_curves(log, tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()
    log.write_bytes(b'{"step": 1, "loss": 2.0}\n{"step": 1, "valid_score": 1.0}\n')
    draw_curves(log, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
