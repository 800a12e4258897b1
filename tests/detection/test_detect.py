"""Events of recordings whose sounds are known, by a network whose masks are: when they are, and what they cost."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import soli
from made_events import bursts
from models import RATE, events_model, low_pass_model, save
from soli.detection.detect import Detected, detect, with_thresholds
from soli.detection.listening import Window
from soli.errors import InputError, UsageError
from soli.media.audio import write_audio
from soli.separation.model import Model, open_model
from soli.types import Audio

HOP_S = 256 / RATE


def spans(found: Detected) -> list[tuple[str, float, float]]:
    return [(event.label, event.onset_s, event.offset_s) for event in found.events]


def assert_events(found: Detected, wanted: list[tuple[str, float, float]], *, within_s: float = 1.01 * HOP_S) -> None:
    """That there are these events and no others, their ends to a frame."""
    assert [event.label for event in found.events] == [label for label, _, _ in wanted]
    for event, (_, onset_s, offset_s) in zip(found.events, wanted, strict=True):
        assert abs(event.onset_s - onset_s) < within_s, (event, onset_s)
        assert abs(event.offset_s - offset_s) < 2 * within_s, (event, offset_s)


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """A model whose class s0 lies below 2 kHz and s1 above, in windows of 2 s."""

    def made(**changes: object) -> Model:
        return open_model(save(tmp_path_factory.mktemp("events"), events_model(**changes)), threads=1)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="module")
def model(make: Callable[..., Model]) -> Model:
    return make()


@pytest.mark.parametrize("rate", [8000, RATE, 44100])
@pytest.mark.parametrize("length_s", [1.9, 10.3])
def test_events_are_found_where_they_are_to_a_frame(model: Model, rate: int, length_s: float) -> None:
    wanted = [("s0", 0.3, 0.8), ("s1", 0.6, 1.7)]
    if length_s > 2:
        wanted += [("s0", 2.0, 7.5), ("s1", 8.1, 8.5)]
    found = detect(Audio(bursts(*wanted, length_s=length_s, rate=rate), rate), model)
    assert_events(found, wanted)
    assert found.present == ("s0", "s1")
    assert found.duration_s == pytest.approx(length_s, abs=1e-4)
    assert min(event.confidence for event in found.events) > 0.4


def test_windows_leave_no_seams(make: Callable[..., Model], model: Model) -> None:
    """The frames are those of a network that is given all at once, and an event of many windows is one."""
    mixture = Audio(bursts(("s0", 0.5, 9.5), ("s1", 1.4, 1.6), length_s=11.2), RATE)
    whole, cut = detect(mixture, make(window_s=60.0)), detect(mixture, model)
    assert cut.frames.shape == whole.frames.shape == (2, 701)
    assert cut.hop_s == HOP_S
    np.testing.assert_allclose(cut.frames, whole.frames, atol=1e-3)
    assert spans(cut) == spans(whole)


@pytest.mark.parametrize("samples", [1, 2, 255, 31_999, 32_000, 32_001, 40_000, 55_999, 56_000, 56_001, 80_000])
def test_there_is_a_frame_every_hop_whatever_the_length(model: Model, samples: int) -> None:
    found = detect(Audio(bursts(length_s=samples / RATE), RATE), model)
    assert found.frames.shape == (2, -(-samples // 256) + 1)
    assert found.events == ()


def test_silence_holds_nothing(model: Model) -> None:
    found = detect(Audio(np.zeros((2, 5 * RATE), np.float32), RATE), model)
    assert (found.events, found.present, found.tags) == ((), (), {"s0": 0.0, "s1": 0.0})
    assert not found.frames.any()


def test_any_channel_counts_and_opposite_ones_do_not_cancel(model: Model) -> None:
    tone, nothing = bursts(("s0", 0.5, 1.5), length_s=5), np.zeros((1, 5 * RATE), np.float32)
    for other in (nothing, -tone, tone):
        assert_events(detect(Audio(np.concatenate([other, tone]), RATE), model), [("s0", 0.5, 1.5)])


def test_a_class_has_no_events_in_windows_that_are_not_tagged_with_it(model: Model) -> None:
    """A tone at the edge of hearing: its frames are above the threshold of events, its window's tag below its own."""
    soft = 0.065 * bursts(("s0", 8.0, 9.0), length_s=12, noise=0)
    mixture = Audio(soft + bursts(("s0", 0.5, 1.5), length_s=12), RATE)
    middle = float(detect(Audio(soft, RATE), model).tags["s0"])
    assert 0.4 < middle < 0.95
    chosen = model.info.detection.model_copy(update={"tag": ((middle + 1) / 2,) * 2})  # type: ignore[union-attr]
    assert_events(detect(mixture, model, thresholds=chosen), [("s0", 0.5, 1.5)])
    lower = chosen.model_copy(update={"tag": (middle / 2,) * 2})
    assert len(detect(mixture, model, thresholds=lower).events) == 2


