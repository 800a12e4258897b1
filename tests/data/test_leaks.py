"""What is validated on must not be trained on: found by path or by content, from what the manifest says alone."""

from pathlib import Path

import pytest

from soli.data.leaks import check_apart, uses_of_rows
from soli.data.manifest import Part, Row
from soli.errors import DataError


def row(name: str, *files: tuple[str, str], mixture: tuple[str, str] = ("", "")) -> Row:
    parts = tuple(Part(source="voice", path=path, sha256=sha256, duration_s=1) for path, sha256 in files)
    path, sha256 = mixture
    values = {"mixture": path or None, "mixture_sha256": sha256}
    return Row(id=name, split="x", sample_rate=8000, duration_s=1, parts=parts, **values)


def check(trained: list[Row], validated: list[Row], *, elsewhere: str = ".") -> None:
    check_apart(uses_of_rows(trained, Path("data")), uses_of_rows(validated, Path("data", elsewhere)), do="mend it")


def test_rows_apart_are_let_through_with_hashes_and_without() -> None:
    check([row("t", ("a.wav", "1"), ("b.wav", ""))], [row("v", ("c.wav", "2"), ("d.wav", ""))])
    # The same path from another folder is another file.
    check([row("t", ("a.wav", ""))], [row("v", ("a.wav", ""))], elsewhere="other")


def test_sounds_that_are_computed_are_no_files() -> None:
    check([row("t", ("", ""))], [row("v", ("", ""))])


@pytest.mark.parametrize(
    ("trained", "validated", "says"),
    [
        (("a.wav", "1"), ("a.wav", "1"), "row v holds a.wav, and row t holds it too;"),
        (("a.wav", ""), ("x/../a.wav", ""), "row v holds a.wav, and row t holds it too;"),
        (("a.wav", "1"), ("b.wav", "1"), "row v holds b.wav, and row t holds it too, as a.wav of the same content;"),
    ],
)
def test_a_shared_file_is_named_with_both_rows(trained: tuple[str, str], validated: tuple[str, str], says: str) -> None:
    with pytest.raises(DataError) as caught:
        check([row("u", ("z.wav", "9")), row("t", trained)], [row("v", validated)])
    assert says in str(caught.value)
    assert str(caught.value).endswith("mend it")


def test_a_shared_mixture_is_found_and_all_rows_are_counted() -> None:
    whole = row("t", mixture=("mix.wav", "7"))
    with pytest.raises(DataError, match=r"row v0 holds 0\.wav, .* as mix\.wav .*, and so for 2 more to validate on;"):
        check([whole], [row(f"v{index}", mixture=(f"{index}.wav", "7")) for index in range(3)])


def test_a_file_of_another_manifest_is_found_where_it_lies() -> None:
    with pytest.raises(DataError, match=r"row v holds a\.wav"):
        check([row("t", ("a.wav", ""))], [row("v", ("../a.wav", ""))], elsewhere="other")
