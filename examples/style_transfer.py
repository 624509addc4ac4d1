"""Painterly style transfer: how much style, how much content, and who is to say?

A photograph is repainted by gradient descent on its pixels until its features stay near the photograph's (content)
while the correlations of its features approach those of a second picture (style). The two weights are the classic
case of a hyperparameter nobody can guess: this example paints one picture per trial, over a grid of weights.

    python examples/style_transfer.py                                     # 6 × 4 pictures on a grid, 24 at random
    python examples/style_transfer.py --output rocket.png                 # one picture, no tuning
    python examples/style_transfer.py --study random --trials 48 --content me.jpg --style starry.jpg --mask sky.png

Three things are measured the same way in every trial, whatever its weights:

    content_distance  distance of the features to the photograph's, 0 at the photograph, 1 at the style picture
    style_distance    distance of the Gram matrices to the style's, 0 at the style picture, 1 at the photograph
    mismatch          the mean of the two, which is what the study minimises

Sources: Gatys, Ecker & Bethge (2016), "Image Style Transfer Using Convolutional Neural Networks", CVPR;
Ustyuzhaninov et al. (2017), "What Does It Take to Generate Natural Textures?", ICLR, for random features;
Luan et al. (2018), "Deep Painterly Harmonization", for painting inside a mask only.
"""

from __future__ import annotations

import argparse
import functools
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from danlu import DanluError, Float, Interrupted, Study, Trial, tune
from danlu.pictures import Gallery, Map, Progress, animate, save
from danlu.strategies.grid import Grid
from danlu.strategies.random import Random

FEATURE_SEED = 0  # one network for all trials: distances in different features could not be compared
ITERATIONS = 5  # of the optimiser, per step
KEEP_EVERY = 5  # steps between the pictures kept of a trial
EPSILON = 1e-12  # nothing is divided by 0, not even for a photograph of one colour
TV_WEIGHT = 0.01  # fixed, see `Canvas.loss`


class StyleTransferError(ValueError):
    """Something the user asked for isn't there; the message says what to do."""


# ── pictures and devices ──────────────────────────────────────────────────────────────────────────────────────────


def find_image(name: str) -> Path:
    """The file of an image path, or of a picture that comes with scikit-image ("chelsea", "coffee", "ihc", …)."""
    if Path(name).is_file():
        return Path(name)
    try:
        import skimage  # late: only for its pictures
    except ImportError:
        raise StyleTransferError(f"no image file {name!r}, and scikit-image, which has pictures, is missing") from None
    folder = Path(skimage.__file__).parent / "data"
    shipped = {path.stem: path for path in folder.iterdir() if path.suffix in {".png", ".jpg"}}
    if name not in shipped:
        raise StyleTransferError(f"no image file {name!r}, and scikit-image has none of that name: {sorted(shipped)}")
    return shipped[name]


def load_image(name: str, size: int) -> Tensor:
    """The centre square of an image, RGB in [0, 1], shape (1, 3, size, size)."""
    path = find_image(name)
    try:
        image = Image.open(path).convert("RGB")
    except OSError:
        raise StyleTransferError(f"{path} is not an image that Pillow can read") from None
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)[None].contiguous() / 255


def load_mask(name: str, size: int) -> Tensor:
    """Where to paint (white, 1) and where the photograph stays (black, 0), shape (1, 1, size, size)."""
    if not name:
        return torch.ones(1, 1, size, size)
    mask = load_image(name, size)[:, :1]  # of a grey image all three channels are the same
    if mask.max() < 0.5:
        raise StyleTransferError(f"mask {name!r} has no white region, so there is nothing to paint")
    return mask


def pick_device(name: str) -> torch.device:
    """The device asked for; "auto" takes the first of cuda, mps, cpu that torch sees."""
    seen = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in seen.items() if there))
    if not seen[name]:
        raise StyleTransferError(f"device {name!r} was asked for but torch sees none; use --device cpu or auto")
    return torch.device(name)


