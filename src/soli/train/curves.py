"""The curves of a run as a picture: training loss, validation score, learning rate over steps."""

from pathlib import Path

from soli.train.loop import read_log

# Two colours that stay apart for colour-blind eyes (Okabe and Ito 2008).
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def draw_curves(log: Path, picture: Path) -> None:
    """Draws `log.jsonl` to a PNG; does nothing while the log is empty."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines = list(read_log(log)) if log.exists() else []
    training = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    validation = [(line["step"], line["valid_score"]) for line in lines if "valid_score" in line]
    if not training:
        return
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    left.plot(*zip(*training, strict=True), color=_BLUE, linewidth=0.8)
    left.set(xlabel="step", ylabel="training loss", title="Training")
    right.set(xlabel="step", ylabel="SI-SDR improvement (dB)", title="Validation")
    if validation:
        right.plot(*zip(*validation, strict=True), color=_ORANGE, marker="o", markersize=3)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=120)
    plt.close(figure)
