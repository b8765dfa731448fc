// The golden rows of a release, asked of any ONNX Runtime for JavaScript.
//
// Belongs here: what Node.js and the browser share: reading golden.json, its rows as tensors, and
// the comparison with what is expected. Does not belong here: where the files come from
// (node_check.mjs, browser_check.mjs).

const MISSING = { BYTES: "", FP64: NaN };
const ELEMENTS = {
  BYTES: ["string", (data) => data],
  FP64: ["float64", (data) => Float64Array.from(data)],
  INT64: ["int64", (data) => BigInt64Array.from(data, BigInt)],
  BOOL: ["bool", (data) => Uint8Array.from(data, Number)],
};

// JSON.parse reads every number as a double; integers that one does not hold become strings here.
export function parseGolden(text) {
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  return JSON.parse(text.replace(tokens, (token) => (/^-?\d{16,}$/.test(token) ? `"${token}"` : token)));
}

export function toTensors(ort, request) {
  const tensors = {};
  for (const { name, datatype, shape, data } of request.inputs) {
    const [type, toArray] = ELEMENTS[datatype];
    const values = data.map((value) => (value === null ? MISSING[datatype] : value));
    tensors[name] = new ort.Tensor(type, toArray(values), shape);
  }
  return tensors;
}

// The findings of all expected outputs, none where the answers agree.
export function compare(answers, { outputs, tolerances }) {
  return outputs.flatMap((expected) => {
    const given = answers[expected.name];
    if (!given) return [`output ${expected.name}: is missing`];
    if (given.dims.join() !== expected.shape.join())
      return [`output ${expected.name}: has shape [${given.dims}], where [${expected.shape}] is expected`];
    const differs = expected.datatype === "FP32" ? beyond(tolerances[expected.name]) : another;
    const wrong = expected.data.filter((value, i) => differs(given.data[i], value)).length;
    return wrong ? [`output ${expected.name}: ${wrong} of ${expected.data.length} values are not as expected`] : [];
  });
}

const another = (given, expected) => String(given) !== String(expected);

const beyond = ({ absolute, relative }) => (given, expected) =>
  !(Math.abs(given - expected) <= absolute + relative * Math.abs(expected));

// What one model answers to the golden rows, and whether that is what is expected of it.
export async function check(ort, model, golden, file, options) {
  const session = await ort.InferenceSession.create(model, options);
  const answers = await session.run(toTensors(ort, golden.request));
  const findings = compare(answers, golden.responses[file]);
  return { agrees: findings.length === 0, findings, answers: plain(answers) };
}

function plain(answers) {
  const values = ([name, tensor]) => [name, { shape: [...tensor.dims], data: Array.from(tensor.data, number) }];
  return Object.fromEntries(Object.entries(answers).map(values));
}

const number = (value) => (typeof value === "bigint" ? Number(value) : value);
