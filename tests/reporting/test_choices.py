from pathlib import Path

from alpa.reporting.choices import choices

SOURCE = '''"""A method.

Deviation: the first
choice. It has two sentences.

Another paragraph.
"""
# Unstated in the paper: the second,
# on two lines.
x = 1  # Deviation: the third.
# A comment that belongs to nothing.


def f():
    """Deviation: the fourth."""
'''


def test_marks_are_read_from_comments_and_docstrings_to_the_end_of_their_paragraph(tmp_path: Path) -> None:
    (tmp_path / "method.py").write_text(SOURCE)
    found = choices([], tmp_path)
    assert found is not None
    assert found.rows == (
        ("method.py", "Deviation", "the first choice. It has two sentences."),
        ("method.py", "Unstated in the paper", "the second, on two lines."),
        ("method.py", "Deviation", "the third."),
        ("method.py", "Deviation", "the fourth."),
    )


def test_a_folder_without_marks_has_no_table(tmp_path: Path) -> None:
    assert choices([], tmp_path) is None


def test_the_detectors_of_this_package_state_their_choices() -> None:
    assert {"alpa.py", "perturbed.py", "ganomaly.py"} <= files_of("alpa", "ganomaly")


def test_only_the_detectors_that_ran_and_what_they_build_on_are_quoted() -> None:
    assert "ganomaly.py" not in files_of("alpa")
    assert "ganomaly.py" in files_of("ganomaly_tuned"), "which inherits from it"
    assert {"autoencoder.py", "networks.py"} <= files_of("alpa")


def files_of(*detectors: str) -> set[str]:
    found = choices(detectors)
    assert found is not None
    return {row[0] for row in found.rows}
