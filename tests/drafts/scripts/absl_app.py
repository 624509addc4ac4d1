"""Flags of absl."""

from pathlib import Path

from absl import app, flags, logging

FLAGS = flags.FLAGS
flags.DEFINE_float("learning_rate", 1e-3, "Learning rate of Adam.", lower_bound=0.0)
flags.DEFINE_integer("hidden_units", 64, "Units of a hidden layer.")
flags.DEFINE_enum("schedule", "cosine", ["constant", "cosine", "linear"], "Schedule of the learning rate.")
flags.DEFINE_boolean("use_batch_norm", False, "Whether to normalise batches.")
flags.DEFINE_string("workdir", None, "Where to store model data.")


def main(argv):
    Path("TRAINED").touch()
    logging.info("train epoch %d, eval_accuracy: %.4f", 1, 0.5)


if __name__ == "__main__":
    app.run(main)
