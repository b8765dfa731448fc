// Whether the ONNX files of a release give the golden answers in a browser: checkFiles(BUNDLE, FILES)
// with the address of the bundle's folder, in a page served beside node_modules.

import * as ort from "./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
import { check, parseGolden } from "./golden.mjs";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

export async function checkFiles(bundle, files) {
  const golden = parseGolden(await (await fetch(`${bundle}/golden.json`)).text());
  const verdicts = {};
  for (const file of files) {
    try {
      const model = new Uint8Array(await (await fetch(`${bundle}/${file}`)).arrayBuffer());
      verdicts[file] = await check(ort, model, golden, file, { executionProviders: ["wasm"] });
    } catch (problem) {
      verdicts[file] = { agrees: false, findings: [`could not be asked: ${problem.message}`], answers: {} };
    }
  }
  return verdicts;
}
