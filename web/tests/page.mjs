// The page in Chromium: `node page.mjs PROGRAM CHROMIUM`, where PROGRAM is mobilenet-transfer. With SCREENSHOTS=FOLDER it
// also writes pictures of the page. Golden pictures are taken from SHARED_DIR or ../shared where that is there.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

import { Chromium } from "./chromium.mjs";
import { Workplace } from "./workplace.mjs";

const [program, chromium] = process.argv.slice(2);
const place = new Workplace(program);
const at = (...names) => place.at(...names);
const MB = 1_000_000;
/** What is neither a module nor a classifier, gzipped. */
const gzipped = gzipSync("other").toString("base64");

let browser, page;
const verdict = text => browser.until(`element("verdict").textContent === ${JSON.stringify(text)}`);
const click = id => browser.evaluate(`element("${id}").click()`);
const shown = id => browser.evaluate(`element("${id}").textContent`);
const set = (id, value, event = "input") =>
  browser.evaluate(`{ const one = element("${id}"); one.value = ${JSON.stringify(value)}; one.dispatchEvent(new Event("${event}")); }`);
const ready = () => browser.until(`typeof element === "function" && !element("camera").disabled`);

async function picture(name, whole = true) {
  if (!process.env.SCREENSHOTS) return;
  mkdirSync(process.env.SCREENSHOTS, { recursive: true });
  writeFileSync(join(process.env.SCREENSHOTS, `${name}.png`), await browser.screenshot(whole));
}

/** Nothing was said, and nothing was asked of the network but the page itself. */
function silent(url) {
  assert.deepEqual(browser.said, [], "the console is empty");
  const outside = browser.requests.filter(one => one !== url && !/^(blob|data):/.test(one));
  assert.deepEqual(outside, [], "no request leaves the page");
}

/** Asks the page about files, through its own input. Gives the rows of the table. */
async function ask(files) {
  await click("clear");
  await browser.choose("files", files);
  await browser.until(`results.length === ${files.length} && element("rows").children.length === ${files.length}`, 120);
  return browser.evaluate(`results.map(({ path, probabilities, error }) => ({ path, probabilities, error }))`);
}

/** The strongest value of the explanation that is drawn: 0 where there is none, otherwise 255. */
const strength = `(() => {
  const { width, height } = element("overlay");
  const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(element("overlay"), 0, 0);
  return Math.max(...copy.getImageData(0, 0, width, height).data.filter((_, i) => i % 4 === 3));
})()`;

