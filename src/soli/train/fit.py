"""Which family, objective and sources go together: what does not is said before anything is opened or built."""

from soli.errors import UsageError
from soli.train.families import family
from soli.train.losses.table import SCALE_FREE, check_terms
from soli.train.run import ExportSettings, RunSettings

# How a recording is cut for a network that does not say itself how far it looks.
_CUTTING = ("past_s", "future_s", "window_s", "overlap_s")


def check_fit(settings: RunSettings) -> None:
    """Raises UsageError where family, objective and sources do not go together; says why, and what would."""
    kind = family(settings.family).kind
    check_terms(settings.objective, kind=kind)
    if kind == "events":
        _check_events(settings)
    elif not settings.sources:
        raise UsageError("sources: []", wanted=f"at least one; {settings.family} is no network of sound events")
    if kind == "cluster":
        if settings.rest is not None:
            raise UsageError(
                f'{settings.family} finds every source as a cluster, and the rest "{settings.rest}" would be none',
                do="set rest: null; the estimates sum to the mixture all the same",
            )
        if settings.outputs < 2:
            raise UsageError(f"{settings.family} has one source, and one cluster is the mixture", wanted="two or more")
        if settings.consistent:
            raise UsageError(
                f"consistent: the masks of {settings.family} come from clusters, and sum to one already",
                do="set consistent: false",
            )
        if settings.export.window_s is None:
            raise UsageError(
                f"export.window_s: null; the clusters of {settings.family} are those of a window",
                wanted="a length in seconds",
            )
    if kind == "pitched":
        _check_pitched(settings)
    _check_cutting(settings)
    felt = {name for name, weight in settings.objective.items() if weight}
    if kind in ("mask", "waveform") and felt <= SCALE_FREE and settings.rest is None and not settings.consistent:
        raise UsageError(
            f"objective: {' and '.join(felt)} alone leaves the level of each estimate free",
            wanted="a loss that sees the level too, such as waveform_snr",
            do="or set consistent: true, so that the estimates sum to the mixture",
        )


def check_rate(found_hz: int, wanted_hz: int, *, who: str = "the data have") -> None:
    """Raises UsageError, which begins with `who`, where data have another rate than the network is set to."""
    if found_hz != wanted_hz:
        raise UsageError(
            f"{who} {found_hz} Hz, the network is set to {wanted_hz} Hz",
            do=f"give data of {wanted_hz} Hz; or --set network.sample_rate={found_hz}, "
            "and scale what the network counts in samples",
        )


def _check_events(settings: RunSettings) -> None:
    """Raises UsageError for settings of separated sources: classes may sound together, or none may."""
    for name, value in (("rest", settings.rest), ("consistent", settings.consistent)):
        if value:
            raise UsageError(
                f"{name}: {value}; the sources of {settings.family} are classes of sounds, and what none of them takes "
                "is the rest",
                do=f"leave {name} out",
            )
    if settings.interchangeable:
        raise UsageError(f"interchangeable: the classes of {settings.family} have names", do="leave it out")
    if settings.export.window_s is None:
        raise UsageError(
            f"export.window_s: null; the tags of {settings.family} are those of a window",
            wanted="a length in seconds, that of the clips",
        )
    given = settings.data
    for key, wrong in (("spec", given.spec), ("mixing", given.mixing), ("remix", given.remix)):
        if wrong:
            raise UsageError(f"data.{key}: {settings.family} is trained on labelled clips", wanted="a manifest of them")


def _check_pitched(settings: RunSettings) -> None:
    """Raises UsageError for what pitches and the masks drawn from them cannot be."""
    if settings.consistent:
        raise UsageError(
            f"consistent: masks of {settings.family} are drawn in bands; several sources' sum to one already",
            do="set consistent: false",
        )
    if settings.interchangeable:
        raise UsageError(
            f"interchangeable: {settings.family} learns which pitches are whose",
            wanted="sources with names of their own",
            do="set interchangeable: false, or take a family of masks",
        )


def _check_cutting(settings: RunSettings) -> None:
    """Raises UsageError where a network that knows its reach is told how to cut a recording: nothing would heed it."""
    if family(settings.family).reach is None:
        return
    usual = ExportSettings()
    told = [name for name in _CUTTING if getattr(settings.export, name) != getattr(usual, name)]
    if told:
        raise UsageError(
            f"export.{told[0]}: {settings.family} knows how far it looks, and its model file says that",
            do=f"leave out {' and '.join(f'export.{name}' for name in told)}",
        )
