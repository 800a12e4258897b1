"""Clips to draw: run through the model once more, since their masks are not kept."""

from collections.abc import Sequence

from soli.data.render import render
from soli.evaluation.events_item import Job, sounds_of
from soli.evaluation.events_run import EventsPlan
from soli.evaluation.events_thresholds import Thresholds
from soli.evaluation.events_view import Shown


def shown(plan: EventsPlan, thresholds: Thresholds, ids: Sequence[str]) -> list[Shown]:
    """The clips with these ids, run through the model once more. Raises SoliError where one cannot be any more."""
    assert plan.info.stft is not None, "checked when the file was read"
    job = Job(plan.path, plan.info, plan.manifest.root, (), plan.threads)
    rows = {row.id: row for row in plan.manifest.rows}
    found = []
    for each in ids:
        sounds = sounds_of(render(rows[each], plan.manifest.root), plan.info.sample_rate)
        judged = job.judged(rows[each], sounds)
        found.append(
            Shown(
                id=each,
                classes=plan.info.estimated,
                labels=judged.line.labels,
                mixture=sounds.mixture,
                sample_rate=plan.info.sample_rate,
                stft=plan.info.stft,
                masks=judged.masks,
                ideal=judged.ideal,
                frames=judged.line.frames.values,
                true=judged.line.events,
                found=tuple(thresholds.events(judged.line, rate_hz=plan.rate_hz)),
            )
        )
    return found
