// node node_check.mjs BUNDLE FILE...: whether the release's ONNX files give the golden answers in
// Node.js. Prints a JSON object with the verdict on each file; ends with 1 where one disagrees.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import ort from "onnxruntime-node";
import { check, parseGolden } from "./golden.mjs";

const [bundle, ...files] = process.argv.slice(2);
const golden = parseGolden(await readFile(join(bundle, "golden.json"), "utf8"));
const verdicts = {};
for (const file of files) {
  try {
    verdicts[file] = await check(ort, await readFile(join(bundle, file)), golden, file, { intraOpNumThreads: 1 });
  } catch (problem) {
    verdicts[file] = { agrees: false, findings: [`could not be asked: ${problem.message}`], answers: {} };
  }
}
console.log(JSON.stringify(verdicts));
process.exitCode = files.length > 0 && Object.values(verdicts).every((verdict) => verdict.agrees) ? 0 : 1;
