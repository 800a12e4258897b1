"""How a set that is not as it should be is told: a line a problem, and no manifest."""

from pathlib import Path

from soli.cli.common import print_error, print_json


def tell_problems(root: Path, problems: list[str], *, json: bool) -> None:
    """The first of the problems on stderr, a line each, and how many there are; with `json` all of them on stdout."""
    from soli.data.readers.problems import MAX_NAMED

    if json:
        print_json({"manifest": None, "problems": problems})
        return
    for problem in problems[:MAX_NAMED]:
        print_error(problem)
    more = f", of which the first {MAX_NAMED} are named" if len(problems) > MAX_NAMED else ""
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    print_error(f"{root}: {count}{more}; no manifest was written")
