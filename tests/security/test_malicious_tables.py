"""Score tables with a program in their metadata."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alpa.evaluation.scores import KEY_TYPES, METADATA_KEY, read_scores
from tests.evaluation.conftest import score_frame
from tests.security.evil import refusal


@pytest.mark.parametrize("where", ["pandas", "extension", "own", "whole"])
def test_a_score_table_brings_no_program(where: str, tmp_path: Path, pickled: bytes, ran: Path) -> None:
    """What stands in its metadata is of no account: such a table is refused, or read as if nothing stood there."""
    path = tmp_path / "toy/alpa.parquet"
    path.parent.mkdir()
    info = {"benchmark": "toy", "dataset": "d", "protocol": "p", "detector": "alpa", "primary_score": "latent"}
    extension = {"ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickled}
    fields = [pa.field(name, kind, metadata=extension if where == "extension" else None) for name, kind in
              (KEY_TYPES | {"latent": pa.float32()}).items()]  # fmt: skip
    metadata = {METADATA_KEY: json.dumps(info).encode()} | ({b"pandas": pickled} if where == "pandas" else {})
    metadata |= {METADATA_KEY: pickled} if where == "own" else {}
    frame = score_frame(scores=("latent",))
    pq.write_table(
        pa.Table.from_pandas(frame, pa.schema(fields), preserve_index=False).replace_schema_metadata(metadata), path
    )
    if where == "whole":
        path.write_bytes(pickled)
    if where in ("own", "whole"):
        assert str(path) in refusal(lambda: read_scores(path), ran)
    else:
        assert list(read_scores(path).frame["latent"]) == list(
            frame.sort_values(["target_class", "seed", "sample"])["latent"]
        )
        assert not ran.exists()
