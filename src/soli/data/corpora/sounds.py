"""Which files of which Debian package are speech and which are noise: one table.

A rule takes the files below `under` whose relative path matches `pattern` wholly; the first rule that matches a file
decides, and a file that no rule matches is left out. Voices that are synthetic, sung or shouted are left out by
name, and so is everything among the effects that may hold a human voice.
"""

import functools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from soli.data.corpora.packages import Package
from soli.data.library import Kind
from soli.errors import DataError

# Long pieces are cut to this: variety counts, not the third minute of the same rain.
MAX_AMBIENCE_S = 120.0
MAX_MUSIC_S = 45.0


@dataclass(frozen=True)
class Rule:
    """Files of `package` that are `kind` (None: left out on purpose).

    `language`, `speaker` and `class` may come from groups of the pattern. `share` keeps that part of the files, chosen
    by hash; `start_s` skips into a file before it is cut to `max_s`.
    """

    package: str
    under: str
    pattern: str
    kind: Kind | None
    class_: str = ""
    language: str = ""
    speaker: str = ""
    max_s: float = MAX_AMBIENCE_S
    start_s: float = 0.0
    share: float = 1.0


def _speech(package: str, under: str, pattern: str, *, language: str = "", speaker: str = "") -> Rule:
    return Rule(package, under, pattern, "speech", class_="speech", language=language, speaker=speaker)


def _noise(package: str, under: str, pattern: str, class_: str = "", *, share: float = 1.0) -> Rule:
    return Rule(package, under, pattern, "noise", class_=class_, share=share)


def _music(package: str, under: str, pattern: str) -> Rule:
    return Rule(package, under, pattern, "noise", class_="music", max_s=MAX_MUSIC_S, start_s=15.0)


def _drop(package: str, under: str, pattern: str) -> Rule:
    return Rule(package, under, pattern, None)


_TUX = "usr/share/tuxpaint/stamps"
_HEDGEWARS = "usr/share/games/hedgewars/Data"
_VOICES = f"{_HEDGEWARS}/Sounds/voices"
_ZERO_AD = "usr/share/games/0ad/mods/public/public.zip"
_HORIZONS = "usr/share/unknown-horizons/content/audio"
_WIDELANDS = "usr/share/games/widelands/data"
_MEGAGLEST = "usr/share/games/megaglest"
_TORCS = "usr/share/games/torcs/data"
_SONIC_PI = "usr/share/sonic-pi/samples"
_ASTERISK_VOICES = {"en": "en_US_f_Allison", "es": "es_MX_f_Allison", "fr": "fr_CA_f_June", "it": "it_IT_m_Carlo",
                    "ru": "ru_RU_f_IvrvoiceRU"}  # fmt: skip
# Tones and a troop of monkeys among the telephone prompts.
_NO_PROMPT = r"silence/.*|(.*/)?(beep.*|.*-?2tone|tt-monkeys)\..*"

SPEECH_RULES: tuple[Rule, ...] = (
    _drop("tuxpaint-stamps-default", _TUX, r".*(dreydl|santahat|apollo_lander|final-roll-call).*"),
    _speech("tuxpaint-stamps-default", _TUX, r".*_desc_(?P<language>[a-zA-Z]{2}(_[A-Z]{2})?)(\.ogg)?\.(ogg|wav)"),
    _speech("tuxpaint-stamps-default", _TUX, r".*_desc\.ogg", language="en"),
    _speech("tuxpaint-stamps-default", _TUX, r"symbols/math/[0-9]_(?P<language>[a-zA-Z]{2}(_[a-zA-Z]{2})?)\.ogg"),
    _speech("tuxpaint-stamps-default", _TUX, r"symbols/math/[0-9]\.ogg", language="en"),
    _speech("tuxpaint-stamps-default", _TUX, r"symbols/alphabets/english/.*\.ogg", language="en_GB", speaker="letters"),
    _speech("tuxpaint-stamps-default", _TUX, r"symbols/alphabets/german/.*\.ogg", language="de"),
    *(
        rule
        for language, voice in _ASTERISK_VOICES.items()
        for package, under in [(f"asterisk-core-sounds-{language}-g722", f"usr/share/asterisk/sounds/{voice}")]
        for rule in (
            _drop(package, under, _NO_PROMPT),
            _speech(package, under, r".*\.g722", language=language, speaker=voice.rpartition("_")[2].lower()),
        )
    ),
    _drop("asterisk-prompt-it-menardi-wav", "usr/share/asterisk/sounds/it_IT_f_Menardi", _NO_PROMPT),
    _speech("asterisk-prompt-it-menardi-wav", "usr/share/asterisk/sounds/it_IT_f_Menardi", r".*\.wav",
            language="it", speaker="menardi"),
    _drop("hedgewars-data", _VOICES, r"(Robot|Singer)/.*"),
    _speech("hedgewars-data", _VOICES, r"(?P<speaker>\w+_(?P<language>ru|pl|es|uk))/.*\.ogg"),
    _speech("hedgewars-data", _VOICES, r"(?P<speaker>Russian)/.*\.ogg", language="ru"),
    _speech("hedgewars-data", _VOICES, r"(?P<speaker>\w+)/.*\.ogg", language="en"),
    _speech("klettres-data", "usr/share/klettres", r"(?P<language>[a-zA-Z_]+)/(alpha|syllab)/.*\.ogg"),
    _speech("ktuberling-data", "usr/share/ktuberling/sounds", r"(?P<language>[a-z]+)(@\w+)?/.*\.(wav|ogg|opus)"),
    _speech("0ad-data", _ZERO_AD,
            r"audio/voice/(?P<language>greek|latin|napatan|persian)/civ/civ_(?P<speaker>[a-z]+)_.*\.ogg"),
    _speech("unknown-horizons", _HORIZONS, r"voice/(?P<language>[a-z]{2})/\d/.*\.ogg"),
)  # fmt: skip

