"""Inside: paths that a journal or a trial names, kept within the study's folder.

A study may come from somebody else: unpacked, copied, in a folder that several people write to. What its journal says
of files, and the links that lie among them, must not make this user read, write or remove anything elsewhere.
"""

from pathlib import Path, PurePosixPath

from danlu.errors import ArtifactError


def inside(study: Path, path: str) -> Path:
    """The file that a path, relative to the study's folder, stands for.

    Args:
        study: the folder; it may itself be a link.
        path: with "/" between its parts.

    Raises:
        ArtifactError: it leads out of the folder, by itself or through a link.
    """
    parts = PurePosixPath(path)
    if not parts.parts or parts.is_absolute() or ".." in parts.parts or "\\" in path or "\0" in path or _drive(path):
        raise ArtifactError(f"{path!r} leads out of the study's folder. The journal was not written by Danlu alone.")
    found = study / parts
    if not found.resolve().is_relative_to(study.resolve()):
        raise ArtifactError(
            f"{path!r} leads out of the study's folder {str(study)!r}, through a link. Move what it leads to into the "
            f"folder; the study's folder as a whole may be a link."
        )
    return found


def is_inside(study: Path, path: str) -> bool:
    """Whether a path stays in the study's folder."""
    try:
        inside(study, path)
    except ArtifactError:
        return False
    return True


def _drive(path: str) -> bool:
    return len(path) > 1 and path[1] == ":"  # "C:x" is another drive's on Windows
