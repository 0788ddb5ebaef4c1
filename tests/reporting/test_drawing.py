from alpa.reporting.document import Picture
from alpa.reporting.drawing import COLOURS, colours, markers, new_figure, styled, to_picture


def test_a_detector_keeps_its_colour_whoever_else_is_there() -> None:
    assert colours(["alpa"])["alpa"] == colours(["mine", "pca", "alpa"])["alpa"] == COLOURS["alpa"]


def test_detectors_without_a_fixed_colour_get_different_ones_whatever_their_order() -> None:
    assert colours(["b", "a"]) == colours(["a", "b"])
    assert len({colours(["a", "b"])[key] for key in ("a", "b", *COLOURS)}) == 2 + len(COLOURS)
    assert markers(["a", "b"])["a"] != markers(["a", "b"])["b"]


@styled
def _picture(text: str) -> Picture:
    figure = new_figure(100, 80)
    figure.add_subplot().set_title(text)
    return to_picture(figure, "name", 'an "alt" <text>', "caption", kinds=("svg", "png"))


def test_text_in_a_figure_is_escaped_and_stays_text() -> None:
    picture = _picture("<b>&")
    assert "&lt;b&gt;&amp;</text>" in picture.inline
    assert 'aria-label="an &quot;alt&quot; &lt;text>"' in picture.inline


def test_files_hold_no_date_and_no_version() -> None:
    picture = _picture("title")
    assert list(picture.files) == ["name.svg", "name.png"]
    assert b"<dc:date>" not in picture.files["name.svg"]
    assert b"Matplotlib v" not in picture.files["name.svg"]
    assert b"Matplotlib" not in picture.files["name.png"]