const TESTS = {
  async "the camera's frames are named in turn, from disk and from a server"() {
    for (const url of [page.file, page.http]) {
      await browser.open(url);
      await ready();
      await click("camera");
      for (const name of ["boat", "cloud", "boat"]) await verdict(name);
      assert.match(await shown("speed"), /ms a picture.*frames a second/);
      await click("camera");
      assert.equal(await shown("verdict"), "–");
      assert.equal(await browser.evaluate("camera.stream"), null, "the camera is released");
      silent(url);
    }
  },

  async "an explanation lies over the picture and follows the controls"() {
    await browser.choose("files", [page.boat]);
    await verdict("boat");
    assert.equal(await browser.evaluate(strength), 0);
    await click("explain");
    await browser.until(`${strength} === 255`);
    assert.match(await shown("explained"), /speaks for boat/);
    const [overlay, still] = await browser.evaluate(
      `["overlay", "still"].map(id => { const { left, top, width, height } = element(id).getBoundingClientRect(); return [left, top, width, height].map(Math.round); })`);
    // The still fills the stage: 4 to 3.
    assert.ok(Math.abs(overlay[2] / overlay[3] - 4 / 3) < 0.02, `${overlay}`);
    assert.ok(Math.abs(overlay[0] + overlay[2] / 2 - still[0] - still[2] / 2) <= 1, `${overlay} in the middle of ${still}`);
    const before = await browser.evaluate(`element("overlay").toDataURL()`);
    await set("class", "1", "change");
    await browser.until(`element("overlay").toDataURL() !== ${JSON.stringify(before)}`);
    assert.match(await shown("explained"), /cloud/);
    await set("opacity", "30");
    assert.equal(await browser.evaluate(`element("overlay").style.opacity`), "0.3");
    await click("explain");
    await browser.until(`${strength} === 0`);
    silent(page.http);
  },

  async "pause, mirror, light, zoom and the choice of a camera"() {
    await browser.evaluate(`MediaStreamTrack.prototype.getCapabilities = () => ({ torch: true, zoom: { min: 1, max: 4, step: 0.5 } });
      MediaStreamTrack.prototype.getSettings = () => ({ facingMode: "user", zoom: 1, deviceId: "x" });
      var asked = []; MediaStreamTrack.prototype.applyConstraints = async wanted => void asked.push(wanted);
      var wantedCameras = []; const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = wanted => { wantedCameras.push(wanted, camera.track?.readyState ?? "none"); return get({ video: true }); };
      navigator.mediaDevices.enumerateDevices = async () => ["Front", "Back of it"].map((label, i) => ({ label, deviceId: "d" + i, kind: "videoinput" })); null`);
    await click("camera");
    await browser.until(`source === "camera" && lastAnswer !== null`);
    assert.deepEqual(await browser.evaluate("wantedCameras[0].video.facingMode"), { ideal: "environment" });
    assert.deepEqual(await browser.evaluate(`[...element("cameras").options].map(one => one.text)`), ["Back of it", "Front"]);
    assert.equal(await browser.evaluate(`element("video").className`), "mirrored", "the front camera's preview");
    await click("mirror");
    assert.equal(await browser.evaluate(`element("video").className`), "");
    await click("torch");
    await set("zoom", "2.5");
    assert.deepEqual(await browser.evaluate("asked"), [{ advanced: [{ torch: true }] }, { advanced: [{ zoom: 2.5 }] }]);
    await set("cameras", "d1", "change");
    await browser.until(`wantedCameras.length === 4 && source === "camera" && !element("camera").disabled`);
    assert.deepEqual(await browser.evaluate("wantedCameras.slice(2)[0].video.deviceId"), { exact: "d1" });
    assert.equal(await browser.evaluate("wantedCameras[3]"), "none", "the old camera stopped before the new one started");
    await browser.evaluate("document.activeElement.blur()");
    await browser.press(" ");
    await browser.until(`paused && element("video").paused`);
    assert.equal(await shown("pause"), "Resume");
    await click("explain");
    await browser.until(`${strength} === 255`);
    await click("explain");
    await click("pause");
    await browser.until(`!paused && !element("video").paused`);
    await browser.press("c");
    await browser.until(`source === null`);
    silent(page.http);
  },

  async "each way in which a camera can fail has its message"() {
    const said = new Set();
    for (const name of ["NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError", "SecurityError", "AbortError", "TypeError"]) {
      await browser.evaluate(`navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "${name}")); null`);
      await click("camera");
      await browser.until(`!element("problem").hidden && !element("camera").disabled`);
      said.add(await shown("problem"));
    }
    assert.equal(said.size, 7, [...said].join("\n"));
    await browser.evaluate(`Object.defineProperty(navigator, "mediaDevices", { value: undefined, configurable: true }); null`);
    await click("camera");
    await browser.until(`/https/.test(element("problem").textContent)`);
    silent(page.http);
    await browser.open(page.http);
    await ready();
    await click("camera");
    await browser.until(`lastAnswer !== null`);
    await browser.evaluate(`camera.track.onended(); null`);
    await browser.until(`/disconnected/.test(element("problem").textContent) && source === null`);
  },

  async "a dropped folder becomes a table that sorts and is saved"() {
    await click("clear");
    await browser.drop([at("some")]);
    await browser.until(`element("progress").textContent === "13 of 13"`);
    const rows = () => browser.evaluate(`[...element("rows").children].map(row => [...row.children].slice(1, 3).map(cell => cell.textContent))`);
    const found = await rows();
    assert.deepEqual(found.map(([file]) => file).slice(0, 2), ["some/boat/boat_00000.jpg", "some/boat/boat_00001.jpg"]);
    const broken = found.filter(([, answer]) => answer.startsWith("Not usable"));
    assert.deepEqual(broken.map(([file]) => file), ["some/broken.jpg"]);
    const right = found.filter(([file, answer]) => file.includes(`/${answer}/`));
    assert.ok(right.length >= 10, JSON.stringify(found));
    await browser.evaluate(`document.querySelector("#columns [data-key=probability]").click()`);
    const shares = (await browser.evaluate(`[...element("rows").children].map(row => row.children[3].textContent)`)).map(text => Number.parseFloat(text) || -1);
    assert.deepEqual(shares, [...shares].sort((a, b) => a - b));
    await browser.evaluate(`document.querySelector("#columns [data-key=file]").click()`);
    await picture("table");
    await browser.downloads(place.folder);
    await click("save-csv");
    await click("save-json");
    for (const name of ["drawn.csv", "drawn.json"]) while (!existsSync(at(name))) await new Promise(done => setTimeout(done, 50));
    await new Promise(done => setTimeout(done, 300));
    const csv = readFileSync(at("drawn.csv"), "utf8").trim().split("\n");
    assert.equal(csv[0], "file,answer,boat,cloud,reason");
    assert.equal(csv.length, 14);
    const json = JSON.parse(readFileSync(at("drawn.json"), "utf8"));
    assert.equal(json.length, 13);
    const first = json.find(({ file }) => file === "some/boat/boat_00000.jpg");
    assert.ok(Math.abs(first.probabilities.boat + first.probabilities.cloud - 1) < 1e-9);
    // A row shows its picture again.
    await browser.evaluate(`element("rows").children[2].querySelector("button").click()`);
    const name = await browser.evaluate(`element("rows").children[2].children[1].textContent`);
    await browser.until(`element("still").alt === ${JSON.stringify(basename(name))}`);
    silent(page.http);
  },

  async "a pasted picture is classified, and a threshold makes it unknown"() {
    await click("clear");
    const bytes = readFileSync(page.cloud).toString("base64");
    await browser.evaluate(`{ const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob("${bytes}"), one => one.charCodeAt(0))], "pasted.jpg", { type: "image/jpeg" }));
      document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data })); }`);
    await verdict("cloud");
    assert.equal(await browser.evaluate("results[0].path"), "pasted.jpg");
    await set("least", "100");
    await verdict("I do not know");
    assert.match(await shown("reason"), /Most probable is cloud/);
    assert.equal(await browser.evaluate(`document.querySelectorAll("#bars b").length`), 2, "marks of the threshold");
    await set("least", "0");
    await verdict("cloud");
    silent(page.http);
  },

  async "a format that the engine does not decode is decoded by the browser"() {
    const rows = await browser.evaluate(`(async () => {
      const bitmap = await createImageBitmap(shownFile);
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.95 });
      const text = new File(["no picture"], "text.webp");
      await useFiles([{ file: new File([blob], "other.webp"), path: "other.webp" }, { file: text, path: "text.webp" }]);
      return results.slice(-2).map(({ answer, error }) => [answer, error]);
    })()`);
    assert.deepEqual(rows[0], ["cloud", null]);
    assert.match(rows[1][1], /not a JPEG, PNG/);
    silent(page.http);
  },

  async "what is unlike the training pictures is not known"() {
    const noise = `(async () => { const canvas = new OffscreenCanvas(300, 200); const context = canvas.getContext("2d");
      for (let i = 0; i < 600; i++) { context.fillStyle = \`hsl(\${i * 77} 100% 50%)\`; context.fillRect(i * 37 % 300, i * 53 % 200, 9, 5); }
      const file = new File([await canvas.convertToBlob()], "noise.png", { type: "image/png" });
      return showFile(file).then(({ rejection }) => rejection); })()`;
    const rejection = await browser.evaluate(noise);
    assert.equal(rejection?.reason, "unlike");
    assert.equal(await shown("verdict"), "I do not know");
    assert.match(await shown("reason"), /unlike the training pictures/);
  },

  async "the card says how good the classifier is, in both languages"() {
    const fact = name => browser.evaluate(`document.querySelector("[data-fact=${name}]").textContent`);
    assert.match(await fact("accuracy"), /% on \d+ test pictures \(95 % interval: .*% to .*%\)/);
    assert.match(await fact("self-test"), /passed/);
    assert.match(await fact("network"), /MobileNetV1, width 1, 224 × 224 pixels, f32/);
    assert.match(await fact("engine"), /relaxed-simd/);
    assert.match(await fact("limits"), /unlike|below/);
    await set("language", "de", "change");
    assert.equal(await browser.evaluate("document.documentElement.lang"), "de");
    assert.equal(await shown("verdict"), "Ich weiß es nicht");
    assert.match(await fact("self-test"), /bestanden/);
    const keys = await browser.evaluate(`Object.keys(TEXT.en).filter(key => !(key in TEXT.de)).concat(Object.keys(TEXT.de).filter(key => !(key in TEXT.en)))`);
    assert.deepEqual(keys, [], "both languages have the same texts");
    await set("language", "en", "change");
    // Each control has a name for a screen reader.
    const nameless = await browser.evaluate(`[...document.querySelectorAll("button, select, input:not([type=file])")]
      .filter(one => !(one.textContent.trim() || one.ariaLabel || one.labels?.[0]?.textContent.trim())).map(one => one.outerHTML)`);
    assert.deepEqual(nameless, []);
    silent(page.http);
  },

  async "answers are the program's own: floats to 1e-4"() {
    await sameAnswers(page.float, at("classifier.safetensors"), 1e-4);
  },

  async "answers are the program's own: integers are equal"() {
    assert.ok(statSync(at("int8.html")).size < 6 * MB, "size");
    // Sums of the head in another order, and another exponential function.
    await sameAnswers(page.int8, at("int8.safetensors"), 1e-12);
    assert.match(await shown("facts"), /8-bit integers/);
  },

  async "in half precision the page is small"() {
    assert.ok(statSync(at("half.html")).size < 10 * MB, "size");
    await browser.open(page.half);
    await ready();
    await browser.choose("files", [page.boat]);
    await verdict("boat");
    silent(page.half);
  },

  async "without relaxed SIMD the other module runs"() {
    // A module with relaxed instructions is then one that the browser does not know.
    const html = readFileSync(at("drawn.html"), "utf8").replace(/id="relaxed-simd">[^<]*</, `id="relaxed-simd">${gzipped}<`);
    writeFileSync(at("old.html"), html);
    await browser.open(pathToFileURL(at("old.html")).href);
    await ready();
    assert.match(await shown("facts"), /WebAssembly, simd128/);
    await browser.choose("files", [page.boat]);
    await verdict("boat");
  },

  async "a damaged classifier is refused"() {
    const html = readFileSync(at("drawn.html"), "utf8").replace(/id="classifier">[^<]*</, `id="classifier">${gzipped}<`);
    writeFileSync(at("damaged.html"), html);
    await browser.open(pathToFileURL(at("damaged.html")).href);
    await browser.until(`document.getElementById("problem")?.hidden === false`);
    assert.match(await shown("problem"), /cannot be used/);
    assert.equal(await browser.evaluate(`element("camera").disabled`), true);
  },
};

