import numpy as np

from danlu.pictures.style import DARK, LIGHT, MARKS, Style, mark_scales


def contrast(one, other):
    """The ratio of two colours' luminances, by the Web Content Accessibility Guidelines 2.2."""

    def luminance(code):
        parts = [int(code[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_can_be_read_on_both_papers():
    for style in (LIGHT, DARK):
        assert contrast(style.ink, style.paper) > 7
        assert contrast(style.faint, style.paper) > 4.5
        assert min(contrast(style.colour(name), style.paper) for name in ("dot", "accent", "wrong")) > 3


def test_letters_can_be_read_on_every_colour_of_the_ramp():
    for style in (LIGHT, DARK):
        for share in np.linspace(0, 1, 21):
            ground = "#" + bytes(style.ramp(np.array(share)).tolist()).hex()
            assert contrast(style.ink_on(share), ground) > 4


def test_what_is_good_stands_out_from_the_paper():
    best, worst = ("#" + bytes(LIGHT.ramp(np.array(share)).tolist()).hex() for share in (0.0, 1.0))
    assert contrast(best, LIGHT.paper) > contrast(worst, LIGHT.paper)
    best, worst = ("#" + bytes(DARK.ramp(np.array(share)).tolist()).hex() for share in (0.0, 1.0))
    assert contrast(best, DARK.paper) > contrast(worst, DARK.paper)


def test_a_ramp_has_the_shape_of_its_shares():
    assert LIGHT.ramp(np.zeros((3, 2))).shape == (3, 2, 3)
    assert LIGHT.ramp_codes() == DARK.ramp_codes()[::-1]


def test_long_texts_are_broken_into_lines_that_fit():
    text = "mean over the other 4 hyperparameters, as a Gaussian process believes; faded where it knows little"
    lines = Style(width=400).wrap([text, "short"])
    assert " ".join(lines) == text + " short"
    assert lines[-1] == "short"
    assert max(len(line) * Style(width=400).letter for line in lines) < 400


def test_a_name_that_is_no_colour_of_ours_is_a_colour_itself():
    assert LIGHT.colour("accent") == LIGHT.accent
    assert LIGHT.colour("transparent") == "transparent"


def test_kinds_of_marks_share_one_legend():
    scales = mark_scales(("trial", "best"), LIGHT)
    domains = [scales[name].to_dict()["scale"]["domain"] for name in ("shape", "fill", "stroke", "size")]
    assert domains == [["trial", "best"]] * 4


def test_every_kind_differs_from_all_others_by_more_than_its_colour():
    looks = [(mark.shape, mark.fill == "transparent", mark.size) for mark in MARKS.values()]
    assert len(set(looks)) == len(looks)