# ── features ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Features(Protocol):
    """Feature maps of an image, and how much each of them counts for content and for style."""

    content_weights: tuple[float, ...]
    style_weights: tuple[float, ...]

    def __call__(self, image: Tensor) -> list[Tensor]:
        """One map (1, channels, height, width) per layer of an image (1, 3, size, size)."""
        ...


class RandomFeatures:
    """One convolution with random filters at each level of an image pyramid, and one of single pixels.

    The 1 × 1 filters see the palette; the 7 × 7 ones, free of mean, see strokes of 7 to 56 pixels. Random thresholds
    before the ReLU let the Gram matrix see the shape of a distribution and not only its variance.

    Preferred, by eye on six pairs of pictures, to five random 3 × 3 layers on top of each other (He, Wang & Hopcroft
    2016, NeurIPS): those left coloured grain and blots; these give clean edges and strokes in the same time.

    Differs from Ustyuzhaninov et al. in the pyramid: they use filters of up to 55 × 55 pixels, far too slow on a CPU.
    """

    # pixels, then fine to coarse: coarse levels hold the motif, fine ones are left to the brush
    content_weights: tuple[float, ...] = (0.1, 0.1, 0.4, 1.0, 1.0)
    style_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    kernel, levels, channels, palette = 7, 4, 32, 32

    def __init__(self, content: Tensor, style: Tensor) -> None:
        rng = torch.Generator().manual_seed(FEATURE_SEED)
        shapes = [(self.palette, 1)] + [(self.channels, self.kernel)] * self.levels
        self.filters = [random_filters(channels, kernel, rng).to(content.device) for channels, kernel in shapes]
        thresholds = [0.5 * torch.randn(channels, generator=rng) for channels, _ in shapes]
        self.thresholds = [threshold.to(content.device) for threshold in thresholds]
        responses = zip(self.responses(content), self.responses(style), strict=True)
        self.scales = [(ours.std() + theirs.std()) / 2 + 1e-6 for ours, theirs in responses]

    def responses(self, image: Tensor) -> list[Tensor]:
        """Filter responses: pixels first, then the pyramid from fine to coarse."""
        level = (image - 0.45) / 0.25  # about mean 0 and deviation 1
        maps = [F.conv2d(level, self.filters[0])]
        for filters in self.filters[1:]:
            margin = (self.kernel // 2,) * 4
            maps.append(F.conv2d(F.pad(level, margin, mode="reflect"), filters))
            level = F.avg_pool2d(level, 2)
        return maps

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Responses in units of their deviation, thresholded."""
        layers = zip(self.responses(image), self.scales, self.thresholds, strict=True)
        return [F.relu(response / scale + threshold.view(1, -1, 1, 1)) for response, scale, threshold in layers]


def random_filters(channels: int, kernel: int, rng: torch.Generator) -> Tensor:
    """Filters of norm 1, shape (channels, 3, kernel, kernel); the wide ones are blind to a flat colour."""
    filters = torch.randn(channels, 3, kernel, kernel, generator=rng)
    if kernel > 1:
        offset = torch.arange(kernel) - kernel // 2
        bell = torch.exp(-(offset**2) / (2 * (kernel / 3) ** 2))
        window = bell[:, None] * bell[None, :]
        filters = filters * window
        filters = filters - window * filters.sum((2, 3), keepdim=True) / window.sum()
    return filters / filters.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


class VGG19Features:
    """Layers of VGG-19 trained on ImageNet, chosen as in Gatys et al., with average pooling."""

    layers = (1, 6, 11, 20, 22, 29)  # relu1_1, 2_1, 3_1, 4_1, 4_2, 5_1 in torchvision's numbering
    content_weights: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # relu4_2
    style_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 0.0, 1.0)

    def __init__(self, device: torch.device) -> None:
        self.network = load_vgg19()[: self.layers[-1] + 1].to(device)
        self.mean = torch.tensor((0.485, 0.456, 0.406), device=device).view(1, 3, 1, 1)  # of ImageNet
        self.deviation = torch.tensor((0.229, 0.224, 0.225), device=device).view(1, 3, 1, 1)

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Feature maps of the chosen layers."""
        maps, signal = [], (image - self.mean) / self.deviation
        for index, layer in enumerate(self.network):
            if isinstance(layer, torch.nn.MaxPool2d):
                signal = F.avg_pool2d(signal, 2)  # smoother pictures than the maximum gives (Gatys et al., § 2)
            elif isinstance(layer, torch.nn.ReLU):
                signal = F.relu(signal)  # torchvision's works in place, which would break the gradient here
            else:
                signal = layer(signal)
            if index in self.layers:
                maps.append(signal)
        return maps


@functools.cache
def load_vgg19() -> torch.nn.Sequential:
    """The convolutional part of VGG-19 with the weights in torch's cache folder; never downloads them."""
    try:
        from torchvision.models import VGG19_Weights, vgg19
    except (ImportError, RuntimeError):  # the latter where torchvision was built for another torch
        hint = "install the one for your torch or use --features random"
        raise StyleTransferError(f"--features vgg19 needs a torchvision that can be imported; {hint}") from None
    url = VGG19_Weights.IMAGENET1K_V1.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if not path.is_file():
        raise StyleTransferError(f"VGG-19's weights are not at {path}; put {url} there or use --features random")
    network = vgg19()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network.features.requires_grad_(False).eval()


def make_features(name: str, content: Tensor, style: Tensor) -> Features:
    """Features by name, on the device of the pictures."""
    match name:
        case "random":
            return RandomFeatures(content, style)
        case "vgg19":
            return VGG19Features(content.device)
    raise StyleTransferError(f"no features {name!r}; known: random, vgg19")


# ── losses ────────────────────────────────────────────────────────────────────────────────────────────────────────


def gram(features: Tensor, mask: Tensor) -> Tensor:
    """Correlations of the channels over the masked region, G = F diag(m) Fᵀ / Σm, shape (channels, channels)."""
    flat, weight = features.flatten(2)[0], mask.flatten()
    return (flat * weight) @ flat.T / weight.sum()


def total_variation(image: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels."""
    down = image[..., 1:, :] - image[..., :-1, :]
    right = image[..., :, 1:] - image[..., :, :-1]
    return down.square().mean() + right.square().mean()


@dataclass(frozen=True)
class Weights:
    """What the study tunes."""

    style: float
    content: float


class Canvas:
    """The photograph, the style and the mask at one size, and how far a picture is from them.

    Every layer is measured in units of the other picture: in content the style picture is at 1, in style the photograph
    is. So weights of about 1 pull equally hard whatever the features, and a distance means the same in every trial.
    """

    def __init__(self, content: Tensor, style: Tensor, mask: Tensor, features: str) -> None:
        self.content, self.mask = content, mask
        self.features = make_features(features, content, style)
        self.content_maps, style_maps = self.features(content), self.features(style)
        self.masks = [F.interpolate(mask, size=layer.shape[2:], mode="area") for layer in self.content_maps]
        self.grams = [
            gram(layer, torch.ones_like(region)) for layer, region in zip(style_maps, self.masks, strict=True)
        ]
        self.content_units = self.content_errors(style_maps)
        self.style_units = self.style_errors(self.content_maps)
        self.variation = total_variation(content) + EPSILON

    def content_errors(self, maps: list[Tensor]) -> list[Tensor]:
        """Per layer, the squared distance of features to the photograph's, within the mask."""
        layers = zip(maps, self.content_maps, self.masks, strict=True)
        return [((ours - theirs) * region).square().sum() + EPSILON for ours, theirs, region in layers]

    def style_errors(self, maps: list[Tensor]) -> list[Tensor]:
        """Per layer, the squared distance of Gram matrices, the picture's within the mask to the style's everywhere."""
        layers = zip(maps, self.masks, self.grams, strict=True)
        return [(gram(layer, region) - target).square().sum() + EPSILON for layer, region, target in layers]

    def errors(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Squared content distance and squared style distance of a picture, each about 0 to 1."""
        maps = self.features(image)
        content = average(self.content_errors(maps), self.content_units, self.features.content_weights)
        style = average(self.style_errors(maps), self.style_units, self.features.style_weights)
        return content, style

    def compose(self, pixels: Tensor) -> Tensor:
        """The painted pixels inside the mask, the photograph outside."""
        return self.content + self.mask * (pixels - self.content)

    def loss(self, pixels: Tensor, weights: Weights) -> Tensor:
        """What is descended: weighted content, style and total variation.

        A common factor of all three weights changes nothing, and with two of them only a ratio would matter. The third,
        of total variation, is fixed; that makes the question two-dimensional: the ratio of style to content says *what*
        is painted, their size says how *crisp* it is against the smoothing.
        """
        image = self.compose(pixels)
        content, style = self.errors(image)
        smoothing = TV_WEIGHT * total_variation(image) / self.variation
        # pixels outside [0, 1] are clipped when shown; L-BFGS knows no bounds, so they cost something instead
        outside = 10 * (weights.style + weights.content) * (pixels - pixels.clamp(0, 1)).square().mean()
        return weights.content * content + weights.style * style + smoothing + outside


def average(errors: list[Tensor], units: list[Tensor], weights: tuple[float, ...]) -> Tensor:
    """Weighted mean over the layers of error / unit."""
    total = sum(weight * error / unit for error, unit, weight in zip(errors, units, weights, strict=True))
    return total / sum(weights)


# ── painting ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Painting:
    """A picture on its way, shape (3, size, size) in [0, 1], and how far it is from photograph and style."""

    image: Tensor
    content_distance: float
    style_distance: float

    @property
    def metrics(self) -> dict[str, float]:
        """What is reported to the study."""
        content, style = self.content_distance, self.style_distance
        return {"mismatch": (content + style) / 2, "content_distance": content, "style_distance": style}


def look(pixels: Tensor, canvas: Canvas) -> Painting:
    """The picture as it would be shown on a canvas, with its distances."""
    with torch.no_grad():
        image = canvas.compose(resize(pixels, canvas.content.shape[-1]).clamp(0, 1))
        content, style = canvas.errors(image)
    return Painting(image[0].cpu(), math.sqrt(float(content)), math.sqrt(float(style)))


def resize(image: Tensor, size: int) -> Tensor:
    """The image at another size; a no-op at its own."""
    shrinks = size < image.shape[-1]
    return F.interpolate(image, size=(size, size), mode="area" if shrinks else "bilinear")


def make_optimizer(name: str, pixels: Tensor) -> torch.optim.Optimizer:
    """Adam, or L-BFGS whose own stopping rules are off: the number of steps is the study's to decide."""
    if name == "adam":
        return torch.optim.Adam([pixels], lr=0.02)
    return torch.optim.LBFGS(
        [pixels],
        max_iter=ITERATIONS,
        history_size=20,
        tolerance_grad=0.0,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )


def paint(
    pictures: tuple[Tensor, Tensor, Tensor],
    weights: Weights,
    steps: int,
    features: str = "random",
    optimizer: str = "lbfgs",
    seed: int = 0,
) -> Iterator[Painting]:
    """Paints in `steps` steps, the first half at half the size, and yields the picture after each.

    Coarse first: it moves large patches of colour into place, at a quarter of the price, before the strokes are drawn.

    Args:
        pictures: photograph, style (1, 3, size, size) and mask (1, 1, size, size) in [0, 1].
        weights: of content and style.
        steps: of `ITERATIONS` optimiser iterations each.
        features: "random" or "vgg19".
        optimizer: "lbfgs" or "adam".
        seed: of the little noise on the photograph that painting starts from.
    """
    size = pictures[0].shape[-1]
    fine = Canvas(*pictures, features)
    photograph, style, mask = (resize(picture, size // 2) for picture in pictures)
    coarse = Canvas(photograph, style, mask, features)
    noise = torch.randn(coarse.content.shape, generator=torch.Generator().manual_seed(seed))
    pixels = coarse.content + 0.02 * noise.to(coarse.content.device)
    for canvas, count in ((coarse, steps // 2), (fine, steps - steps // 2)):
        pixels = resize(pixels, canvas.content.shape[-1]).detach().requires_grad_()
        stepper = make_optimizer(optimizer, pixels)
        for _ in range(count):
            advance(stepper, pixels, canvas, weights)
            yield look(pixels, fine)


def advance(optimizer: torch.optim.Optimizer, pixels: Tensor, canvas: Canvas, weights: Weights) -> None:
    """One step, `ITERATIONS` iterations of the optimiser."""

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = canvas.loss(pixels, weights)
        loss.backward()
        return loss

    inner = ITERATIONS if isinstance(optimizer, torch.optim.LBFGS) else 1  # L-BFGS iterates within its step()
    for _ in range(ITERATIONS // inner):
        optimizer.step(closure)


# ── tuning ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class StyleTransfer:
    """The training function: one trial paints one picture.

    Attributes:
        content, style, mask: image files or names of scikit-image's pictures; no mask means paint everywhere.
        size: of the square picture in pixels, a multiple of 32.
        steps: of a trial, `ITERATIONS` optimiser iterations each.
        features: "random", or "vgg19" where torchvision and its weights are at hand.
        optimizer: "lbfgs" or "adam".
        device: "auto", "cpu", "cuda" or "mps".
    """

    content: str = "rocket"
    style: str = "coffee"
    mask: str = ""
    size: int = 160
    steps: int = 20
    features: str = "random"
    optimizer: str = "lbfgs"
    device: str = "auto"

    def __call__(
        self,
        trial: Trial,
        style_weight: Annotated[float, Float(0.03, 10.0, log=True)] = 1.0,
        content_weight: Annotated[float, Float(0.003, 3.0, log=True)] = 0.3,
    ) -> dict[str, float]:
        """Paints, reports the distances after every step, keeps a picture now and then; returns the last distances."""
        torch.set_num_threads(1)  # workers share the cores: side by side is faster than all on one picture
        painting = None
        paintings = self.paint(Weights(style_weight, content_weight), trial.seed)
        for step, painting in zip(trial.steps(self.steps), paintings, strict=False):
            trial.report(step, **painting.metrics)
            if step % KEEP_EVERY == 0:
                trial.attach(f"step_{step:03}.png", painting.image)
        if painting is None:  # told to stop before the first step
            return {}
        trial.attach("final.png", painting.image)
        return painting.metrics

    def paint(self, weights: Weights, seed: int) -> Iterator[Painting]:
        """The pictures after each step."""
        return paint(self.load(), weights, self.steps, self.features, self.optimizer, seed)

    def load(self) -> tuple[Tensor, Tensor, Tensor]:
        """Photograph, style and mask, on the device."""
        if self.steps < 1:
            raise StyleTransferError(f"steps must be at least 1, got {self.steps}")
        if self.size < 64 or self.size % 32:  # halved five times by half-size painting and four poolings
            raise StyleTransferError(f"size must be a multiple of 32, at least 64, got {self.size}")
        device = pick_device(self.device)
        content, style = load_image(self.content, self.size), load_image(self.style, self.size)
        if torch.equal(content, style):
            raise StyleTransferError(f"content and style are the same picture, {self.content!r}: nothing to transfer")
        return content.to(device), style.to(device), load_mask(self.mask, self.size).to(device)

    def check(self) -> None:
        """Raises what would go wrong in every trial, once and before any of them starts."""
        content, style, _ = self.load()
        make_features(self.features, content, style)


def paint_one(transfer: StyleTransfer, weights: Weights, output: Path) -> None:
    """Paints a single picture into a file."""
    for step, painting in enumerate(transfer.paint(weights, seed=0), start=1):
        print(f"step {step:3}/{transfer.steps}  " + "  ".join(f"{k} {v:.3f}" for k, v in painting.metrics.items()))
    pixels = (painting.image.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(pixels).save(output)
    print(f"wrote {output}")


STRATEGIES = {
    # the defaults are cells of the grid, so that all 24 trials, trial 0 included, lie on it
    "grid": Grid({"style_weight": (0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "content_weight": (0.003, 0.03, 0.3, 3.0)}),
    "random": Random(),
}


def search(transfer: StyleTransfer, strategy: str, trials: int, workers: int, folder: Path) -> Study:
    """Tunes the two weights; goes on with what lies in the folder."""
    print(f"\n{strategy} search: {trials} trials in {folder}")
    begin = time.time()
    study = tune(
        transfer, minimize="mismatch", trials=trials, strategy=STRATEGIES[strategy], workers=workers, folder=folder
    )
    best = study.best
    weights = ", ".join(f"{name} {value:.3g}" for name, value in best.config.items())
    before = "" if study.history.at > begin else " before; nothing is left to do"
    print(f"all {len(study.trials)} trials were done{before}")
    print(f"the best, trial {best.number}: mismatch {best.value:.3f} at {weights}")
    return study


def draw(study: Study, folder: Path) -> Iterator[Path]:
    """The pictures of a study, each as it is finished; those that are newer than its last trial stay as they are."""
    pictures = folder / "pictures"
    if (last := pictures / "map.html").exists() and last.stat().st_mtime > study.history.at:
        yield from sorted(pictures.iterdir())
        return
    gallery = Gallery(columns="style_weight", rows="content_weight", folder=folder, edge=192)
    landscape = Map("style_weight", "content_weight")
    for ending in ("html", "png"):
        yield save(gallery, study.history, pictures / f"gallery.{ending}", width=1200)
    yield save(landscape, study.history, pictures / "map.png")
    yield save(Progress(), study.history, pictures / "progress.png")
    for ending in ("gif", "html"):
        yield animate(landscape, study, pictures / f"map.{ending}")


def default_folder(transfer: StyleTransfer) -> Path:
    """Other pictures, other studies: a study only knows what is tuned."""
    if transfer == StyleTransfer():
        return Path("runs/style-transfer")
    fixed = [getattr(transfer, field.name) for field in fields(transfer) if field.name != "device"]
    return Path("runs") / "style-transfer-{}".format("-".join(Path(str(value)).stem for value in fixed if value))


CHOICES = {
    "features": ("random", "vgg19"),
    "optimizer": ("lbfgs", "adam"),
    "device": ("auto", "cpu", "cuda", "mps"),
}


def make_parser() -> argparse.ArgumentParser:
    """The command line: every attribute of `StyleTransfer`, one picture or a study."""
    parser = argparse.ArgumentParser(description="Painterly style transfer, tuned.")
    for field in fields(StyleTransfer):
        kind, choices = type(field.default), CHOICES.get(field.name)
        parser.add_argument(
            f"--{field.name}", type=kind, default=field.default, choices=choices, help="default: %(default)s"
        )
    parser.add_argument("--output", type=Path, help="paint one picture into this file, without tuning")
    parser.add_argument("--style-weight", type=float, default=1.0, help="of the one picture")
    parser.add_argument("--content-weight", type=float, default=0.3, help="of the one picture")
    parser.add_argument("--study", choices=("both", *STRATEGIES), default="both", help="how to search the weights")
    parser.add_argument("--trials", type=int, default=24, help="of each study; default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, help="pictures at a time; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="default: runs/style-transfer, or one named by other pictures")
    return parser


def main() -> None:
    """Paints one picture, or a study of them."""
    parser = make_parser()
    args = parser.parse_args()
    transfer = StyleTransfer(**{field.name: getattr(args, field.name) for field in fields(StyleTransfer)})
    try:
        transfer.check()
        if args.output:
            paint_one(transfer, Weights(args.style_weight, args.content_weight), args.output)
            return
        root = args.folder or default_folder(transfer)
        names = tuple(STRATEGIES) if args.study == "both" else (args.study,)
        for strategy in names:
            folder = root / strategy
            with search(transfer, strategy, args.trials, args.workers, folder) as study:
                for path in draw(study, folder):
                    print(f"  {path}")
    except (StyleTransferError, DanluError) as error:
        parser.error(str(error))
    except Interrupted:
        sys.exit("interrupted; the same command goes on from here, nothing is lost")
    page = root / names[0] / "pictures" / "gallery.html"
    print(f"\nAll that was painted, curves and logs: {root}. Begin with {page}")


if __name__ == "__main__":
    main()
