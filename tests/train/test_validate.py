"""Validation: whose estimate is whose, which rows, and what counts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from soli.data.manifest import Part, Row
from soli.errors import DataError
from soli.media.audio import write_audio
from soli.train.dataset import spread
from soli.train.validate import Validation, nearest_estimates

LEVELS = {"voice": 0.2, "noise": 0.1, "music": 0.05, "silence": 0.0}


def test_estimates_are_put_into_the_order_that_fits() -> None:
    rng = np.random.default_rng(0)
    references = list(rng.standard_normal((3, 400)).astype(np.float32))
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        estimates = np.stack([0.8 * references[place] for place in order])
        found = nearest_estimates(references, estimates)
        np.testing.assert_array_equal(found, 0.8 * np.stack(references))


def test_silent_and_missing_references_take_what_is_left() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.standard_normal((2, 400)).astype(np.float32)
    silent = np.zeros_like(one)
    found = nearest_estimates([silent, two], np.stack([two, one]))
    np.testing.assert_array_equal(found, [one, two])
    np.testing.assert_array_equal(nearest_estimates([two], np.stack([one, two])), [two])
    assert len(nearest_estimates([], np.stack([one, two]))) == 0


@pytest.mark.parametrize(("count", "expected"), [(0, 7), (1, 1), (3, 3), (7, 7), (50, 7)])
def test_rows_are_spread_over_the_split(count: int, expected: int) -> None:
    rows = [object() for _ in range(7)]
    found = spread(rows, count)  # type: ignore[type-var]
    assert len(found) == expected
    places = [rows.index(row) for row in found]
    assert places == sorted(set(places))
    if count == 3:
        assert places == [0, 2, 4]


class Known:
    """An objective whose estimates are given, whatever it hears."""

    sample_rate = 8000

    def __init__(self, estimates: np.ndarray) -> None:
        self.estimates = torch.from_numpy(estimates)[None]

    def estimate(self, network: object, mixture: torch.Tensor) -> torch.Tensor:
        return self.estimates


def sounds(folder: Path) -> dict[str, np.ndarray]:
    """Noises of known levels as files in a folder, (T,) each."""
    rng = np.random.default_rng(4)
    made = {name: (level * rng.standard_normal(4000)).astype(np.float32) for name, level in LEVELS.items()}
    for name, samples in made.items():
        write_audio(folder / f"{name}.wav", samples[None], sample_rate=8000)
    return made


def row(*sources: str) -> Row:
    parts = tuple(Part(source=name, path=f"{name}.wav", duration_s=0.5) for name in sources)
    return Row(id="+".join(sources), split="valid", sample_rate=8000, duration_s=0.5, parts=parts)


def validation(
    folder: Path, *rows: Row, estimates: np.ndarray, rest: str | None, voices: tuple[str, ...]
) -> Validation:
    rule = Known(estimates)
    return Validation(torch.nn.Linear(1, 1), rule, list(rows), root=folder, sources=voices, rest=rest)  # type: ignore[arg-type]


def snr_db(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(reference**2) / np.sum((reference - estimate) ** 2)))


def test_the_rest_is_judged_as_the_others_are(tmp_path: Path) -> None:
    made = sounds(tmp_path)
    voice, noise = made["voice"], made["noise"]
    estimate = 0.9 * voice + 0.2 * noise
    judge = validation(tmp_path, row("voice", "noise"), estimates=estimate[None], rest="noise", voices=("voice",))
    found = judge.run(judge.network.state_dict())
    mixture = voice + noise
    gains = [
        snr_db(voice, estimate) - snr_db(voice, mixture),
        snr_db(noise, mixture - estimate) - snr_db(noise, mixture),
    ]
    assert found["valid_score"] == pytest.approx(np.mean(gains), abs=1e-3)
    assert found.keys() == {"valid_score", "valid_si_sdr_voice", "valid_si_sdr_noise"}
    # With one estimate and the rest it is one error, and both tell better weights from worse ones alike.
    better = 0.95 * voice + 0.1 * noise
    gains_of_better = [snr_db(voice, better), snr_db(noise, mixture - better)]
    assert gains_of_better[0] - snr_db(voice, estimate) == pytest.approx(
        gains_of_better[1] - snr_db(noise, mixture - estimate), abs=1e-3
    )


def test_the_rest_is_all_that_the_others_leave(tmp_path: Path) -> None:
    made = sounds(tmp_path)
    rows = row("voice", "noise", "music")
    judge = validation(tmp_path, rows, estimates=made["voice"][None], rest="noise", voices=("voice",))
    assert judge.run(judge.network.state_dict())["valid_si_sdr_noise"] > 90


@pytest.mark.parametrize(
    ("sources", "rest", "voices", "scored"),
    [
        (("voice", "noise"), "noise", ("voice",), True),
        (("voice", "music"), None, ("voice",), True),
        (("voice",), "noise", ("voice",), False),
        (("noise",), "noise", ("voice",), False),
        (("voice", "silence"), "silence", ("voice",), False),
        (("silence",), None, ("silence",), False),
        (("noise", "music"), None, ("voice",), False),
    ],
)
def test_rows_of_which_none_can_be_scored_are_refused_before_training(
    tmp_path: Path, sources: tuple[str, ...], rest: str | None, voices: tuple[str, ...], scored: bool
) -> None:
    made = sounds(tmp_path)
    for rows in ([row(*sources)], [row("silence"), row(*sources)]):
        judge = validation(tmp_path, *rows, estimates=made["voice"][None], rest=rest, voices=voices)
        if scored:
            judge.check()
        else:
            with pytest.raises(DataError, match="rows to validate on can be scored"):
                judge.check()
