"""In the style of timm's train.py: a parser for a config file first, groups, well over a hundred options."""

import argparse
import logging
from pathlib import Path

_logger = logging.getLogger("train")

config_parser = parser = argparse.ArgumentParser(description="Training Config", add_help=False)
parser.add_argument("-c", "--config", default="", type=str, metavar="FILE", help="YAML config file")

parser = argparse.ArgumentParser(description="PyTorch ImageNet Training")

group = parser.add_argument_group("Dataset parameters")
parser.add_argument("data", nargs="?", metavar="DIR", const=None, help="path to dataset (positional is *deprecated*)")
for name, text in [("data-dir", "path to dataset"), ("dataset", "dataset type + name"), ("class-map", "path to mapping")]:
    parser.add_argument(f"--{name}", metavar="DIR", default="", help=text)
group.add_argument("--train-split", metavar="NAME", default="train", help="dataset train split (default: train)")
group.add_argument("--val-split", metavar="NAME", default="validation", help="dataset validation split")
group.add_argument("--train-num-samples", default=None, type=int, metavar="N", help="num samples in train split")
group.add_argument("--dataset-download", action="store_true", default=False, help="Allow download of dataset")

group = parser.add_argument_group("Model parameters")
group.add_argument("--model", default="resnet50", type=str, metavar="MODEL", help="Name of model to train")
group.add_argument("--pretrained", action="store_true", default=False, help="Start with pretrained version")
group.add_argument("--initial-checkpoint", default="", type=str, metavar="PATH", help="Load this checkpoint")
group.add_argument("--resume", default="", type=str, metavar="PATH", help="Resume full model and optimizer state")
group.add_argument("--no-resume-opt", action="store_true", default=False, help="prevent resume of optimizer state")
group.add_argument("--num-classes", type=int, default=None, metavar="N", help="number of label classes")
group.add_argument("--gp", default=None, type=str, metavar="POOL", help="Global pool type")
group.add_argument("--img-size", type=int, default=None, metavar="N", help="Image size")
group.add_argument("--in-chans", type=int, default=None, metavar="N", help="Image input channels (default: None => 3)")
group.add_argument("--input-size", default=None, nargs=3, type=int, metavar="N", help="Input all image dimensions")
group.add_argument("--crop-pct", default=None, type=float, metavar="N", help="Input image center crop percent")
group.add_argument("--mean", type=float, nargs="+", default=None, metavar="MEAN", help="Override mean pixel value")
group.add_argument("--std", type=float, nargs="+", default=None, metavar="STD", help="Override std deviation")
group.add_argument("--interpolation", default="", type=str, metavar="NAME", help="Image resize interpolation type")
group.add_argument("-b", "--batch-size", type=int, default=128, metavar="N", help="Input batch size for training")
group.add_argument("-vb", "--validation-batch-size", type=int, default=None, metavar="N", help="Validation batch size")
group.add_argument("--channels-last", action="store_true", default=False, help="Use channels_last memory layout")
group.add_argument("--grad-accum-steps", type=int, default=1, metavar="N", help="steps to accumulate gradients")
group.add_argument("--grad-checkpointing", action="store_true", default=False, help="Enable gradient checkpointing")
scripting_group = group.add_mutually_exclusive_group()
scripting_group.add_argument("--torchscript", dest="torchscript", action="store_true", help="torch.jit.script the model")
scripting_group.add_argument("--torchcompile", nargs="?", type=str, default=None, const="inductor", help="compilation")

group = parser.add_argument_group("Device parameters")
group.add_argument("--device", default="cuda", type=str, help="Device (accelerator) to use.")
group.add_argument("--amp", action="store_true", default=False, help="use AMP for mixed precision training")
group.add_argument("--amp-dtype", default="float16", type=str, help="lower precision AMP dtype (default: float16)")
group.add_argument("--no-ddp-bb", action="store_true", default=False, help="Force broadcast buffers for native DDP off")
group.add_argument("--local_rank", default=0, type=int)

group = parser.add_argument_group("Optimizer parameters")
group.add_argument("--opt", default="sgd", type=str, metavar="OPTIMIZER", help='Optimizer (default: "sgd")')
group.add_argument("--opt-eps", default=None, type=float, metavar="EPSILON", help="Optimizer Epsilon (default: None)")
group.add_argument("--opt-betas", default=None, type=float, nargs="+", metavar="BETA", help="Optimizer Betas")
group.add_argument("--momentum", type=float, default=0.9, metavar="M", help="Optimizer momentum (default: 0.9)")
group.add_argument("--weight-decay", type=float, default=2e-5, help="weight decay (default: 2e-5)")
group.add_argument("--clip-grad", type=float, default=None, metavar="NORM", help="Clip gradient norm (default: None)")
group.add_argument("--clip-mode", type=str, default="norm", help='Gradient clipping mode ("norm", "value", "agc")')
group.add_argument("--layer-decay", type=float, default=None, help="layer-wise learning rate decay (default: None)")

