"""`soli export`: a run folder in, one model file out."""

from pathlib import Path
from typing import Annotated

import typer

from soli.cli.common import JsonFlag, print_json


def export(
    run: Annotated[Path, typer.Argument(help="A run folder, as soli train writes it.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The model file; default: RUN/NAME.soli.onnx.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option("--scores", help="summary.json of soli evaluate, for the card.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """Turn the best weights of a run into one model file that soli separate, or soli detect, can use."""
    from soli.evaluation.card import read_card
    from soli.train.export import export as write_model
    from soli.train.run import RunFolder

    settings, _ = RunFolder(run).read()
    path = out or run / f"{settings.name}.soli.onnx"
    info = write_model(run, path, scores=read_card(scores) if scores else None)
    if json:
        print_json({"model": str(path), "parameters": info.parameters, "bytes": path.stat().st_size})
    else:
        size_mb = path.stat().st_size / 1e6
        typer.echo(f"{path}: {info.parameters:,} parameters, {info.macs_per_s / 1e6:.0f} MMAC/s, {size_mb:.1f} MB")
        command = "detect" if info.kind == "events" else "separate"
        typer.echo(f"next: soli {command} FILE --model {path}")
