"""What a batch does to each of its files: a list of the files that come of it, and the making of them."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from soli.media.audio import AudioInfo, Source
from soli.media.formats import choose_subtype
from soli.separation.chunks import Chunked
from soli.separation.files import Made, Progress, Settings, output_paths, separated
from soli.separation.model import Model


class Work(Protocol):
    """One way of making files of a recording, all with one model."""

    @property
    def model(self) -> Model: ...

    def outputs(self, info: AudioInfo, folder: Path) -> dict[str, Path]:
        """The final paths, by name, of all that may come of a recording. Raises what `made` would for the call."""
        ...

    def options(self) -> dict[str, Any]:
        """What the outputs depend on, beside the recording, the model, the device and the version of soli."""
        ...

    def made(self, source: Source, outputs: dict[str, Path], progress: Progress) -> AbstractContextManager[Made]:
        """Makes those of the outputs that are asked for and that there is something to put into."""
        ...


class Separation:
    """Takes recordings apart. Raises UsageError where the settings do not fit the model."""

    def __init__(self, model: Model, settings: Settings) -> None:
        settings.check(model.sources)
        self.model, self.settings = model, settings

    def outputs(self, info: AudioInfo, folder: Path) -> dict[str, Path]:
        """A file a stem, and the video. Raises as `soli.separation.files.output_paths`."""
        return output_paths(info, folder, self.model.sources, self.settings)

    def options(self) -> dict[str, Any]:
        """Options that mean the same are the same, in whatever words."""
        return {
            "format": self.settings.format,
            "subtype": choose_subtype(self.settings.format, self.settings.subtype),
            "core": Chunked(self.model.network, chunk_s=self.settings.chunk_s).core,
        }

    def made(self, source: Source, outputs: dict[str, Path], progress: Progress) -> AbstractContextManager[Made]:
        """All of the outputs asked for. Raises InputError and OutputError."""
        return separated(source, outputs, self.model.residual, self.settings, progress)
