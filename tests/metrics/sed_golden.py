"""The golden values of detection scores, and their events as soli has them."""

import json
from pathlib import Path
from typing import Any

from soli.types import Event

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "golden_sed.json").read_text())
CLASSES: list[str] = GOLDEN["classes"]


def events(rows: list[tuple[float, float, str]]) -> list[Event]:
    return [Event(onset_s, offset_s, label, 1.0) for onset_s, offset_s, label in rows]
