"""Compiles the gate when Egret is installed, if that can be done; see scripts/build_native.py."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeGate(BuildHookInterface):
    """An optional extension: without a compiler the installation goes on without it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile into the tree (editable) or into the wheel."""
        if self.target_name != "wheel" or os.environ.get("EGRET_PURE", "0") not in {"", "0"}:
            return
        root = Path(self.root)
        spec = importlib.util.spec_from_file_location("build_native", root / "scripts" / "build_native.py")
        if spec is None or spec.loader is None:
            return
        native = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(native)
        folder = None if version == "editable" else Path(tempfile.mkdtemp(prefix="egret-native-"))
        try:
            built = native.build(root, folder)
        except native.Unbuildable as why:
            self.app.display_warning(f"egret: its gate was not compiled and stays in Python, slower: {why}")
            return
        if folder is not None:
            build_data["force_include"][str(built)] = f"egret/worker/{built.name}"
            build_data["pure_python"] = False
            build_data["infer_tag"] = True