group = parser.add_argument_group("Learning rate schedule parameters")
group.add_argument("--sched", type=str, default="cosine", metavar="SCHEDULER", help='LR scheduler (default: "cosine")')
group.add_argument("--sched-on-updates", action="store_true", default=False, help="Apply LR scheduler step on update")
group.add_argument("--lr", type=float, default=None, metavar="LR", help="learning rate, overrides lr-base if set")
group.add_argument("--lr-base", type=float, default=0.1, metavar="LR", help="base learning rate: lr = lr_base * batch")
group.add_argument("--lr-base-size", type=int, default=256, metavar="DIV", help="base learning rate batch size")
group.add_argument("--lr-noise", type=float, nargs="+", default=None, metavar="pct, pct", help="noise on/off percentages")
group.add_argument("--lr-noise-pct", type=float, default=0.67, metavar="PERCENT", help="noise limit percent")
group.add_argument("--lr-cycle-mul", type=float, default=1.0, metavar="MULT", help="cycle len multiplier")
group.add_argument("--warmup-lr", type=float, default=1e-5, metavar="LR", help="warmup learning rate (default: 1e-5)")
group.add_argument("--min-lr", type=float, default=0, metavar="LR", help="lower lr bound for cyclic schedulers")
group.add_argument("--epochs", type=int, default=300, metavar="N", help="number of epochs to train (default: 300)")
group.add_argument("--start-epoch", default=None, type=int, metavar="N", help="manual epoch number")
group.add_argument("--decay-epochs", type=float, default=90, metavar="N", help="epoch interval to decay LR")
group.add_argument("--warmup-epochs", type=int, default=5, metavar="N", help="epochs to warmup LR")
group.add_argument("--cooldown-epochs", type=int, default=0, metavar="N", help="epochs to cooldown LR at min_lr")
group.add_argument("--patience-epochs", type=int, default=10, metavar="N", help="patience epochs for Plateau scheduler")
group.add_argument("--decay-rate", "--dr", type=float, default=0.1, metavar="RATE", help="LR decay rate (default: 0.1)")

group = parser.add_argument_group("Augmentation and regularization parameters")
group.add_argument("--no-aug", action="store_true", default=False, help="Disable all training augmentation")
group.add_argument("--scale", type=float, nargs="+", default=[0.08, 1.0], metavar="PCT", help="Random resize scale")
group.add_argument("--hflip", type=float, default=0.5, help="Horizontal flip training aug probability")
group.add_argument("--color-jitter", type=float, default=0.4, metavar="PCT", help="Color jitter factor (default: 0.4)")
group.add_argument("--aa", type=str, default=None, metavar="NAME", help='Use AutoAugment policy. "v0" or "original".')
group.add_argument("--jsd-loss", action="store_true", default=False, help="Enable Jensen-Shannon Divergence + CE loss")
group.add_argument("--bce-target-thresh", type=float, default=None, help="Threshold for binarizing softened BCE targets")
group.add_argument("--reprob", type=float, default=0.0, metavar="PCT", help="Random erase prob (default: 0.)")
group.add_argument("--remode", type=str, default="pixel", help='Random erase mode (default: "pixel")')
group.add_argument("--recount", type=int, default=1, help="Random erase count (default: 1)")
group.add_argument("--mixup", type=float, default=0.0, help="mixup alpha, mixup enabled if > 0. (default: 0.)")
group.add_argument("--cutmix", type=float, default=0.0, help="cutmix alpha, cutmix enabled if > 0. (default: 0.)")
group.add_argument("--mixup-prob", type=float, default=1.0, help="Probability of performing mixup or cutmix")
group.add_argument("--mixup-off-epoch", default=0, type=int, metavar="N", help="Turn off mixup after this epoch")
group.add_argument("--smoothing", type=float, default=0.1, help="Label smoothing (default: 0.1)")
group.add_argument("--train-interpolation", type=str, default="random", help="Training interpolation")
group.add_argument("--drop", type=float, default=0.0, metavar="PCT", help="Dropout rate (default: 0.)")
group.add_argument("--drop-path", type=float, default=None, metavar="PCT", help="Drop path rate (default: None)")

group = parser.add_argument_group("Batch norm parameters")
group.add_argument("--bn-momentum", type=float, default=None, help="BatchNorm momentum override (if not None)")
group.add_argument("--sync-bn", action="store_true", help="Enable NVIDIA Apex or Torch synchronized BatchNorm.")

group = parser.add_argument_group("Model exponential moving average parameters")
group.add_argument("--model-ema", action="store_true", default=False, help="Enable tracking moving average of weights.")
group.add_argument("--model-ema-decay", type=float, default=0.9998, help="Decay factor for moving average of weights")

group = parser.add_argument_group("Miscellaneous parameters")
group.add_argument("--seed", type=int, default=42, metavar="S", help="random seed (default: 42)")
group.add_argument("--log-interval", type=int, default=50, metavar="N", help="how many batches to wait before logging")
group.add_argument("--checkpoint-hist", type=int, default=10, metavar="N", help="number of checkpoints to keep")
group.add_argument("-j", "--workers", type=int, default=4, metavar="N", help="how many training processes to use")
group.add_argument("--save-images", action="store_true", default=False, help="save images of input batches")
group.add_argument("--pin-mem", action="store_true", default=False, help="Pin CPU memory in DataLoader")
group.add_argument("--output", default="", type=str, metavar="PATH", help="path to output folder")
group.add_argument("--experiment", default="", type=str, metavar="NAME", help="name of train experiment")
group.add_argument("--eval-metric", default="top1", type=str, metavar="EVAL_METRIC", help='Best metric (default: "top1")')
group.add_argument("--tta", type=int, default=0, metavar="N", help="Test/inference time augmentation factor")
group.add_argument("--log-wandb", action="store_true", default=False, help="log training and validation metrics to wandb")


def _parse_args():
    args_config, remaining = config_parser.parse_known_args()
    args = parser.parse_args(remaining)
    return args, args_config


def main():
    args, _ = _parse_args()
    Path("TRAINED").touch()
    for epoch in range(args.epochs):
        _logger.info(f"Train: {epoch} [{0:>4d}/{1}] Loss: {1.0:#.3g} LR: {args.lr:.3e}")
        validate(args)


def validate(args, log_suffix=""):
    losses, top1 = 0.5, 70.0
    _logger.info(f"Test{log_suffix}: [{0:>4d}/{1}]  Loss: {losses:>7.3f}  Acc@1: {top1:>7.3f}")


if __name__ == "__main__":
    main()
