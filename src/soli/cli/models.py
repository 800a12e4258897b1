"""`soli models`: what the models are, at what cost they run, under what terms, and how well they do."""

from pathlib import Path
from typing import Annotated, Any

import typer

from soli.cli.common import JsonFlag, print_json
from soli.modelfile import read_model
from soli.nested import flatten
from soli.separation import zoo


def models(
    name: Annotated[str | None, typer.Argument(metavar="[NAME|FILE]", help="Show all of one model.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the models that come with soli, or show all that is known of one: a name, or a .soli.onnx file."""
    paths = [zoo.path(each) for each in ((name,) if name is not None else zoo.names())]
    found = [_described(path) for path in paths]
    if json:
        print_json({"models": found})
        return
    from soli.cli.tables import print_table

    if name is None:
        titles = ("model", "sources", "rate", "parameters", "MACs/s of audio", "size", "licence of weights")
        print_table(titles, [_row(each) for each in found], right=titles[2:6])
    else:
        print_table(("model", str(found[0]["name"])), _all_rows(found[0]))


def _described(path: Path) -> dict[str, Any]:
    """All that a model file says of itself, with the file's own size in bytes and SHA-256."""
    import hashlib

    info, data = read_model(path)
    return {
        "name": info.name,
        "path": str(path),
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        **info.model_dump(mode="json", exclude={"name"}),
        "stems": list(info.stems),
        "left_to": info.left_to,
    }


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    return (
        model["name"],
        ", ".join(model["stems"]),
        f"{model['sample_rate']} Hz",
        _counted(model["parameters"]),
        _counted(model["macs_per_s"]),
        _bytes(model["size"]),
        model["licence"]["weights"],
    )


def _all_rows(model: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("file", model["path"]),
        ("size", _bytes(model["size"])),
        ("sha256", model["sha256"]),
        ("stems", f"{', '.join(model['stems'])} ({_left(model['left_to'])})"),
        ("rate", f"{model['sample_rate']} Hz"),
        ("kind", f"{model['kind']}, family {model['family']}"),
        ("parameters", _counted(model["parameters"])),
        ("work", f"{_counted(model['macs_per_s'])} multiply-accumulates for a second of one channel"),
        ("chunk", f"{model['chunk_s']:g} s, with {model['past_s']:g} s before and {model['future_s']:g} s after it"),
        ("licence of weights", model["licence"]["weights"]),
        ("licence of data", model["licence"]["data"]),
        *((f"data: {each['role']}", f"{each['name']} ({each['licence']})") for each in model["data"]),
        ("training manifest", model["manifest_sha256"] or "not said"),
        ("recipe", model["recipe"] or "not said"),
        ("made with soli", model["soli"] or "not said"),
    ]
    return rows + [(f"score: {name}", str(score)) for name, score in flatten(model["scores"]).items()]


def _left(stem: str | None) -> str:
    return f"{stem} takes what the others leave" if stem else "together all there is"


def _counted(number: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:g}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
