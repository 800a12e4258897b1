"""The table of sounds: real file names of the packages, and what must be made of each."""

from pathlib import Path

import pytest

from soli.data.corpora.packages import Package
from soli.data.corpora.sounds import NOISE_RULES, SPEECH_RULES, candidates, package_names, short_name
from soli.data.corpora.splits import TEST_LANGUAGES, VALID_LANGUAGES, fraction, noise_group, noise_split, speech_split

EN, IT = "usr/share/asterisk/sounds/en_US_f_Allison", "usr/share/asterisk/sounds/it_IT_f_Menardi"
HORIZONS = "usr/share/unknown-horizons/content/audio"
TUX, HEDGEHOG = "usr/share/tuxpaint/stamps", "usr/share/games/hedgewars/Data"
GLEST, LAND = "usr/share/games/megaglest", "usr/share/games/widelands/data"

# package, file, and (kind, language or class, speaker) or None where it must be left out.
FILES = [
    ("tuxpaint-stamps-default", f"{TUX}/animals/birds/crow_desc_el.ogg", ("speech", "el", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/food/pie_desc.ogg", ("speech", "en", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/food/pie_desc_da.ogg.ogg", ("speech", "da", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/food/pie_desc_pt_BR.wav", ("speech", "pt_BR", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/symbols/math/3_zh_tw.ogg", ("speech", "zh_tw", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/symbols/math/3.ogg", ("speech", "en", "tuxpaint")),
    ("tuxpaint-stamps-default", f"{TUX}/animals/birds/crow.ogg", ("noise", "animal", None)),
    ("tuxpaint-stamps-default", f"{TUX}/household/kettle.ogg", ("noise", "household", None)),
    ("tuxpaint-stamps-default", f"{TUX}/space/apollo_lander.ogg", None),
    ("tuxpaint-stamps-default", f"{TUX}/seasonal/christmas/santahat.ogg", None),
    ("tuxpaint-stamps-default", f"{TUX}/symbols/faces/sad.ogg", None),
    ("asterisk-core-sounds-en-g722", f"{EN}/digits/1.g722", ("speech", "en", "allison")),
    ("asterisk-core-sounds-en-g722", f"{EN}/silence/1.g722", None),
    ("asterisk-core-sounds-en-g722", f"{EN}/beep.g722", None),
    ("asterisk-core-sounds-en-g722", f"{EN}/tt-monkeys.g722", None),
    ("asterisk-prompt-it-menardi-wav", f"{IT}/hello.wav", ("speech", "it", "menardi")),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/voices/Default_uk/Laugh.ogg", ("speech", "uk", "default_uk")),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/voices/Russian/Laugh.ogg", ("speech", "ru", "russian")),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/voices/Pirate/Laugh.ogg", ("speech", "en", "pirate")),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/voices/Robot/Laugh.ogg", None),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/voices/Singer/Laugh.ogg", None),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/explosion.ogg", ("noise", "effect", None)),
    ("hedgewars-data", f"{HEDGEHOG}/Sounds/Yoohoo.ogg", None),
    ("hedgewars-data", f"{HEDGEHOG}/Music/Rock.ogg", ("noise", "music", None)),
    ("klettres-data", "usr/share/klettres/pt_BR/alpha/a.ogg", ("speech", "pt_BR", "klettres")),
    ("ktuberling-data", "usr/share/ktuberling/sounds/sr@latin/eye.wav", ("speech", "sr", "ktuberling")),
    ("megaglest-data", f"{GLEST}/tilesets/forest/sounds/rain.ogg", ("noise", "ambience", None)),
    ("megaglest-data", f"{GLEST}/techs/megapack/commondata/sounds/cow_ack1.wav", ("noise", "animal", None)),
    ("megaglest-data", f"{GLEST}/techs/megapack/commondata/sounds/archer_ack1.wav", None),
    ("megaglest-data", f"{GLEST}/techs/megapack/commondata/sounds/worker_select1.wav", None),
    ("megaglest-data", f"{GLEST}/techs/megapack/commondata/sounds/worker_mine1.wav", ("noise", "work", None)),
    ("megaglest-data", f"{GLEST}/techs/megapack/factions/indian/units/beehive/sounds/bee1.wav", None),
    ("unknown-horizons", f"{HORIZONS}/voice/de/0/new_world/1.ogg", ("speech", "de", "unknown")),
    ("unknown-horizons", f"{HORIZONS}/sounds/tavern.ogg", None),
    ("unknown-horizons", f"{HORIZONS}/sounds/windmill.ogg", ("noise", "work", None)),
    ("widelands-data", f"{LAND}/sound/barbarians/taverns/inn_00.ogg", None),
    ("widelands-data", f"{LAND}/sound/animals/frog.ogg", ("noise", "animal", None)),
    ("torcs-data", "usr/share/games/torcs/data/sound/skid.wav", ("noise", "engine", None)),
    ("hydrogen-drumkits", "usr/share/hydrogen/data/drumkits/rumpf_kit_z01_h2/beats_01-1.flac", None),
    ("sonic-pi-samples", "usr/share/sonic-pi/samples/ambi_choir.flac", None),
    ("sonic-pi-samples", "usr/share/sonic-pi/samples/perc_door.flac", ("noise", "perc", None)),
    ("sound-theme-freedesktop", "usr/share/sounds/freedesktop/stereo/audio-channel-front-left.oga", None),
]  # fmt: skip


@pytest.mark.parametrize(("package", "file", "wanted"), FILES, ids=[Path(file).name for _, file, _ in FILES])
def test_each_file_is_what_it_should_be(
    tmp_path: Path, package: str, file: str, wanted: tuple[str, str, str | None] | None
) -> None:
    path = tmp_path / file
    for rule in SPEECH_RULES + NOISE_RULES:
        if rule.package == package:
            (tmp_path / rule.under).mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    found = list(candidates(Package(package, tmp_path)))
    if wanted is None:
        assert found == []
        return
    (candidate,) = found
    kind, name, speaker = wanted
    assert candidate.kind == kind
    assert (candidate.language if kind == "speech" else candidate.class_) == name
    assert speaker is None or candidate.speaker == speaker


def test_every_package_is_one_that_the_table_reads() -> None:
    assert len(package_names()) == len(set(package_names())) == 19
    assert {rule.package for rule in SPEECH_RULES + NOISE_RULES} == set(package_names())


def test_languages_are_split_whole() -> None:
    assert not set(TEST_LANGUAGES) & set(VALID_LANGUAGES)
    assert {speech_split(name) for name in ("el", "it", "grc", "la")} == {"test"}
    assert {speech_split(name) for name in ("da", "nl", "uk", "uk_UA")} == {"valid"}
    assert speech_split("pt_BR") == speech_split("pt") == "train"


def test_takes_of_one_recording_stay_together() -> None:
    assert (
        noise_group("0ad-data", "rain_11") == noise_group("0ad-data", "rain_12") != noise_group("0ad-data", "wind_11")
    )
    assert noise_group("p", "swordhit_10a") == noise_group("p", "swordhit_11")
    assert noise_split("torcs-data", "torcs-data/skid") == "test"
    assert noise_split("0ad-data", "0ad-data/ambient_weather_windstorm") == "test"


def test_validation_takes_about_its_share_and_always_the_same() -> None:
    names = [f"made/group {number}" for number in range(2000)]
    splits = [noise_split("made", name) for name in names]
    assert splits == [noise_split("made", name) for name in names]
    assert splits.count("valid") / 2000 == pytest.approx(0.08, abs=0.02)
    assert all(0 <= fraction(name) < 1 for name in names)


def test_short_names_are_plain_and_tell_the_folder() -> None:
    assert short_name("audio/ambient/weather/rain_11.ogg") == "ambient_weather_rain_11"
    assert short_name("The Black Pearl 1.0/Snare.flac") == "The_Black_Pearl_1_0_Snare"
