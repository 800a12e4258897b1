"""Who speaks in the items of a voice-and-noise set, where soli built it: `items.jsonl` beside `voice-noise.json`."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from soli.errors import DataError

RECORD_NAME, ITEMS_NAME = "voice-noise.json", "items.jsonl"


class _Item(BaseModel):
    """What is read of a line; it says more."""

    path: str
    speaker: str


def speakers_of(root: Path) -> dict[str, str]:
    """The speaker of each item by its folder, `train/0001`; nothing where soli did not build the set.

    Raises DataError where a line cannot be read.
    """
    if not ((root / RECORD_NAME).is_file() and (root / ITEMS_NAME).is_file()):
        return {}
    speakers = {}
    for number, text in enumerate((root / ITEMS_NAME).read_bytes().splitlines(), start=1):
        try:
            item = _Item.model_validate_json(text)
        except ValidationError as error:
            raise DataError(f"{root / ITEMS_NAME} line {number} is damaged", do="build the set anew") from error
        speakers[item.path] = item.speaker
    return speakers
