from danlu.drafts.script import Script


def written(tmp_path, **files):
    for name, text in files.items():
        path = tmp_path / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Script(tmp_path / "train.py")


def reached(script):
    return {getattr(scope.node, "name", scope.module.path.stem) for scope in script.scopes}


def test_what_the_script_calls_is_reached_in_all_its_modules(tmp_path):
    script = written(
        tmp_path,
        train="from parts import build\nimport sub.more as m\n\nif __name__ == '__main__':\n    build()\n    m.go()\n",
        parts="def build():\n    return helper()\ndef helper(): ...\ndef used(): ...\ndef unused(): ...\n",
        sub__more="from ..parts import used as go\n",
    )
    assert reached(script) >= {"build", "helper", "used"}
    assert "unused" not in reached(script)


def test_another_program_in_an_imported_file_is_not_reached(tmp_path):
    script = written(
        tmp_path,
        train="import tool\ntool.shared()\n",
        tool="def shared(): ...\ndef main(): ...\nif __name__ == '__main__':\n    main()\n",
    )
    assert reached(script) == {"train", "tool", "shared"}


def test_modules_that_import_each_other_are_read_once(tmp_path):
    script = written(tmp_path, train="import a\nX = a.Y\n", a="import b\nY = 1\n", b="from a import Y\nZ = Y\n")
    assert reached(script) == {"train", "a", "b"}


def test_constants_come_from_other_modules(tmp_path):
    script = written(
        tmp_path, train="from config import LR, Net\n", config="LR = 1e-3 * 2\nclass Net:\n    width = 64\n"
    )
    names = script.names(script.main)
    assert names["LR"] == 2e-3


def test_a_broken_module_beside_the_script_is_passed_over(tmp_path):
    script = written(tmp_path, train="import broken\n", broken="def (:\n")
    assert reached(script) == {"train"}
