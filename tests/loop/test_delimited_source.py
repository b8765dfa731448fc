"""A source of delimited text: the same rows, whatever file they came in."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
import yaml
from small_project import NAME, make_project, run_once, source_file, workspace_of

from resources.artifact_store import ArtifactKey

pytestmark = pytest.mark.loop

BATCH = "2013-01"


def deliver_as_text(root: Path) -> Path:
    """Replace the batch by the same rows as gzipped text with semicolons."""
    path = source_file(root, BATCH)
    text = path.with_suffix(".csv.gz")
    table = pq.read_table(path)
    # A number's text in single precision is that of another number in double precision.
    wide = [pa.float64() if pa.types.is_floating(f.type) else f.type for f in table.schema]
    with gzip.open(text, "wb") as stream:
        options = pa_csv.WriteOptions(delimiter=";", quoting_style="needed")
        schema = pa.schema(list(zip(table.column_names, wide, strict=True)))
        pa_csv.write_csv(table.cast(schema), stream, options)
    path.unlink()
    yaml_path = root / "defs" / NAME / "defs.yaml"
    declared = yaml.safe_load(yaml_path.read_text(encoding="utf-8"))
    declared["attributes"]["source"]["pattern"] = "*.csv.gz"
    yaml_path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    return text


def cleaned_files(root: Path) -> dict[str, str]:
    lineage = workspace_of(root).store.lineage(ArtifactKey("cleaned_dataset", BATCH))
    assert lineage is not None
    return {file.path: file.md5 for file in lineage.files}


def test_text_and_parquet_of_the_same_rows_are_cleaned_into_the_same_bytes(tmp_path: Path) -> None:
    parquet = make_project(tmp_path / "parquet", [BATCH])
    text = make_project(tmp_path / "text", [BATCH])
    delivered = deliver_as_text(text)

    assert [run.success for run in (*run_once(parquet), *run_once(text))] == [True, True]

    same = {"data.parquet", "counts.json", "privacy.json"}
    assert {n: h for n, h in cleaned_files(text).items() if n in same} == {
        n: h for n, h in cleaned_files(parquet).items() if n in same
    }
    raw = workspace_of(text).store.folder(ArtifactKey("raw_copy", BATCH))
    assert (raw / "original.csv.gz").read_bytes() == delivered.read_bytes()
    manifest = workspace_of(text).store.json(ArtifactKey("raw_copy", BATCH), "manifest.json")
    assert manifest["delimited"]["separator"] == ";"
    assert manifest["delimited"]["compression"] == "gzip"


def test_a_broken_line_is_a_clear_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    root = make_project(tmp_path / "text", [BATCH])
    path = deliver_as_text(root)
    lines = gzip.decompress(path.read_bytes()).split(b"\n")
    lines[3] = b"half;a;line"
    path.write_bytes(gzip.compress(b"\n".join(lines)))

    [run] = run_once(root)

    assert not run.success
    assert "2013-01.csv.gz, line 4" in run.message
    assert "Traceback" not in run.message
    assert "half" not in run.message
    assert workspace_of(root).store.lineage(ArtifactKey("raw_copy", BATCH)) is None
