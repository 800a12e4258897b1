"""What is said of one file that was taken apart."""

from dataclasses import dataclass, fields
from typing import Any

_NUMBER = (int, float)


@dataclass(frozen=True)
class Record:
    """What is said of one file that was done: the JSON of `soli separate`.

    `rtf` is time over duration. `peak_rss_mb` is the peak memory of the whole process so far. `null_db` is the energy
    of the mixture minus the sum of all stems over that of the mixture, the stems as wav and flac files hold them (for
    lossy formats: before they are coded); -300 for no difference at all, None for a silent mixture. `absent` are the
    sources with no sample above -80 dBFS. `video` is the path of the video with its tracks. `kept`: the stems
    and figures are those of an earlier run.
    """

    input: str
    outputs: dict[str, str]
    duration_s: float
    time_s: float
    rtf: float
    peak_rss_mb: float
    null_db: float | None
    device: str
    model: str
    kept: bool
    absent: list[str]
    warnings: list[str]
    video: str | None = None


_KINDS: dict[str, type | tuple[type, ...]] = {
    "input": str,
    "outputs": dict,
    "duration_s": _NUMBER,
    "time_s": _NUMBER,
    "rtf": _NUMBER,
    "peak_rss_mb": _NUMBER,
    "null_db": (*_NUMBER, type(None)),
    "device": str,
    "model": str,
    "kept": bool,
    "absent": list,
    "warnings": list,
    "video": (str, type(None)),
}


def read_record(found: Any) -> Record:
    """The record of an object that came from JSON. Raises TypeError where a field is missing, unknown or odd.

    By hand, for file names that are not valid UTF-8 are strings that pydantic does not take.
    """
    record = Record(**found)
    for each in fields(record):
        if not isinstance(getattr(record, each.name), _KINDS[each.name]):
            raise TypeError(f"{each.name}: {getattr(record, each.name)!r}")
    if not all(isinstance(word, str) for word in (*record.absent, *record.warnings, *record.outputs.values())):
        raise TypeError("a word that is none")
    return record