def test_stems_hold_what_is_found(model: Model) -> None:
    """A class is silent in the stems just where none is detected, by the same thresholds."""
    mixture = bursts(("s0", 0.5, 1.5), length_s=8)
    none = with_thresholds(model, model.info.detection.model_copy(update={"tag": (1.0, 1.0)}))  # type: ignore[union-attr]
    assert detect(Audio(mixture, RATE), none).present == ()
    assert not none.separate(mixture)[:2].any()
    assert model.separate(mixture)[0].any()


def test_files_bytes_and_samples_give_the_same(model: Model, tmp_path: Path) -> None:
    mixture = bursts(("s0", 0.5, 1.5), length_s=3)
    path = tmp_path / "clip.wav"
    write_audio(path, mixture, sample_rate=RATE)
    found = [detect(source, model) for source in (path, str(path), path.read_bytes(), Audio(mixture, RATE))]
    assert len({each.events for each in found}) == 1
    assert soli.detect(path, model.path).events == found[0].events


def test_every_window_is_shown(model: Model) -> None:
    seen: list[Window] = []
    mixture = bursts(("s0", 0.5, 1.5), length_s=4)
    detect(Audio(mixture, RATE), model, visit=seen.append)
    assert [window.start for window in seen] == [0, 24064, 48128]
    assert seen[0].heard.masks.shape == (1, 2, 32, 126)
    assert np.array_equal(seen[1].samples, mixture[:, 24064 : 24064 + seen[1].samples.shape[-1]])


def test_memory_does_not_grow_with_the_length_but_for_the_frames(model: Model) -> None:
    def peak(seconds: int) -> tuple[int, int]:
        block = np.random.default_rng(0).standard_normal((1, 8000), dtype=np.float32)

        class Blocks:
            """A long recording at 8 kHz that is never there as a whole."""

            def __iter__(self):  # type: ignore[no-untyped-def]
                return (block for _ in range(seconds))

        from soli.detection.detect import Detection
        from soli.detection.listening import Listener

        listener = Listener(model)
        tracemalloc.start()
        found = Detection(listener)
        for window in listener.windows(found.counting(Blocks()), sample_rate=8000):
            found.add(window)
        frames = found.result(sample_rate=8000).frames
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, frames.nbytes

    (short, few), (long, many) = peak(20), peak(600)
    assert many > 25 * few
    assert long - short < 6 * (many - few) + 200_000


def test_what_cannot_be_heard_is_named(model: Model, tmp_path: Path) -> None:
    broken = bursts(length_s=3)
    broken[0, 40_000] = np.inf
    with pytest.raises(InputError, match="NaN or infinite samples"):
        detect(Audio(broken, RATE), model)
    with pytest.raises(InputError, match="no samples"):
        detect(Audio(np.zeros((1, 0), np.float32), RATE), model)
    with pytest.raises(InputError, match="there is no such file"):
        detect(tmp_path / "no.wav", model)
    other = open_model(save(tmp_path, low_pass_model(2000)))
    with pytest.raises(UsageError, match="tiny is a model of kind mask; wanted one of sound events"):
        detect(Audio(bursts(length_s=1), RATE), other)
    detection = model.info.detection
    assert detection is not None
    with pytest.raises(InputError, match="1 thresholds for 2 classes"):
        detect(Audio(bursts(length_s=1), RATE), model, thresholds=detection.model_copy(update={"tag": (0.5,)}))