NOISE_RULES: tuple[Rule, ...] = (
    # The raging river is a recording that the waterfall has too; a man plays the animals that die.
    _drop("0ad-data", _ZERO_AD, r"audio/(ambient/water/river_raging|actor/fauna/death/Animal_death_generic).*"),
    # amb_trade, which no rule takes, is a market full of voices.
    _noise("0ad-data", _ZERO_AD, r"audio/ambient/(building/amb_(farm|port)|dayscape|water|weather).*\.ogg", "ambience"),
    _noise("0ad-data", _ZERO_AD, r"audio/attack/(?P<class>impact|weapon|siege|fire|destruction)/.*\.ogg", share=0.5),
    _noise("0ad-data", _ZERO_AD, r"audio/resource/(?P<class>\w+)/.*\.ogg"),
    _noise("0ad-data", _ZERO_AD, r"audio/actor/(fauna|mounted)/(animal|death)/.*\.ogg", "animal"),
    _noise("0ad-data", _ZERO_AD, r"audio/actor/(singlesteps|mounted/movement|human/movement)/.*\.ogg", "footsteps"),
    _noise("0ad-data", _ZERO_AD, r"audio/actor/(?P<class>gate|ship)/.*\.ogg"),
    _music("0ad-data", _ZERO_AD, r"audio/music/.*\.ogg"),
    # The bees of the hive are hummed by a mouth; the wolf is one of Widelands' wolves.
    _drop("megaglest-data", _MEGAGLEST, r".*/beehive/.*|tilesets/.*/wolf\.wav"),
    _noise("megaglest-data", _MEGAGLEST, r"tilesets/.*\.(ogg|wav)", "ambience"),
    _noise("megaglest-data", _MEGAGLEST, r"data/core/water_sounds/.*\.wav", "water"),
    _noise("megaglest-data", _MEGAGLEST, r".*/sounds/(chicken|cow|pig|bull|sheep|ele|elewalk|wolf|snake|eagle|"
           r"hawk)_?(ack|attack|die|select|standing|fly|hit)?_?\d+\.(wav|ogg)", "animal"),
    _noise("megaglest-data", _MEGAGLEST,
           r".*/sounds/(anvil|arrow_hit|catapult_(attack|walk|die|hit)|airship_(fly|die|hit|attack)|"
           r"machine_(walk|die|attack)|orni_(fly|die|hit|attack|standing)|(magic|tech)_building_fall|wicker_fire|"
           r"firearrowhit|knife|(horseman|golem|behemoth)_walk|worker_(mine|harvest_wood|build)|"
           r"technician_(build|mine))\w*\.wav", "work"),
    _music("megaglest-data", _MEGAGLEST, r".*/music/.*\.ogg"),
    # Voices in the first three; the bell is Widelands' bell.
    _drop("unknown-horizons", _HORIZONS, r"sounds/(tavern|main_square|events/.*|ships_bell)\.ogg"),
    _noise("unknown-horizons", _HORIZONS, r"sounds/[^/]+\.ogg", "work"),
    _music("unknown-horizons", _HORIZONS, r"music/.*\.ogg"),
    _noise("torcs-data", _TORCS, r"sound/.*\.wav", "engine"),
    _music("torcs-data", _TORCS, r"music/.*\.ogg"),
    _noise("bucklespring-data", "usr/share/buckle/wav", r".*\.wav", "keyboard"),
    _drop("widelands-data", _WIDELANDS, r"sound/.*/taverns/.*|sound/(military|lobby).*"),
    _noise("widelands-data", _WIDELANDS, r"sound/(animals|farm)/.*\.ogg", "animal"),
    _noise("widelands-data", _WIDELANDS, r"world/critters/.*\.ogg", "animal"),
    _noise("widelands-data", _WIDELANDS, r"sound/.*\.ogg", "work"),
    _music("widelands-data", _WIDELANDS, r"music/.*\.ogg"),
    # rumpf_kit holds loops made with the mouth.
    _drop("hydrogen-drumkits", "usr/share/hydrogen/data/drumkits", r"rumpf_kit.*|.*(emptySample|voice|vocal).*"),
    _noise("hydrogen-drumkits", "usr/share/hydrogen/data/drumkits", r".*\.(flac|wav)", "drum", share=0.2),
    _drop("sonic-pi-samples", _SONIC_PI, r".*(choir|burp|robot|voxy|phone).*"),
    _noise("sonic-pi-samples", _SONIC_PI, r"(?P<class>[a-z]+)_.*\.flac"),
    _noise("hedgewars-data", f"{_HEDGEWARS}/Sounds",
           r"(airmine_impact|baseballbat|beep|blowtorch|bump|drillgun|Droplet\d|egg|explosion|firepunch_hit|"
           r"flamethrower|frozen_hog_impact|graveimpact|grenadeimpact|gun|hammer|hog_freeze|ice_beam|ice_beam_idle|"
           r"jetpackboost|knife_impact|landgun|lasersight|melonimpact|mineimpact|minetick|minigun|molotov|mortar|"
           r"parachute|pickhammer|placed|plane|planewater|portal\w+|rcplane|rope\w+|rubberduck_\w+|shotgun\w+|"
           r"shutterclick|sinegun|skip|sniperreload|splash|steam|steps|TARDIS|throw\w+|ufo|warp|whipcrack|"
           r"Whistle)\.ogg", "effect"),
    _music("hedgewars-data", _HEDGEWARS, r"Music/.*\.ogg"),
    _drop("tuxpaint-stamps-default", _TUX, r".*(dreydl|santahat|apollo_lander|final-roll-call|ghost|_desc).*"),
    _drop("tuxpaint-stamps-default", _TUX, r"(symbols|town/roadsigns)/.*"),
    _noise("tuxpaint-stamps-default", _TUX, r"animals/.*\.ogg", "animal"),
    _noise("tuxpaint-stamps-default", _TUX, r"hobbies/music/.*\.ogg", "instrument"),
    _noise("tuxpaint-stamps-default", _TUX,
           r"(?P<class>hobbies|household|seasonal|vehicles|naturalforces|food)/.*\.ogg"),
    _drop("sound-theme-freedesktop", "usr/share/sounds/freedesktop/stereo", r"audio-channel.*|service-.*"),
    _noise("sound-theme-freedesktop", "usr/share/sounds/freedesktop/stereo", r".*\.oga", "signal"),
)  # fmt: skip

