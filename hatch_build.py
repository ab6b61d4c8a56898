"""Lay the model in use and the samples into the wheel, as `pneumo_core/shipped`; in the checkout they stay in place."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ShippedFiles(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            # Such an installation is the checkout.
            return
        root = Path(self.root)
        active = root / "model" / "active.txt"
        model = active.parent / active.read_text(encoding="utf-8").strip()
        samples = (path for path in (root / "samples").iterdir() if path.suffix in {".png", ".dcm", ".json"})
        for path in (active, model, *samples):
            build_data["force_include"][str(path)] = f"pneumo_core/shipped/{path.relative_to(root).as_posix()}"
