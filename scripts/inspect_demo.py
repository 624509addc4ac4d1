"""Looks at what the demo left in a folder: are the studies whole, and is there something to see?

    python scripts/inspect_demo.py runs/style-transfer --trials 24

Exits with status 1 and says what is wrong at the first thing that is.
"""

import argparse
import re
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from danlu import Status, open_study


def require(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"{what}: not so")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def inspect_study(folder: Path, trials: int) -> None:
    with open_study(folder) as study:
        require([t.status for t in study.trials] == [Status.COMPLETE] * trials, f"{folder}: {trials} complete trials")
        require(study.verify() == [], f"{folder}: a replay agrees with the journal")
        paintings = []
        for trial in study.trials:
            names = [file.name for file in trial.artifacts]
            require("final.png" in names, f"{folder}: trial {trial.number} left its final picture, not only {names}")
            require(
                all((folder / file.path).stat().st_size == file.size for file in trial.artifacts),
                f"{folder}: files are whole",
            )
            require({"mismatch", "content_distance", "style_distance"} <= set(trial.curve.metrics), "all is reported")
            paintings.append(pixels(folder / f"trials/{trial.number:04d}/final.png"))
        for name in ("environment.json", "study.toml", "trials/0000/config.json"):
            require((folder / name).stat().st_size > 50, f"{folder}/{name} is filled")
    apart = [np.abs(a - b).mean() for k, a in enumerate(paintings) for b in paintings[:k]]
    require(max(apart) > 20, f"{folder}: pictures differ visibly (by {max(apart):.0f} of 255 at most)")


def inspect_pictures(folder: Path, trials: int) -> None:
    for name in ("gallery.png", "map.png", "progress.png"):
        image = pixels(folder / name)
        colours = len(np.unique(image.reshape(-1, 3), axis=0))
        require(min(image.shape[:2]) > 300 and colours > 50, f"{folder / name} shows something ({colours} colours)")
    frames = [
        np.asarray(frame.convert("RGB"), dtype=float)
        for frame in ImageSequence.Iterator(Image.open(folder / "map.gif"))
    ]
    require(len(frames) == trials, f"{folder / 'map.gif'} has a frame for each of {trials} trials, not {len(frames)}")
    # a few marks on a large empty ground: count the pixels that changed for the eye, don't average over all of them
    moved = int((np.abs(frames[0] - frames[-1]).max(axis=-1) > 64).sum())
    require(moved > 100, f"{folder / 'map.gif'} moves ({moved} pixels change from the first frame to the last)")
    require((folder / "map.gif").stat().st_size < 3_000_000, f"{folder / 'map.gif'} is under 3 MB")
    for name in ("gallery.html", "map.html"):
        text = (folder / name).read_text(encoding="utf-8")
        loads = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?https?:[^\"'> ]+", text)
        require(len(text) > 10_000 and not loads, f"{folder / name} is whole and needs no network {loads[:2]}")
    require(
        (folder / "gallery.html").read_text(encoding="utf-8").count("data:image/") >= trials,
        "the gallery holds the pictures",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=24, help="of each study")
    args = parser.parse_args()
    for strategy in ("grid", "random"):
        inspect_study(args.folder / strategy, args.trials)
        inspect_pictures(args.folder / strategy / "pictures", args.trials)
    print(f"{args.folder}: both studies are whole, and there is something to see")


if __name__ == "__main__":
    main()
