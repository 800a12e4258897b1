"""Lists of sound events: what every score of them checks first, and the order they are taken in."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from soli.errors import InputError, near
from soli.types import Event


def checked(events: Iterable[Event], name: str, *, classes: Sequence[str]) -> list[Event]:
    """The events in order of time, whatever order they came in.

    Events of no length and events beyond the end of a recording are events. Raises InputError naming the first that
    has a time that is NaN or infinite, ends before it begins, begins before 0 s, or is of no known class.
    """
    known = set(classes)
    found = sorted(events, key=lambda event: (event.onset_s, event.offset_s, event.label))
    for event in found:
        what = f"the {name} holds {event.label} from {event.onset_s:g} to {event.offset_s:g} s"
        if not (math.isfinite(event.onset_s) and math.isfinite(event.offset_s)):
            raise InputError(what, wanted="finite times")
        if not 0 <= event.onset_s <= event.offset_s:
            raise InputError(what, wanted="an onset of 0 s or more, and an offset that is not before it")
        if event.label not in known:
            raise InputError(
                f"the {name} holds events of the class {event.label}", wanted=near(event.label, [*classes])
            )
    return found


def by_class(events: Iterable[Event]) -> dict[str, list[Event]]:
    """The events of each class, in the order they come in."""
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        found[event.label].append(event)
    return dict(found)


def united(events: Iterable[Event]) -> list[Event]:
    """The events with those of one class that overlap or touch made one, as confident as the most confident of them."""
    done: list[Event] = []
    for same in by_class(sorted(events, key=lambda event: (event.onset_s, event.offset_s))).values():
        last, *others = same
        for event in others:
            if event.onset_s > last.offset_s:
                done.append(last)
                last = event
                continue
            end_s, confidence = max(last.offset_s, event.offset_s), max(last.confidence, event.confidence)
            last = Event(last.onset_s, end_s, last.label, confidence)
        done.append(last)
    return sorted(done, key=lambda event: (event.onset_s, event.label))
