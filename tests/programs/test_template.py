import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danlu.errors import StudyError
from danlu.programs.template import read_document

yaml = pytest.importorskip("yaml")

YAML = """\
# a config
defaults: &base {name: x}
optimizer:
  name: "sgd"   # or adam
  lr: 1e-3      # the rate
  betas: [0.9, 0.999]
layers:
  - width: 16
    act: relu
  - width: 32
    act: 'it''s'
text: |
  lr: not this one
trainer:
    amp: false
    note: a # b
    empty:
    url: http://x/y
"""


def document(tmp_path, name, text, values=None):
    (tmp_path / name).write_text(text)
    return read_document(tmp_path / name, values or {}, {"folder": "/trial"})


def test_keys_of_yaml_get_values_and_all_else_stays(tmp_path):
    written = document(tmp_path, "c.yaml", YAML).write(
        {"optimizer.lr": 1e-05, "optimizer.name": "adam", "layers.1.width": 64, "trainer.amp": True}
    )
    expected = yaml.safe_load(YAML)
    expected["optimizer"] |= {"lr": 1e-05, "name": "adam"}
    expected["layers"][1]["width"] = 64
    expected["trainer"]["amp"] = True
    assert yaml.safe_load(written) == expected
    assert "# a config" in written
    assert "# the rate" in written


def test_the_values_of_yaml_are_known_by_their_paths(tmp_path):
    values = document(tmp_path, "c.yaml", YAML).values
    assert values["optimizer.lr"] == "1e-3"
    assert values["optimizer.name"] == "sgd"
    assert values["layers.0.act"] == "relu"
    assert values["trainer.note"] == "a"
    assert values["trainer.url"] == "http://x/y"
    assert not any("not this" in str(value) for value in values.values())


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda s: s not in ("y", "n", "no", "on", "yes", "off")
)
SCALARS = st.one_of(
    st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False, allow_infinity=False),
    st.from_regex(r"[a-z][a-z ]{0,8}[a-z]", fullmatch=True),
)  # fmt: skip
TREES = st.dictionaries(
    NAMES,
    st.recursive(SCALARS, lambda inner: st.dictionaries(NAMES, inner, min_size=1, max_size=3)),
    min_size=1,
    max_size=4,
)


def leaves(tree, path=""):
    if not isinstance(tree, dict):
        return {path: tree}
    return {p: v for k, m in tree.items() for p, v in leaves(m, f"{path}.{k}" if path else k).items()}


@given(TREES, st.data())
def test_every_key_of_a_yaml_file_can_be_set(tmp_path_factory, tree, data):
    folder = tmp_path_factory.mktemp("yaml")
    read = document(folder, "c.yaml", yaml.safe_dump(tree, width=1000))
    paths = leaves(tree)
    assert set(read.values) == set(paths)
    path, value = data.draw(st.sampled_from(sorted(paths))), data.draw(SCALARS)
    assert leaves(yaml.safe_load(read.write({path: value}))) == {**paths, path: value}


def test_keys_of_toml_and_json_get_values(tmp_path):
    toml = document(tmp_path, "c.toml", "lr = 0.1\n[model]\nwidth = 3\n").write({"model.width": 5})
    assert tomllib.loads(toml) == {"lr": 0.1, "model": {"width": 5}}
    text = document(tmp_path, "c.json", '{"a": [{"lr": 1}], "b": null}').write({"a.0.lr": 0.5})
    assert json.loads(text) == {"a": [{"lr": 0.5}], "b": None}


@pytest.mark.parametrize("name", ["c.yaml", "c.txt", "c.sh"])
def test_placeholders_are_filled_in_any_file(tmp_path, name):
    read = document(tmp_path, name, "lr: {lr}\nout: {folder}\nkeep: {epoch} {{lr}}\n", {"lr": 0.5})
    assert read.write({}) == "lr: 0.5\nout: /trial\nkeep: {epoch} {lr}\n"


def test_a_placeholder_may_make_json_of_what_is_none(tmp_path):
    read = document(tmp_path, "c.json", '{"lr": {lr}, "amp": {amp}}', {"lr": 1e-05, "amp": True})
    assert json.loads(read.write({})) == {"lr": 1e-05, "amp": True}


def test_a_number_in_yaml_is_read_as_a_number_by_everybody(tmp_path):
    read = document(tmp_path, "c.yaml", "lr: {lr}\n", {"lr": 1e-05})
    assert yaml.safe_load(read.write({})) == {"lr": 1e-05}


def test_a_key_is_meant_by_its_path_or_by_its_end(tmp_path):
    read = document(tmp_path, "c.yaml", "optimizer:\n  lr: 1\nmodel:\n  width: 2\nhead:\n  width: 3\n")
    assert read.key(["optimizer.lr"]) == "optimizer.lr"
    assert read.key(["lr"]) == "optimizer.lr"
    assert read.key(["depth"]) is None
    with pytest.raises(StudyError, match=r"'width' could be 'model.width' or 'head.width'"):
        read.key(["width"])


@pytest.mark.parametrize(("name", "text"), [("c.json", "{lr"), ("c.toml", "lr = = 1")])
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path, name, text):
    with pytest.raises(StudyError, match=name):
        document(tmp_path, name, text)
