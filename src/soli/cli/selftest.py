"""`soli selftest`: the promises of the use half, tried on one model, each with its figure and its limit."""

import math

import typer

from soli.cli.common import DeviceOption, JsonFlag, ModelOption, ThreadsOption, print_json
from soli.separation.selftest import Check
from soli.separation.selftest import selftest as run
from soli.separation.zoo import load


def selftest(
    model: ModelOption = "voice", threads: ThreadsOption = None, device: DeviceOption = "auto", json: JsonFlag = False
) -> None:
    """Check a model against what soli promises: chunked against whole, silence, null test, length, determinism.

    Exit code 1 where a check fails. With --json a value or a limit of null is no finite number: minus infinity dB where
    the check passed, no figure at all where it failed.
    """
    loaded = load(model, threads=threads, device=device)
    checks = run(loaded)
    failed = [each for each in checks if not each.passed]
    if json:
        header = {"model": loaded.info.name, "device": loaded.device, "ok": not failed}
        print_json({**header, "checks": [_as_json(each) for each in checks]})
    else:
        from soli.cli.tables import print_table

        rows = [
            (each.name, _figure(each.value, each.unit), _figure(each.limit, each.unit), *_state(each))
            for each in checks
        ]
        print_table(("check", "found", "at most", "", "of"), rows, right=("found", "at most"))
    raise typer.Exit(1 if failed else 0)


def _as_json(check: Check) -> dict[str, object]:
    return {
        "name": check.name,
        "value": check.value if math.isfinite(check.value) else None,
        "limit": check.limit if math.isfinite(check.limit) else None,
        "unit": check.unit,
        "detail": check.detail,
        "passed": check.passed,
    }


def _state(check: Check) -> tuple[str, str]:
    return ("passed" if check.passed else "FAILED", check.detail)


def _figure(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()
