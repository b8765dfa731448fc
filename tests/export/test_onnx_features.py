"""Computed columns in the ONNX form: the encoder's numbers, whatever is declared and asked."""

import warnings
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from pydantic import TypeAdapter
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from mlops_assets.answers import from_outputs
from mlops_assets.column_declaration import CALENDAR_PARTS, Column, Feature
from mlops_assets.export.graph_builder import GraphBuilder
from mlops_assets.export.onnx_encoding import add_encoding
from mlops_assets.export.onnx_features import add_feature
from mlops_assets.export.onnx_graph import ELEMENT_TYPES, to_onnx
from mlops_assets.export.parity import compare
from mlops_assets.export.tensors import tensor_type, to_tensors
from mlops_assets.serving.predictor import Predictor, open_session
from mlops_assets.target_declaration import Target
from mlops_assets.training.calibration import BinaryModel
from mlops_assets.training.encoding import Form, RowEncoder

COLUMNS = {
    "seen": Column(type="timestamp"),
    "height": Column(type="number", nullable=True),
    "width": Column(type="number", nullable=True),
    "identifier": Column(type="integer"),
    "age": Column(type="integer", nullable=True),
    "city": Column(type="string", nullable=True),
    "street": Column(type="string", nullable=True),
    "code": Column(type="integer", categorical=True),
    "nullable_code": Column(type="integer", categorical=True, nullable=True),
    "consent": Column(type="boolean", nullable=True),
}
NUMBERS = ("height", "width", "identifier", "age")
CATEGORIES = ("city", "street", "code", "nullable_code")
NULLABLE = tuple(name for name, column in COLUMNS.items() if column.nullable)
PARTS = (*CALENDAR_PARTS, "year", "quarter", "month", "day_of_month", "hour", "weekend")
EDGES = (-1.5, 0.0, 1.0, 1e9)
DAY = 86_400_000_000
LEAP_DAY = 951_782_400_000_000  # 2000-02-29

parse_features = TypeAdapter(dict[str, Feature]).validate_python

times = st.sampled_from([0, -1, -DAY, -DAY - 1, LEAP_DAY, LEAP_DAY + DAY - 1, LEAP_DAY + DAY])
times |= st.integers(-(2**56), 2**56)
plain_numbers = st.sampled_from([*EDGES, *np.nextafter(EDGES, -np.inf).tolist(), -0.0, 3.0])
plain_numbers |= st.floats(-1e6, 1e6) | st.just(np.nan)
hostile_numbers = plain_numbers | st.sampled_from([np.inf, -np.inf, 3e38, -3e38, 1e-300, 5e-324])
integers = st.integers(-10, 10) | st.sampled_from([2**60 + 2**36 + 1, -(2**62), 2**53 + 1])
plain_words = st.sampled_from(["", "a", "b", "ä"]) | st.none()
words = plain_words | st.sampled_from(["unseen", "B"])
codes = st.sampled_from([-1, 0, 3, 2**60])


def row_strategy(hostile: bool) -> st.SearchStrategy[tuple[Any, ...]]:
    numbers, texts = (hostile_numbers, words) if hostile else (plain_numbers, plain_words)
    more = st.sampled_from([9]) if hostile else st.nothing()
    nullable_codes = st.none() | st.integers(-1, 2) | more
    consent = st.none() | st.booleans()
    age = st.none() | integers
    return st.tuples(
        times, numbers, numbers, integers, age, texts, texts, codes | more, nullable_codes, consent
    )


