"""Who was judged on what, and how: what tells the results of one run from those of another."""

from typing import Any

from pydantic import BaseModel, ConfigDict

RUN, LINES, SUMMARY = "run.json", "results.jsonl", "summary.json"
"""Files of a run's folder: who was judged on what, a line an item and source, and what it all comes to."""

SCHEMA_VERSION = 2
"""1 had the windows of its ideal masks in samples, whatever the rate, and another kmeans2."""


class Identity(BaseModel):
    """All that the figures depend on. Two runs with one identity may share a folder.

    `schema_version` is raised where the figures of the same settings come to mean something else.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    model: str
    model_sha256: str
    manifest: str
    manifest_sha256: str
    settings: dict[str, Any]
    soli: str

    def differences(self, other: "Identity") -> list[str]:
        """What is not the same in both, each as a few words; where the manifest lies does not matter."""
        found = []
        if self.model_sha256 != other.model_sha256 or self.model != other.model:
            found.append(
                f"the model ({called(self.model, self.model_sha256)}, now {called(other.model, other.model_sha256)})"
            )
        if self.manifest_sha256 != other.manifest_sha256:
            found.append(f"the manifest ({self.manifest_sha256[:8]}, now {other.manifest_sha256[:8]})")
        for key in sorted(self.settings.keys() | other.settings.keys()):
            if self.settings.get(key) != other.settings.get(key):
                found.append(f"the setting {key} ({self.settings.get(key)}, now {other.settings.get(key)})")
        if self.schema_version != other.schema_version:
            found.append(f"what the figures mean (version {self.schema_version}, now {other.schema_version})")
        if self.soli != other.soli:
            found.append(f"soli ({self.soli}, now {other.soli})")
        return found


def called(name: str, sha256: str) -> str:
    """A model's name, and by which of its files it is told from others of that name."""
    return f"{name} {sha256[:8]}".rstrip()
