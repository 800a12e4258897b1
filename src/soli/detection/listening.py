"""A recording at any rate to what a network of sound events says of its windows, one after another."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from soli.errors import UsageError
from soli.modelfile import REST
from soli.separation.events import EventsSeparator, Heard
from soli.separation.model import Model
from soli.separation.residual import Residual
from soli.separation.stream import resampled
from soli.separation.windows import Windowed, cut
from soli.types import Array


@dataclass(frozen=True)
class Window:
    """A stretch of a recording, and what was heard in it: the items of `heard` are the channels of `samples` (C, T).

    It begins at sample `start`, both at the network's rate; the next window begins `step` samples later.
    """

    start: int
    step: int
    samples: Array
    heard: Heard


class Listener:
    """Hands a network the windows that separation hands it, so that stems and events come of the same masks.

    Raises UsageError where the model is of another kind than sound events.
    """

    def __init__(self, model: Model) -> None:
        windowed = model.network
        if not (isinstance(windowed, Windowed) and isinstance(windowed.network, EventsSeparator)):
            raise UsageError(
                f"{model.info.name} is a model of kind {model.info.kind}",
                wanted="one of sound events",
                do="give another (--model), or take the recording apart with it: soli separate",
            )
        self.windowed, self.network = windowed, windowed.network
        self.step, self.overlap = windowed.step, windowed.overlap

    @property
    def sample_rate(self) -> int:
        return self.network.sample_rate

    @property
    def frames(self) -> tuple[int, int]:
        """The step from window to window, and what two of them share, in frames."""
        return self.step // self.network.hop, self.overlap // self.network.hop

    def residual(self, classes: Sequence[str]) -> Residual:
        """What takes a recording apart into these classes, all that are there, and the rest."""
        # With none there is nothing to estimate, and a silent class does for it.
        network = self.network.only(classes or self.network.sources[:1])
        return Residual(self.windowed.with_network(network), rest=REST)

    def windows(self, blocks: Iterable[Array], *, sample_rate: int) -> Iterator[Window]:
        """The windows of a recording in blocks (C, T) of one channel count, in order; never all of it.

        Raises InputError where it holds NaN or infinite samples, ModelFileError where the network gives none it should.
        """
        at_rate = (
            iter(blocks) if sample_rate == self.sample_rate else resampled(iter(blocks), sample_rate, self.sample_rate)
        )
        for start, samples in cut(at_rate, step=self.step, overlap=self.overlap):
            yield Window(start, self.step, samples, self.network.hear(samples))
