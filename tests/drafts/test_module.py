import pytest

from danlu.drafts.module import read_module
from danlu.errors import DraftError


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "no file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b"\x00\x01\xff" * 50), "is no Python"),
        (lambda path: path.write_text("def f(:\n"), "is no Python, line 1"),
        (lambda path: path.write_text("x = " + "(" * 5000), "is no Python"),
        (lambda path: path.write_text("x = 'ÿ'", encoding="latin-1"), "is no Python"),
    ],
)
def test_what_is_no_script_is_refused_in_one_message(tmp_path, make, said):
    path = tmp_path / "train.py"
    make(path)
    with pytest.raises(DraftError, match=said):
        read_module(path)


def test_names_are_followed_to_where_they_were_imported_from(tmp_path):
    (tmp_path / "train.py").write_text("import numpy as np\nfrom argparse import ArgumentParser as P\nimport os.path\n")
    module = read_module(tmp_path / "train.py")
    assert module.imports == {"np": ("numpy", ""), "P": ("argparse", "ArgumentParser"), "os.path": ("os.path", "")}


def test_functions_within_conditions_are_definitions_too(tmp_path):
    (tmp_path / "train.py").write_text("try:\n    def f(): ...\nexcept E:\n    class G: ...\nif x:\n    pass\n")
    assert set(read_module(tmp_path / "train.py").definitions) == {"f", "G"}