/** Compares what the page says of pictures with what the program says. */
async function sameAnswers(url, classifier, tolerance) {
  await browser.open(url);
  await ready();
  const files = [...page.golden, page.large, page.boat, page.cloud];
  const rows = await ask(files);
  const native = place.natively(classifier, files);
  let worst = 0;
  for (const [i, row] of rows.entries()) {
    const expected = Object.fromEntries(native[i].top.map(({ class: name, probability }) => [name, probability]));
    for (const [k, name] of ["boat", "cloud"].entries()) worst = Math.max(worst, Math.abs(row.probabilities[k] - expected[name]));
  }
  console.log(`   largest difference from the program's probabilities on ${files.length} pictures: ${worst}`);
  assert.ok(worst <= tolerance, `${worst}`);
  silent(url);
}

/** A JPEG of 12 megapixels, made by the browser of drawn ones. */
async function large(picture) {
  await browser.open(page.file);
  const bytes = await browser.evaluate(`(async () => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob("${readFileSync(picture).toString("base64")}"), one => one.charCodeAt(0))]));
    const canvas = new OffscreenCanvas(4000, 3000);
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0, 4000, 3000);
    for (let i = 0; i < 4000; i++) { context.fillStyle = \`hsl(\${i * 41} 50% 50% / 0.4)\`; context.fillRect(i * 769 % 4000, i * 577 % 3000, 7, 7); }
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  })()`);
  writeFileSync(at("large.jpg"), Buffer.from(bytes, "base64"));
  return at("large.jpg");
}

