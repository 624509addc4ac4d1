"""In the style of the examples of Hugging Face's transformers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Optional

from transformers import HfArgumentParser, Trainer, TrainingArguments

task_to_keys = {"cola": ("sentence", None), "mnli": ("premise", "hypothesis")}


@dataclass
class DataTrainingArguments:
    """Arguments pertaining to what data we are going to input our model for training and eval."""

    task_name: Optional[str] = field(  # noqa: UP045
        default=None, metadata={"help": "The name of the task to train on: " + ", ".join(task_to_keys)}
    )
    max_seq_length: int = field(default=128, metadata={"help": "The maximum total input sequence length."})
    pad_to_max_length: bool = field(default=True, metadata={"help": "Whether to pad all samples to `max_seq_length`."})
    max_train_samples: int | None = field(default=None, metadata={"help": "For debugging purposes."})


@dataclass
class ModelArguments:
    model_name_or_path: str = field(metadata={"help": "Path to pretrained model or model identifier"})
    cache_dir: str | None = field(default=None, metadata={"help": "Where to store the pretrained models"})
    classifier_dropout: float = field(default=0.1, metadata={"help": "dropout of the classification head"})
    pooling: Literal["cls", "mean", "max"] = field(default="cls", metadata={"help": "how token vectors are pooled"})


def main():
    parser = HfArgumentParser((ModelArguments, DataTrainingArguments, TrainingArguments))
    _model_args, _data_args, training_args = parser.parse_args_into_dataclasses()
    Path("TRAINED").touch()
    trainer = Trainer(args=training_args)
    trainer.train()
    metrics = trainer.evaluate()
    print(f"eval_loss: {metrics['eval_loss']:.4f}, eval_accuracy: {metrics['eval_accuracy']:.4f}")


if __name__ == "__main__":
    main()
