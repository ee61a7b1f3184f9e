// Modules of the engine without a browser: `node module.mjs PROGRAM MODULE.wasm.gz...`. Each must answer as PROGRAM,
// mobilenet-transfer, does.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";

import { Workplace } from "./workplace.mjs";

const [program, ...modules] = process.argv.slice(2);
const text = new TextDecoder();

/** An engine with a classifier. Its functions take bytes and give bytes. */
function engine(module, classifier) {
  const exports = new WebAssembly.Instance(module, {}).exports;
  const call = (name, bytes) => {
    if (bytes) {
      const start = exports.input(bytes.length);
      new Uint8Array(exports.memory.buffer, start, bytes.length).set(bytes);
    }
    const status = exports[name](0);
    const output = Buffer.from(new Uint8Array(exports.memory.buffer, exports.output(), exports.output_len()));
    if (status) throw new Error(text.decode(output));
    return output;
  };
  return { call, about: JSON.parse(call("load", classifier)) };
}

/** The largest difference from the program's probabilities. */
function difference({ call, about }, files, native) {
  const apart = files.flatMap((file, i) => {
    call("decode", readFileSync(file));
    const { probabilities } = JSON.parse(call("classify"));
    return native[i].top.map(({ class: name, probability }) => Math.abs(probabilities[about.classes.indexOf(name)] - probability));
  });
  return Math.max(...apart);
}

const place = new Workplace(program);
try {
  const { boats, clouds } = place.sure();
  const files = [...place.given(), ...boats, ...clouds];
  // Integers are equal; the head's sums may run in another order.
  for (const [classifier, allowed] of [["classifier.safetensors", 1e-4], ["int8.safetensors", 1e-12]]) {
    const bytes = readFileSync(place.at(classifier));
    const native = place.natively(classifier, files);
    for (const path of modules) {
      const module = gunzipSync(readFileSync(path));
      if (!WebAssembly.validate(module)) {
        console.log(`== skipped: ${basename(path)} (this version of Node does not know its instructions)`);
        continue;
      }
      const loaded = engine(new WebAssembly.Module(module), bytes);
      const found = difference(loaded, files, native);
      console.log(`${basename(path)}, ${classifier}: ${files.length} pictures, largest difference of a probability ${found}`);
      assert.ok(found <= allowed, `more than ${allowed}`);
      assert.throws(() => loaded.call("decode", Buffer.from("no picture")), /not a JPEG/);
      assert.throws(() => loaded.call("load", bytes.subarray(0, 1000)), /./);
    }
  }
} finally {
  place.remove();
}
