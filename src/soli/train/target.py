"""One target out of a mixture: a run that estimates a source by its name, and calls all others the rest."""

from soli.errors import UsageError
from soli.modelfile import REST
from soli.train.run import RunSettings, check_settings


def for_target(settings: RunSettings, target: str) -> RunSettings:
    """The settings with the sources [target, rest], whatever the recipe's are; the run is named after its target.

    Raises UsageError where the recipe's sources have no names, or the target cannot be one.
    """
    if settings.interchangeable:
        raise UsageError(
            f"--target {target}: the sources of {settings.name} are interchangeable", wanted="a recipe of named sources"
        )
    if target == REST:
        raise UsageError(f"--target {REST} is what a target leaves", wanted="the name of a source")
    changed = {"name": f"{settings.name}-{target}", "sources": [target, REST], "rest": REST, "consistent": False}
    return check_settings({**settings.model_dump(), **changed}, where=f"--target {target}")
