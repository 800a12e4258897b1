"""The exceptions that soli raises on purpose.

Each one says what was found, what is wanted, and what to do. The command line prints it as one line, without a
traceback, and exits with `exit_code`: 1 where an item failed and others may go on, 2 where the call itself was wrong.
"""


class SoliError(Exception):
    """Something that the user can understand and mend.

    Args:
        found: what is the case, naming the file or the option.
        wanted: what would have been right.
        do: the next step, as an imperative.
    """

    exit_code = 1

    def __init__(self, found: str, *, wanted: str = "", do: str = "") -> None:
        self.found, self.wanted, self.do = found, wanted, do
        parts = [found]
        if wanted:
            parts.append(f"wanted {wanted}")
        if do:
            parts.append(do)
        super().__init__("; ".join(" ".join(part.split()) for part in parts))


class InputError(SoliError):
    """A file or an item of data cannot be used; the rest of a batch can go on."""


class OutputError(SoliError):
    """A result cannot be written: the folder is read-only, the disk is full, the name is taken."""


class ModelFileError(SoliError):
    """A model file is damaged, edited, foreign, or of a format that this version does not know."""


class DataError(InputError):
    """A data set or a manifest does not hold what it should."""


class UsageError(SoliError):
    """The call was wrong: an unknown option value, model, stem or recipe key."""

    exit_code = 2


def install_line(extra: str = "") -> str:
    """How to install soli, with an optional part of it or as it is: from its folder, as the README does."""
    target = f'".[{extra}]"' if extra else "."
    return f"in soli's folder: pip install --constraint constraints.txt {target}"


class MissingExtraError(UsageError):
    """A command needs an optional part of soli that is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed", wanted=f'the "{extra}" part of soli', do=install_line(extra))


def near(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Says which known names look like `name`, or lists them all: the tail of an error about a name."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(sorted(known)) or 'none'}"
