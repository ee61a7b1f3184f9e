"use strict";
// Runs the engine beside the page, so that the page never waits for it.

/** The engine's status for a picture of a format that it does not decode. */
const OTHER_FORMAT = 2;

let compiled, classifier, engine;
const text = new TextDecoder();

/** Calls the engine: `bytes` are its input, the result is its output. */
function call(name, bytes, ...numbers) {
  if (bytes) {
    const start = engine.input(bytes.length);
    new Uint8Array(engine.memory.buffer, start, bytes.length).set(bytes);
  }
  const status = engine[name](...numbers);
  const output = new Uint8Array(engine.memory.buffer, engine.output(), engine.output_len()).slice();
  // The engine calls what has no path `(in memory)`; here the row of the table names the file.
  const reason = () => text.decode(output).replace(/^\(in memory\) (\(\d+ bytes\): )?/, "");
  if (status) throw Object.assign(new Error(reason()), { status });
  return output;
}

const parsed = bytes => JSON.parse(text.decode(bytes));

/** What `run` gives, and how many milliseconds it took. */
function timed(run) {
  const start = performance.now();
  return [run(), performance.now() - start];
}

async function unpacked(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An engine with the classifier; its self-test runs. */
function instance() {
  engine = new WebAssembly.Instance(compiled, {}).exports;
  return parsed(call("load", classifier));
}

/** Takes the first of the modules that this browser understands. */
async function start({ modules, file }) {
  for (const packed of modules) {
    const module = await unpacked(packed);
    if (!WebAssembly.validate(module)) continue;
    compiled = new WebAssembly.Module(module);
    classifier = await unpacked(file);
    return { about: instance() };
  }
  throw new Error("WebAssembly SIMD");
}

/** The pixels of a picture; what is transparent lies over white, as in the engine. */
let canvas;
function pixels(bitmap) {
  const { width, height } = bitmap;
  canvas ??= new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (canvas.canvas.width !== width || canvas.canvas.height !== height) {
    Object.assign(canvas.canvas, { width, height });
  }
  canvas.fillStyle = "white";
  canvas.fillRect(0, 0, width, height);
  canvas.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { width, height, bytes: canvas.getImageData(0, 0, width, height).data };
}

/** Gives the engine a frame. */
function take(bitmap) {
  const { width, height, bytes } = pixels(bitmap);
  call("frame", bytes, width, height);
}

/** Gives the engine a file. A format that is not among the engine's own is decoded by the browser. */
async function takeFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  try {
    call("decode", bytes);
  } catch (error) {
    const bitmap = error.status === OTHER_FORMAT ? await createImageBitmap(file).catch(() => null) : null;
    if (!bitmap) throw error;
    take(bitmap);
  }
}

/** Asks about a picture: a file, a frame, or the last one again. `wanted` is the class to explain: a number, "best" or null. */
async function ask({ file, frame, wanted }) {
  const start = performance.now();
  if (file) await takeFile(file);
  else if (frame) take(frame);
  const preparation = performance.now() - start;
  const [answer, network] = timed(() => parsed(call("classify")));
  const { probabilities } = answer;
  const best = probabilities.indexOf(Math.max(...probabilities));
  const explained = wanted === "best" ? best : wanted;
  const [overlay, explanation] = timed(() => (explained === null ? null : call("explain", null, explained)));
  return { ...answer, best, explained, overlay, times: { preparation, network, explanation } };
}

/** The numbers of the network for the last picture. */
function embed() {
  return { embedding: new Float32Array(call("embed").buffer) };
}

const JOBS = { start, ask, embed };
let last = Promise.resolve();

onmessage = ({ data: { id, job, ...options } }) => {
  last = last.then(async () => {
    try {
      postMessage({ id, result: await JOBS[job](options) });
    } catch (error) {
      const stopped = error instanceof WebAssembly.RuntimeError;
      postMessage({ id, error: stopped ? `the engine stopped (${error.message})` : error.message });
      // After a trap the memory of an instance means nothing any more.
      if (stopped && compiled) instance();
    }
  });
};
