"""The environment of a study: what it takes to know why a number can't be reproduced."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from danlu.records.address import without_password
from danlu.records.files import write_text
from danlu.records.folder import Folder


def environment(seed: int) -> dict[str, Any]:
    """Python, packages, git commit, devices, command line and seed; nothing that names a person or a machine."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "command": discreet(sys.argv),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "devices": _devices(),
        "git": _git(),
        "packages": _packages(),
    }


def discreet(words: list[str]) -> list[str]:
    """A command line without its secrets: whom to notify, and passwords in addresses."""
    found, is_secret = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        if is_secret or (name == "--notify" and equals):
            word = f"{name}=…" if equals and not is_secret else "…"
        is_secret = word == "--notify"
        word = re.sub(r"postgres(ql)?://.*", lambda url: without_password(url[0]), word)
        found.append(re.sub(r"(\w+://[^/\s:@]*):[^/\s@]*@", r"\1:…@", word))
    return found


def write_environment(folder: Folder, seed: int) -> None:
    """Writes environment.json, once per study."""
    if not folder.environment.exists():
        write_text(folder.environment, json.dumps(environment(seed), indent=2, ensure_ascii=False) + "\n")


def _packages() -> dict[str, str]:
    found = {(d.metadata["Name"] or "").lower(): d.version for d in metadata.distributions()}
    return dict(sorted(found.items()))


def _devices() -> list[str]:
    query = ["--query-gpu=name,memory.total", "--format=csv,noheader"]
    return (_said("nvidia-smi", *query) or "").splitlines()


def _git() -> dict[str, Any] | None:
    """The commit that runs, and whether files differ from it; None outside a git checkout."""
    commit = _said("git", "rev-parse", "HEAD")
    if commit is None:
        return None
    return {
        "commit": commit,
        "branch": _said("git", "rev-parse", "--abbrev-ref", "HEAD"),
        "changed": bool(_said("git", "status", "--porcelain", "--untracked-files=no")),
    }


def _said(tool: str, *arguments: str) -> str | None:
    """What a tool prints; None if it is missing, fails, or takes too long."""
    path = shutil.which(tool)
    if path is None:
        return None
    try:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=5, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout.strip()
