"""The command `soli`: one literal table of its commands, and the one place where errors become lines and exit codes.

Only the module of the command that is called gets imported, so that `soli separate` does not wait for the others.
"""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, cast

import typer

from soli.cli import streams
from soli.cli.common import print_error
from soli.cli.extras import extra_of
from soli.cli.stopping import EXIT_STOPPED
from soli.errors import MissingExtraError, SoliError, UsageError, install_line, near
from soli.version import __version__

EXIT_BUG = 70
EXIT_CODES = (
    "Exit codes: 0 all done, 1 some items failed (named), 2 the call was wrong,"
    f" {EXIT_BUG} a bug in soli, {EXIT_STOPPED} stopped."
)

# typer carries its own copy of click in some versions and the real one in others: both are reached through typer.
CallError = cast(type[Exception], next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"))


@dataclass(frozen=True)
class Command:
    """Where a command lives (`module`, `attribute`: a function, or a typer app of several), and what help says."""

    module: str
    attribute: str
    summary: str
    example: str


COMMANDS = {
    "separate": Command(
        "soli.cli.separate",
        "separate",
        "Take recordings apart into their sources.",
        "soli separate examples/speech_by_the_sea.flac --out separated",
    ),
    "detect": Command(
        "soli.cli.detect",
        "detect",
        "Find the sound events in recordings.",
        "soli detect street.wav --model runs/crnn.soli.onnx --stems",
    ),
    "models": Command("soli.cli.models", "models", "List the models, or show one.", "soli models voice"),
    "doctor": Command("soli.cli.doctor", "doctor", "Check that everything soli needs works here.", "soli doctor"),
    "selftest": Command(
        "soli.cli.selftest", "selftest", "Check a model against the promises.", "soli selftest --model voice"
    ),
    "data": Command(
        "soli.cli.data", "app", "Build, check and render training data.", "soli data build speech-noise data"
    ),
    "train": Command("soli.cli.train", "train", "Train a network.", "soli train voice --data data --out runs/voice"),
    "sweep": Command(
        "soli.cli.sweep",
        "sweep",
        "Train and score recipes by target, each song left out in turn.",
        "soli sweep bach10/model-a bach10/model-b --data bach10.jsonl --out sweep",
    ),
    "report": Command(
        "soli.cli.report", "report", "Tables, plots and a page of a sweep.", "soli report sweep --out report"
    ),
    "export": Command("soli.cli.export", "export", "Turn a run into one model file.", "soli export runs/voice"),
    "evaluate": Command(
        "soli.cli.evaluate",
        "evaluate",
        "Score a model on a manifest.",
        "soli evaluate voice --data data/test.jsonl --out scores/voice",
    ),
    "compare": Command(
        "soli.cli.compare",
        "compare",
        "Compare runs and models on a manifest.",
        "soli compare runs/a runs/b voice mixture --data data/test.jsonl --out compared",
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one call of `soli` and returns its exit code; without `argv`, the call that started this process.

    0: all done; 1: an item failed; 2: the call was wrong; 70: a bug in soli; 130: stopped by Ctrl-C.
    """
    if argv is None:  # the program itself; calls from Python keep their own filters and streams
        argv = sys.argv[1:]
        _face_people()
    words = list(argv) or ["--help"]
    return _guarded(lambda: _call(words))


def _face_people() -> None:
    """Keeps Python's own warnings, meant for programmers, off the screen, and readies the standard streams."""
    if not sys.warnoptions and not _wants_traceback():
        warnings.simplefilter("ignore")
    streams.prepare()


def _call(words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), None)
    code = application(name)(args=words, prog_name="soli", standalone_mode=False)
    if code == EXIT_STOPPED:
        # typer has turned a KeyboardInterrupt that no command took care of into this code, without a word.
        print_error("stopped")
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _guarded(call: Callable[[], int]) -> int:
    """The result of `call`, where every exception has become one line on stderr and an exit code."""
    try:
        return call()
    except streams.OutputLost as error:
        if not isinstance(error.__cause__, BrokenPipeError):  # else nobody listens any more, and that is in order
            print_error(str(error))
        return error.exit_code
    except SoliError as error:
        print_error(str(error))
        return error.exit_code
    except CallError as error:
        print_error(_call_error(error))
        return 2
    except (KeyboardInterrupt, typer.Abort):
        print_error("stopped")
        return EXIT_STOPPED
    except MemoryError:
        print_error("the memory is full; give a smaller --chunk-s or --batch, or close other programs")
        return 1
    except ModuleNotFoundError as error:
        return _missing_package(error)
    except OSError as error:
        # The machine refused something (a full disk, a dead mount): no bug of ours, and the message names the file.
        print_error(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the outermost boundary: users get a line, not a traceback
        return _bug(error)


def _call_error(error: Exception) -> str:
    """What typer says of a wrong call, with the help that is nearest to it."""
    context = getattr(error, "ctx", None)
    command = "soli" if context is None else context.command_path
    return f"{cast(Any, error).format_message().rstrip('.')}; see: {command} --help"


def _missing_package(error: ModuleNotFoundError) -> int:
    package = (error.name or "").partition(".")[0]
    if package in ("", "soli"):
        return _bug(error)
    extra = extra_of(package)
    if extra is not None:
        missing: UsageError = MissingExtraError(package, extra)
    else:
        missing = UsageError(f"{package} is not installed", do=install_line())
    print_error(str(missing))
    return missing.exit_code


def _bug(error: Exception) -> int:
    if _wants_traceback():
        raise error
    print_error(
        f"{type(error).__name__}: {error}; this is a bug in soli; set SOLI_TRACEBACK=1 to see where, and report it"
    )
    return EXIT_BUG


def _wants_traceback() -> bool:
    return bool(os.environ.get("SOLI_TRACEBACK"))


def application(name: str | None = None) -> typer.Typer:
    """The typer application with the command `name` whole, and the others as their line of help alone."""
    app = typer.Typer(
        name="soli",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        help="Takes recordings apart into the sources they are made of.",
        epilog=f"{EXIT_CODES} Example: {COMMANDS['separate'].example}",
    )
    app.callback()(_options)
    if name is not None and name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}", do=near(name, tuple(COMMANDS)))
    for each in COMMANDS:
        _register(app, each, whole=each == name)
    return app


def _register(app: typer.Typer, name: str, *, whole: bool) -> None:
    command = COMMANDS[name]
    target: Any = _nothing
    if whole:
        target = getattr(import_module(command.module), command.attribute)
    epilog = f"Example: {command.example}"
    if isinstance(target, typer.Typer):
        app.add_typer(target, name=name, epilog=epilog)
    else:
        app.command(name, epilog=epilog, short_help=command.summary)(target)


def _nothing() -> None:
    """Stands for a command that is listed but not called."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"soli {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options of `soli` itself, before any command."""


if __name__ == "__main__":
    sys.exit(main())