/** Pictures of the page on a desk and on a phone, in light and dark. */
async function pictures() {
  for (const [device, width, height] of [["desktop", 1280, 900], ["phone", 390, 844]]) {
    for (const scheme of ["light", "dark"]) {
      await browser.scheme(scheme);
      await browser.open(page.http, width, height);
      await browser.scheme(scheme);
      await ready();
      await picture(`${device}-${scheme}-start`);
      await click("explain");
      await browser.choose("files", [page.boat]);
      await browser.until(`${strength} === 255`);
      await picture(`${device}-${scheme}-file`);
      await click("camera");
      await browser.until(`source === "camera" && lastAnswer !== null`);
      await picture(`${device}-${scheme}-camera`);
      await click("camera");
    }
  }
  // README's picture.
  place.run("export", "--classifier", "classifier.safetensors", "--format", "page", "--output", "boats.html", "--title", "Boats and clouds");
  await browser.open(pathToFileURL(at("boats.html")).href, 1000, 590);
  await browser.scheme("light");
  await ready();
  await click("explain");
  await browser.choose("files", [page.boat]);
  await browser.until(`${strength} === 255`);
  await click("clear");
  await browser.evaluate(`document.documentElement.style.overflow = "hidden"; null`);
  await picture("page", false);
}

let failures = 0;
const only = process.env.ONLY;
const server = createServer((request, response) => {
  const name = request.url === "/" ? "drawn.html" : basename(request.url);
  response.writeHead(existsSync(at(name)) ? 200 : 404, { "content-type": "text/html" });
  response.end(existsSync(at(name)) ? readFileSync(at(name)) : "");
});
try {
  const { boats, clouds } = place.pages();
  place.film([boats[0], clouds[0], boats[1], clouds[1]]);
  await new Promise(done => server.listen(0, "127.0.0.1", done));
  const url = name => pathToFileURL(at(name)).href;
  page = { boat: boats[0], cloud: clouds[0], golden: place.given(), file: url("drawn.html"), http: `http://localhost:${server.address().port}/`, float: url("drawn.html"), int8: url("int8.html"), half: url("half.html") };
  browser = await Chromium.start(chromium, at("film.mjpeg"));
  page.large = await large(page.boat);
  for (const name of ["drawn", "half", "int8"]) console.log(`${name}.html: ${statSync(at(`${name}.html`)).size} bytes`);
  // Where only some of the tests run.
  await browser.open(page.http);
  await ready();
  for (const [name, test] of Object.entries(TESTS)) {
    if (only && !name.includes(only)) continue;
    const start = Date.now();
    try {
      await test();
      console.log(`ok ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failures++;
      console.log(`FAILED ${name}\n${error.stack}\n${browser.said.join("\n")}`);
    }
  }
  if (process.env.SCREENSHOTS) await pictures();
} finally {
  await browser?.stop();
  server.close();
  place.remove();
}
if (failures) process.exit(1);
