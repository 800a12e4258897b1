import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soli.dsp.frames import FrameGrid, frame_rate, whole_frames
from soli.errors import InputError

rates = st.sampled_from([31.25, 62.5, 15.625, 50.0, 44100 / 441, 22050 / 512])


def test_an_event_holds_the_frames_of_the_published_protocol() -> None:
    grid = FrameGrid(frame_rate(32000, 1024), 311)
    assert grid.span(0.5, 2.5) == slice(15, 79)
    assert grid.span(3.0, 5.0) == slice(93, 157)
    assert grid.span(0.0, 0.0) == slice(0, 1)


def test_what_lies_outside_of_all_frames_holds_none() -> None:
    grid = FrameGrid(31.25, 100)
    assert grid.span(9.0, 12.0) == slice(100, 100)
    assert grid.span(-3.0, -1.0) == slice(0, 0)
    assert grid.span(-3.0, 99.0) == slice(0, 100)


@given(rate_hz=rates, onset_s=st.floats(0, 20, allow_subnormal=False), length_s=st.floats(0, 5, allow_subnormal=False))
def test_frames_of_an_event_cover_it_and_end_less_than_a_frame_away(
    rate_hz: float, onset_s: float, length_s: float
) -> None:
    span = FrameGrid(rate_hz, 10**6).span(onset_s, onset_s + length_s)
    first_s, end_s = FrameGrid(rate_hz, 10**6).seconds(span.start, span.stop)
    rounding = 1e-6
    assert -rounding <= onset_s - first_s <= 1 / rate_hz + rounding
    assert -rounding <= end_s - onset_s - length_s <= 1 / rate_hz + rounding


@given(rate_hz=rates, first=st.integers(0, 5000), length=st.integers(1, 500))
def test_seconds_lead_back_to_their_frames(rate_hz: float, first: int, length: int) -> None:
    grid = FrameGrid(rate_hz, 10**6)
    onset_s, offset_s = grid.seconds(first, first + length)
    assert grid.span(onset_s, offset_s).start == first
    assert grid.span(onset_s, math.nextafter(offset_s, 0) - 1e-6).stop == first + length


@given(rate_hz=rates, count=st.integers(0, 1000))
def test_a_duration_of_whole_frames_is_that_many(rate_hz: float, count: int) -> None:
    assert whole_frames(count / rate_hz, rate_hz) == count
    assert whole_frames((count + 0.99) / rate_hz, rate_hz) == count


@pytest.mark.parametrize("duration_s", [-1.0, math.nan, math.inf])
def test_no_duration_is_negative_or_endless(duration_s: float) -> None:
    with pytest.raises(InputError, match="0 or more seconds"):
        whole_frames(duration_s, 31.25)
