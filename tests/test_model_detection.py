"""What a model file says of sound events: there in files of that kind, nowhere else, and consistent."""

import pytest
from pydantic import ValidationError

import models
from soli.modelfile import DetectionInfo, ModelInfo, parse_model, write_metadata
from soli.types import MelSettings

DETECTION = DetectionInfo(mel=MelSettings(bands=16), tag=(0.1, 0.25))
EVENTS = {"kind": "events", "format_version": 3, "sources": ("Dog bark", "Hi-hat"), "rest": None, "mask": None}


def events(**changes: object) -> ModelInfo:
    return models.model_info(**{**EVENTS, "detection": DETECTION, **changes})


def test_detection_travels_in_the_file() -> None:
    info = parse_model(write_metadata(models.identity_model(), events()), name="events")
    assert info.detection == DETECTION
    assert info.sources == ("Dog bark", "Hi-hat")
    assert (info.stems, info.left_to) == (("Dog bark", "Hi-hat", "rest"), "rest")


def test_defaults_are_those_of_the_protocol() -> None:
    """Kong et al. 2018: 0.1 for tags and frames, 0.2 and 0.1 for events, 10 frames of 1024 samples at 32 kHz."""
    assert (DETECTION.frame, DETECTION.high, DETECTION.low) == (0.1, 0.2, 0.1)
    assert DETECTION.gap_s == DETECTION.shortest_s == pytest.approx(10 * 1024 / 32000)


@pytest.mark.parametrize(
    "changes",
    [
        {"detection": None},
        {"kind": "mask", "mask": "real"},
        {"format_version": 2},
        {"stft": None},
        {"sources": ("one",)},
        {"sources": ("one", "two", "three")},
        {"sources": ("bark", "Bark")},
        {"sources": ("bark/growl", "hum")},
        {"sources": ("bark ", "hum")},
        {"detection": DETECTION.model_copy(update={"low": 0.5})},
    ],
    ids=str,
)
def test_what_does_not_go_together_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        events(**changes)


@pytest.mark.parametrize(
    "changes", [{"tag": ()}, {"tag": (1.5,)}, {"high": -0.1}, {"gap_s": -1}, {"colour": "blue"}], ids=str
)
def test_thresholds_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DetectionInfo.model_validate({**DETECTION.model_dump(), **changes})
