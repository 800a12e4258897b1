"""Which speaker and which noise file trains, validates or tests: tables and hashes of names, never chance.

Speech is split by language, so by speaker: no language of the validation or test set is heard in training. Noise is
split by recording: numbered takes of one thing (`rain_11`, `rain_12`) form a group that stays together.
"""

import hashlib
import re

from soli.data.library import Split

TEST_LANGUAGES = ("el", "grc", "hu", "it", "la", "lt")
VALID_LANGUAGES = ("da", "nl", "uk")

# Whole packages that training never hears.
TEST_NOISE_PACKAGES = ("megaglest-data", "torcs-data", "unknown-horizons")
# Some of the ambience of 0 A.D., by name of the group. Cross-correlation of every test sound with all others showed
# these to be recordings of their own; amb_port, for one, has the birds of amb_farm.
TEST_NOISE_GROUPS = (
    "0ad-data/ambient_dayscape_day_tropical",
    "0ad-data/ambient_water_wavecrash",
    "0ad-data/ambient_weather_windstorm",
)
VALID_NOISE_SHARE = 0.08


def fraction(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def base_language(language: str) -> str:
    """`pt_BR` -> `pt`: dialects of a language are never split."""
    return re.split(r"[_@]", language)[0]


def noise_group(package: str, name: str) -> str:
    """The recording that a numbered take belongs to: `rain_11` and `rain_12` are one."""
    return f"{package}/{re.sub(r'[-_ ]?[0-9]+[a-z]?$', '', name)}"


def speech_split(language: str) -> Split:
    """By language alone, whatever the package."""
    base = base_language(language)
    if base in TEST_LANGUAGES:
        return "test"
    return "valid" if base in VALID_LANGUAGES else "train"


def noise_split(package: str, group: str) -> Split:
    """Test by table, validation by hash, the rest trains."""
    if package in TEST_NOISE_PACKAGES or group in TEST_NOISE_GROUPS:
        return "test"
    return "valid" if fraction(f"valid/{group}") < VALID_NOISE_SHARE else "train"