def frame(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    dtypes: list[Any] = ["int64", "float64", "float64", "int64", "Int64", "str", "str"]
    dtypes += ["int64", "Int64", "boolean"]
    columns = {
        name: pd.array([row[i] for row in rows], dtype=dtypes[i]) for i, name in enumerate(COLUMNS)
    }
    columns["seen"] = pd.Series(columns["seen"]).astype("datetime64[us]")
    return pd.DataFrame(columns)


def one_of(function: str, /, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    drawn = {name: st.sampled_from(choices) for name, choices in fields.items()}
    return st.fixed_dictionaries(
        {"function": st.just(function), "replaces": st.booleans(), **drawn}
    )


exact = (
    one_of("date_part", column=["seen"], part=PARTS)
    | one_of("ratio", numerator=NUMBERS, denominator=NUMBERS)
    | one_of("bins", column=NUMBERS, edges=[EDGES, (0.0,), (-(2.0**62), 3.0, 2.0**60)])
    | one_of("rare_categories", column=CATEGORIES, min_rows=[1, 2, 5])
    | one_of("crossing", first=CATEGORIES, second=CATEGORIES, min_rows=[1, 2, 5])
    | one_of("missing", column=NULLABLE)
)


def encoded_by_onnx(encoder: RowEncoder, rows: pd.DataFrame) -> NDArray[np.float32]:
    graph = GraphBuilder()
    add_encoding(graph, encoder, "encoded")
    inputs = [
        helper.make_tensor_value_info(name, ELEMENT_TYPES[tensor_type(column)], ["n", 1])
        for name, column in encoder.columns.items()
    ]
    output = helper.make_tensor_value_info("encoded", onnx.TensorProto.FLOAT, ["n", None])
    session = open_session(graph.build(inputs, [output], "").SerializeToString())
    encoded: NDArray[np.float32] = session.run(["encoded"], to_tensors(rows, encoder.columns))[0]
    return encoded


@settings(max_examples=50)
@given(
    st.lists(exact, min_size=1, max_size=6),
    st.lists(row_strategy(hostile=False), min_size=1, max_size=12),
    st.lists(row_strategy(hostile=True), min_size=1, max_size=12),
    st.sampled_from(["tree", "dense"]),
)
def test_computed_columns_are_the_same_to_the_last_bit(
    declared: list[dict[str, Any]], fitted: list[Any], asked: list[Any], form: Form
) -> None:
    features = parse_features({f"feature {i}": one for i, one in enumerate(declared)})
    encoder = RowEncoder(COLUMNS, form, features).fit(frame(fitted))
    for rows in (frame(fitted), frame(asked)):
        with np.errstate(over="ignore"):
            expected = encoder.transform(rows)
        # But for the sign of a zero, which no estimator sees.
        np.testing.assert_array_equal(encoded_by_onnx(encoder, rows), expected)


@settings(max_examples=30)
@given(
    st.sampled_from(NUMBERS),
    st.lists(row_strategy(hostile=True), min_size=1, max_size=40),
)
def test_a_logarithm_is_the_same_but_for_the_last_bit(column: str, rows: list[Any]) -> None:
    features = parse_features({"size": {"function": "log", "column": column}})
    asked = frame(rows)
    encoder = RowEncoder(COLUMNS, "tree", features).fit(hostile_rows(50, 0))
    expected = encoder.transform(asked)[:, -1]
    np.testing.assert_array_max_ulp(encoded_by_onnx(encoder, asked)[:, -1], expected, maxulp=1)


def test_a_logarithm_does_not_depend_on_the_rows_beside_it() -> None:
    graph, whole = GraphBuilder(), np.random.default_rng(0).lognormal(0.0, 20.0, 4099)[:, None]
    feature = parse_features({"one": {"function": "log", "column": "height"}})["one"]
    name, kind = add_feature(graph, feature, COLUMNS)  # type: ignore[arg-type]
    assert kind == "double"
    double = onnx.TensorProto.DOUBLE
    ends = [helper.make_tensor_value_info(n, double, ["n", 1]) for n in ("height", name)]
    session = open_session(graph.build(ends[:1], ends[1:], "").SerializeToString())
    together = session.run([name], {"height": whole})[0]
    for size in (1, 3, 17):
        parts = [
            session.run([name], {"height": whole[i : i + size]})[0] for i in range(0, 400, size)
        ]
        np.testing.assert_array_equal(np.concatenate(parts)[:400], together[:400])


SEVEN = parse_features(
    {
        "month": {"function": "date_part", "column": "seen", "part": "month"},
        "weekend": {"function": "date_part", "column": "seen", "part": "weekend"},
        "shape": {"function": "ratio", "numerator": "height", "denominator": "width"},
        "size": {"function": "log", "column": "width", "replaces": True},
        "range": {"function": "bins", "column": "height", "edges": EDGES},
        "place": {
            "function": "rare_categories", "column": "city", "min_rows": 40, "replaces": True,
        },
        "where": {"function": "crossing", "first": "city", "second": "code", "min_rows": 40},
        "no street": {"function": "missing", "column": "street"},
        "no age": {"function": "missing", "column": "age"},
    }
)  # fmt: skip


def hostile_rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)

    def missing(values: Any, dtype: Any) -> pd.Series:
        column: pd.Series = pd.Series(values).astype(dtype)
        return column.mask(rng.random(count) < 0.15)

    seen = rng.integers(-(10**16), 10**16, count)
    seen[:5] = [-1, -DAY, LEAP_DAY, LEAP_DAY + DAY, 0]
    height = rng.choice([*EDGES, *np.nextafter(EDGES, -np.inf), 7.5, -40.0], count)
    identifiers = rng.integers(-(2**62), 2**62, count)
    cities = ["Oslo", "Metz", "", "Ghent", *([f"village {seed}"] * 2)]
    return pd.DataFrame(
        {
            "seen": pd.Series(seen).astype("datetime64[us]"),
            "height": missing(height, "float64"),
            "width": missing(
                rng.choice([0.0, 1e-300, 3e38, -1.0, 2.0, 5.0, 1e5], count), "float64"
            ),
            "identifier": identifiers,
            "age": missing(rng.integers(0, 99, count), "Int64"),
            "city": missing(rng.choice(cities, count), "str"),
            "street": missing(rng.choice(["", "High Street", "Canal"], count), "str"),
            "code": rng.choice([-1, 0, 3, 2**60, 10 + seed], count),
            "nullable_code": missing(rng.integers(0, 3, count), "Int64"),
            "consent": missing(rng.random(count) < 0.5, "boolean"),
        }
    )


def labels_of(rows: pd.DataFrame) -> NDArray[np.int64]:
    crossed = (rows["city"] == "Oslo").fillna(False) & (rows["code"] == 3)
    summer = rows["seen"].dt.month.isin([6, 7, 8])
    chance = 0.1 + 0.4 * summer + 0.4 * crossed + 0.1 * rows["street"].isna()
    labels: NDArray[np.int64] = np.random.default_rng(1).random(len(rows)) < chance
    return labels.astype(np.int64)


def model_of_all_functions(form: Form, estimator: Any, rows: pd.DataFrame) -> BinaryModel:
    labels = labels_of(rows)
    encoder = RowEncoder(COLUMNS, form, SEVEN)
    pipeline = Pipeline([("encode", encoder), ("estimate", estimator)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        pipeline.fit(rows[:2000], labels[:2000])
    return BinaryModel(pipeline).fit(rows[2000:], labels[2000:])


ESTIMATORS: list[tuple[Form, Any]] = [
    ("dense", LogisticRegression(max_iter=300)),
    ("dense", MLPClassifier((32,), max_iter=12, random_state=0)),
    ("tree", RandomForestClassifier(30, min_samples_leaf=5, random_state=0, n_jobs=1)),
    ("tree", HistGradientBoostingClassifier(max_iter=40, random_state=0)),
]


@pytest.mark.parametrize(("form", "estimator"), ESTIMATORS)
def test_a_model_of_all_functions_answers_alike(form: Form, estimator: Any) -> None:
    rows = hostile_rows(3000, 0)
    model = model_of_all_functions(form, estimator, rows)
    serialized = to_onnx(model, Target(column="y"))
    predictor = Predictor(serialized)
    assert list(predictor.signature) == list(COLUMNS), "replaced columns are inputs all the same"
    for asked in (rows, hostile_rows(3000, 1)):
        tensors = to_tensors(asked, COLUMNS)
        outputs = predictor.predict(tensors)
        figures = compare("binary", model.answers(asked), from_outputs(outputs), 2e-6)
        assert figures["agrees"], figures
        alone = Predictor(serialized, chunk_rows=7).predict(
            {name: tensor[:70] for name, tensor in tensors.items()}
        )
        np.testing.assert_array_equal(alone["probabilities"], outputs["probabilities"][:70])