# Names of languages as ISO 639 writes them; the part before "_" decides the split.
LANGUAGES = {"greek": "grc", "latin": "la", "persian": "fa", "napatan": "xmr"}


@dataclass(frozen=True)
class Candidate:
    """A file that a rule took: where its bytes lie, and what the rule and its name say of it."""

    package: Package
    rule: Rule
    kind: Kind
    member: str
    archive: Path | None
    language: str
    speaker: str
    class_: str

    @property
    def origin(self) -> str:
        """`package:path`, the path inside the package (and inside its archive)."""
        inside = f"{self.rule.under}!{self.member}" if self.archive else f"{self.rule.under}/{self.member}"
        return f"{self.package.name}:{inside}"

    def read(self) -> bytes:
        if self.archive is None:
            return (self.package.root / self.rule.under / self.member).read_bytes()
        return _archive(self.archive).read(self.member)


def package_names() -> list[str]:
    return sorted({rule.package for rule in SPEECH_RULES + NOISE_RULES})


def candidates(package: Package) -> Iterator[Candidate]:
    """Every file of the package that a rule takes, in the order of their names; speech before noise."""
    for rules in (SPEECH_RULES, NOISE_RULES):
        own = [rule for rule in rules if rule.package == package.name]
        for under in dict.fromkeys(rule.under for rule in own):
            archive = package.root / under if under.endswith(".zip") else None
            patterns = [(rule, re.compile(rule.pattern)) for rule in own if rule.under == under]
            for member in _members(package.root / under):
                matches = ((rule, pattern.fullmatch(member)) for rule, pattern in patterns)
                rule, match = next((pair for pair in matches if pair[1]), (None, None))
                if rule is not None and rule.kind is not None and match is not None:
                    yield _candidate(package, rule, rule.kind, match, archive)


@functools.lru_cache(maxsize=1)
def _archive(path: Path) -> zipfile.ZipFile:
    """An archive stays open while its files are read: its directory alone takes a tenth of a second."""
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no whole archive: {error}", do="install the package again") from error


def _members(place: Path) -> list[str]:
    if not place.exists():
        raise DataError(f"{place} is missing", wanted="the package whole", do="install it again")
    if place.suffix == ".zip":
        return sorted(name for name in _archive(place).namelist() if not name.endswith("/"))
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def _candidate(package: Package, rule: Rule, kind: Kind, match: re.Match[str], archive: Path | None) -> Candidate:
    named = match.groupdict()
    language = named.get("language") or rule.language
    return Candidate(
        package=package,
        rule=rule,
        kind=kind,
        member=match.string,
        archive=archive,
        language=LANGUAGES.get(language, language),
        speaker=(named.get("speaker") or rule.speaker or package.name.partition("-")[0]).lower(),
        class_=named.get("class") or rule.class_,
    )


def short_name(member: str) -> str:
    """A file name without folders that still tells where it came from."""
    plain = re.sub(r"^audio/", "", member)
    return re.sub(r"[^A-Za-z0-9-]+", "_", str(PurePosixPath(plain).with_suffix(""))).strip("_")
