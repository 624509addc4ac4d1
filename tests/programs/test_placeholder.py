from danlu.programs.placeholder import filled, placeholders


def test_placeholders_are_names_in_braces():
    assert placeholders(["--lr={lr}", "{a.b-c}{lr}", "{ x }", "{0}", "{x:d}", "{{y}}"]) == ["lr", "a.b-c"]


def test_known_ones_are_filled_doubled_ones_are_themselves():
    assert filled("{lr} {x} {{lr}} {{x}}", {"lr": "0.1"}) == "0.1 {x} {lr} {x}"


def test_what_is_filled_in_is_not_read_again():
    assert filled("{a}{b}", {"a": "{b}", "b": "1"}) == "{b}1"
