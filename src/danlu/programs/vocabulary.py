"""Vocabulary: the words by which metrics are told from all else that a program prints with a number."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SECTIONS = _words("train training val valid validation validating test testing eval evaluation evaluating dev holdout")
HELD_OUT = SECTIONS - {"train", "training"}
_METRICS = _words("""
    loss losses acc accuracy err error ppl perplexity auc auroc auprc roc ap map mar f1 fbeta bleu chrf rouge meteor
    cider mse rmse mae mape smape msle rmsle logloss nll bce ce xent crossentropy entropy kl elbo iou miou dice jaccard
    precision recall specificity sensitivity mcc kappa r2 score reward rewards rew return returns fid psnr ssim lpips
    wer cer bpb bpc bpd top1 top5 top prec corr correlation pearson spearman ndcg mrr hits success fitness objective
    cost regret metric l1 l2 em snr sdr nmi ari brier ece
    """)
_ADJECTIVES = _words("avg average mean median best final total running macro micro weighted overall epoch")
# the last word of what is no metric, whatever the others are
_OTHERS = _words("""
    time times eta etc elapsed duration sec secs second seconds ms us min mins minute minutes hour hours day days lr wd
    decay momentum mem memory gpu gpus cpu cpus ram size sizes param params parameters seed port pid rank worker workers
    num number version samples sample examples count counts image images instances batches tokens token epochs
    steps iters iterations data ips fps throughput speed wall clock remaining id node nodes device devices threads job
    weight weights fn function type scale scaler smoothing name coef coefficient factor threshold thresh patience limit
    s dur runtime batch progress cuda every interval freq frequency start end line lines code status mb gb kb flops macs
    ratio beta gamma alpha
    """)
# metrics only where something else says so: two dots or another word of theirs
_WEAK = _words("error err top return returns map em hits cost ap ari rew l1 l2 cer fitness objective")
_DIGITS = re.compile(r"\d+$")


def means_metric(name: str) -> bool:
    """Whether a normalised name is that of a metric, like `val_loss` or `map50`; `loss_weight` and `lr` are none."""
    words = name.split("_")
    if means_other(name) or not any(is_metric_word(word) for word in words):
        return False
    return words[-1] != "error" or bool(set(words[:-1]) & (SECTIONS | _ADJECTIVES | _METRICS)) or len(words) == 1


def means_other(name: str) -> bool:
    """Whether a normalised name is surely not that of a metric."""
    words = name.split("_")
    return words[-1] in _OTHERS or bool({"time", "target"} & set(words)) or words[-2:] == ["learning", "rate"]


def is_metric_word(word: str) -> bool:
    """Whether one word of a normalised name stands for a metric."""
    return word in _METRICS or _DIGITS.sub("", word) in _METRICS


def metric_at_end(name: str) -> str:
    """The end of a normalised name that is that of a metric without doubt; empty where there is none.

    `the_train_loss` -> `train_loss`; `port`, `from` and a bare `error` -> nothing: for names that only a space parts
    from a number.
    """
    words = re.sub(r"_(?:is|was|of)$", "", name).split("_")
    first = len(words)
    while first and (is_metric_word(words[first - 1]) or words[first - 1] in SECTIONS | _ADJECTIVES | {"1", "5"}):
        first -= 1
    known = words[first:]
    if not any(is_metric_word(word) for word in known) or set(known) <= _WEAK | {"1", "5"}:
        return ""
    return "_".join(known)
