"""Sound fonts and patches are read as their formats say, and bad ones are one clear line."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_fonts import (
    ATTENUATION,
    BOTH_WAYS,
    CUTOFF,
    FINE,
    KEYS,
    LOOPED,
    MODES,
    PROGRAMS,
    ROOT,
    SAMPLE,
    UNSIGNED,
    VELOCITIES,
    WIDE,
    Made,
    harmonics,
    patch,
    plain_zone,
    quartet_patches,
    quartet_sf2,
    sf2,
    span,
)

from soli.data.corpora.fonts import Source, ensemble, fingerprint, font_sources, open_font, samplers
from soli.data.corpora.gus_patch import PatchFolder, read_patch
from soli.data.corpora.soundfont import SoundFont
from soli.data.library import Split
from soli.errors import DataError


def test_a_zone_is_what_preset_and_instrument_say(tmp_path: Path) -> None:
    made = [Made(), Made(harmonics(220), root=57, correction=5, loop=(0, 22050))]
    common = {CUTOFF: 9000, ATTENUATION: 60}
    zones = [
        common,
        {KEYS: span(0, 60), VELOCITIES: span(0, 80), FINE: 10, MODES: 1, SAMPLE: 1},
        {KEYS: span(61, 127), ROOT: 70, CUTOFF: 13500, SAMPLE: 0},
    ]
    instrument = SoundFont.open(sf2(tmp_path / "a.sf2", {40: zones}, made)).instrument(40)
    assert instrument.name == "program 40"
    low, high = instrument.zones
    assert (low.keys, low.velocities, low.loop, low.sample_rate) == ((0, 60), (0, 80), (0, 22050), 44100)
    assert low.root == pytest.approx(57 - 0.15)
    assert low.gain_db == -6
    assert low.cutoff_hz == pytest.approx(8.176 * 2 ** (9000 / 1200))
    assert (high.keys, high.velocities, high.loop, high.root, high.cutoff_hz) == ((61, 127), (0, 127), None, 70, None)
    np.testing.assert_allclose(low.read(), made[1].samples, atol=1e-4)
    np.testing.assert_allclose(high.read(), made[0].samples, atol=1e-4)


def test_one_side_of_a_stereo_pair_is_played(tmp_path: Path) -> None:
    made = [Made(kind=4), Made(harmonics(440, partials=(0.5,)), kind=2)]
    zones = [{KEYS: span(0, 127), MODES: 1, SAMPLE: number} for number in (0, 1)]
    instrument = SoundFont.open(sf2(tmp_path / "a.sf2", {40: zones}, made)).instrument(40)
    assert [zone.side for zone in instrument.at(60, 90)] == ["left"]
    assert [zone.side for zone in instrument.at(60, 90, side="right")] == ["right"]


def test_keys_that_are_left_out_are_played_from_the_nearest(tmp_path: Path) -> None:
    zones = [{KEYS: span(40, 50), MODES: 1, SAMPLE: 0}, {KEYS: span(60, 70), MODES: 1, SAMPLE: 0}]
    instrument = SoundFont.open(sf2(tmp_path / "a.sf2", {40: zones})).instrument(40)
    assert [instrument.at(key, 90)[0].keys[0] for key in (30, 45, 53, 57, 90)] == [40, 40, 40, 60, 60]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "is no file with something in it"),
        (lambda data: b"RIFF" + data[4:8] + b"WAVE" + data[12:], "is no sound font; wanted SoundFont 2"),
        (lambda data: b"just some text that is long enough", "is no sound font"),
        (lambda data: data[: len(data) // 2], "is cut off: its header promises"),
        (lambda data: data.replace(b"shdr", b"xhdr"), "it has no shdr chunk"),
    ],
)
def test_what_is_no_sound_font_is_refused(tmp_path: Path, spoil: object, said: str) -> None:
    path = quartet_sf2(tmp_path / "a.sf2")
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=said):
        open_font(path).instrument(40)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = sf2(tmp_path / "a.sf2", {40: [plain_zone()], 71: [plain_zone()]})
    with pytest.raises(DataError, match=r"a\.sf2 lacks program 65; known: 40 program 40, 71 program 71"):
        ensemble([Source.of(path)])
    (quartet_patches(tmp_path / "pats") / "070_Instrument.pat").unlink()
    with pytest.raises(DataError, match=r"pats lacks program 70; known: 040_Instrument, 065_Instrument"):
        ensemble([Source.of(tmp_path / "pats")])


def test_a_sample_outside_the_file_is_damage(tmp_path: Path) -> None:
    path = sf2(tmp_path / "a.sf2", {40: [plain_zone()]}, [Made(loop=(100, 90000))])
    with pytest.raises(DataError, match=r"program 40 is damaged: the loop of sample sample 0 lies outside it"):
        SoundFont.open(path).instrument(40)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_bytes_give_an_instrument_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = quartet_sf2(tmp_path_factory.getbasetemp() / "damaged.sf2")
    content = bytearray(path.read_bytes())
    tables = len(content) - 700
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(tables, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        instrument = SoundFont.open(path).instrument(40)
    except DataError:
        return
    assert all(np.isfinite(zone.read()).all() for zone in instrument.zones)


@pytest.mark.parametrize("modes", [WIDE | LOOPED, LOOPED, WIDE | UNSIGNED | LOOPED, UNSIGNED | LOOPED])
def test_a_patch_gives_its_samples(tmp_path: Path, modes: int) -> None:
    made = Made(rate=32000, root=60)
    (zone,) = read_patch(patch(tmp_path / "060_A.pat", [(made, (40, 80))], modes=modes)).zones
    assert (zone.keys, zone.loop, zone.sample_rate) == ((40, 80), made.loop, 32000)
    assert zone.root == pytest.approx(60, abs=1e-3)
    np.testing.assert_allclose(zone.read(), made.samples, atol=0.02)


def test_a_loop_to_and_fro_is_written_out(tmp_path: Path) -> None:
    made = Made(np.linspace(-0.5, 0.5, 1000, dtype=np.float32), loop=(600, 800))
    (zone,) = read_patch(patch(tmp_path / "1.pat", [(made, (0, 127))], modes=WIDE | LOOPED | BOTH_WAYS)).zones
    assert zone.loop == (600, 1000)
    np.testing.assert_allclose(zone.read()[600:], [*made.samples[600:800], *made.samples[799:599:-1]], atol=1e-4)


def test_of_patches_that_overlap_one_is_played(tmp_path: Path) -> None:
    sounds = [(Made(), (0, 60)), (Made(), (60, 72)), (Made(), (70, 127))]
    instrument = read_patch(patch(tmp_path / "1.pat", sounds))
    assert [zone.keys for zone in instrument.zones] == [(0, 60), (61, 72), (73, 127)]
    assert all(len(instrument.at(key, 90)) == 1 for key in range(128))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"RIFF" + data[4:], "is no patch; wanted a Gravis Ultrasound patch"),
        (lambda data: data[:200], "is cut off: its header takes 239 bytes, 200 are there"),
        (lambda data: data[:-1], "is cut off: sample 1 of 1 goes beyond the end"),
        (lambda data: data[:151] + b"\0" + data[152:], "has 0 layers of 1 samples"),
    ],
)
def test_what_is_no_patch_is_refused(tmp_path: Path, spoil: object, said: str) -> None:
    path = patch(tmp_path / "040_Violin.pat", [(Made(), (0, 127))])
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=said):
        PatchFolder.open(tmp_path).instrument(40)


def test_fonts_are_found_by_path_and_by_package(tmp_path: Path) -> None:
    fluid = tmp_path / "fluid-soundfont-gm"
    for name in ("usr/share/sounds/sf2", "usr/share/doc/fluid-soundfont-gm"):
        (fluid / name).mkdir(parents=True)
    (fluid / "usr/share/doc/fluid-soundfont-gm/copyright").write_text("Files: *\nLicense: MIT\n")
    info = {"ICOP": b"The maker\0", "ICMT": b"As you like\0"}
    quartet_sf2(fluid / "usr/share/sounds/sf2/FluidR3_GM.sf2", info=info)
    own = quartet_sf2(tmp_path / "own.sf2", info=info)
    given: dict[Split, list[str]] = {"train": ["fluid-soundfont-gm"], "test": [str(own)]}
    found = font_sources(given, ["train", "test"], packages_root=tmp_path)
    (train,), (test,) = found["train"], found["test"]
    assert (train.name, train.licence.licences) == ("fluid-soundfont-gm", ("MIT",))
    assert train.licence.text.startswith("FluidR3_GM.sf2:\nThe maker\nAs you like\n\nFiles: *")
    assert (test.path, test.licence.licences) == (own, ("see the font",))
    assert set(samplers(train.path)) == set(PROGRAMS)
    assert fingerprint(own) == fingerprint(train.path)
    with pytest.raises(DataError, match=r"1 packages with sounds are not in .*; run: apt-get install .* freepats"):
        font_sources({}, ["test"], packages_root=tmp_path)
    with pytest.raises(DataError, match=r"no sound font at nowhere; wanted a path to one, or a package of these"):
        open_font(font_sources({"test": ["nowhere"]}, ["test"])["test"][0].path)
    with pytest.raises(DataError, match=r"2 packages with sounds .*; run: apt-get install .* minuet-data denemo-data"):
        font_sources({}, ["train"], packages_root=tmp_path)


def test_no_instrument_trains_that_is_also_in_a_font_that_judges(tmp_path: Path) -> None:
    """The bassoons of both packages are FreePats'; what is left out is not there, even where nothing else would be."""
    for name, place in (
        ("minuet-data", "usr/share/minuet/soundfonts/GeneralUser-v1.47.sf2"),
        ("denemo-data", "usr/share/sounds/sf2/A320U.sf2"),
    ):
        (tmp_path / "usr/share/doc" / name).mkdir(parents=True)
        (tmp_path / "usr/share/doc" / name / "copyright").write_text("Files: *\nLicense: GPL-3\n")
        (tmp_path / place).parent.mkdir(parents=True)
        quartet_sf2(tmp_path / place)
    given: dict[Split, list[str]] = {"train": ["minuet-data", "denemo-data"]}
    sources = font_sources(given, ["train"], packages_root=tmp_path)["train"]
    assert [source.licence.licences for source in sources] == [("GeneralUser GS License v2.0",), ("GPL-2",)]
    with pytest.raises(DataError, match=r"the bassoon \(program 70\) of minuet-data and denemo-data is that of a font"):
        ensemble(sources)
    own = Source.of(quartet_sf2(tmp_path / "own.sf2"))
    assert [sorted(each) for each in ensemble([*sources, own])] == [[40, 65, 71], [40, 65, 71], [40, 65, 70, 71]]


def test_a_font_with_nobody_to_play_is_refused(tmp_path: Path) -> None:
    drums = Source.of(sf2(tmp_path / "drums.sf2", {0: [plain_zone()]}))
    with pytest.raises(DataError, match=r"drums\.sf2 has none of the instruments; leave that font out"):
        ensemble([Source.of(quartet_sf2(tmp_path / "a.sf2")), drums])


def test_a_font_is_read_by_seeking(tmp_path: Path) -> None:
    """Opening reads the tables and not the samples: a font of which they are sparse zeros opens at once."""
    path = quartet_sf2(tmp_path / "a.sf2")
    data = path.read_bytes()
    at = data.index(b"smpl")
    length = struct.unpack("<I", data[at + 4 : at + 8])[0]
    assert SoundFont.open(path).samples.size == length // 2
    assert isinstance(SoundFont.open(path).samples, np.memmap)
