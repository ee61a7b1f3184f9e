// Chromium over a pipe, by the protocol of its developer tools: no package is needed.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OPTIONS = [
  "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run", "--disable-gpu", "--mute-audio",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
  "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
];

/** A browser with one page at a time, which records what the page says and what it asks the network for. */
export class Chromium {
  /** `film`: an MJPEG or Y4M file that the camera shows. */
  static async start(program, film) {
    const browser = new Chromium();
    browser.folder = mkdtempSync(join(tmpdir(), "page-test-"));
    const options = [...OPTIONS, `--user-data-dir=${browser.folder}`, `--use-file-for-fake-video-capture=${film}`, "about:blank"];
    browser.process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.ended = new Promise(resolve => browser.process.on("exit", resolve));
    [browser.waiting, browser.number, browser.received] = [new Map(), 0, ""];
    browser.process.stdio[4].setEncoding("utf8").on("data", text => browser.read(text));
    return browser;
  }

  read(text) {
    const messages = (this.received + text).split("\0");
    this.received = messages.pop();
    for (const message of messages.map(JSON.parse)) {
      if (message.id === undefined) this.heard(message);
      else {
        const { resolve, reject, method } = this.waiting.get(message.id);
        this.waiting.delete(message.id);
        if (message.error) reject(new Error(`${method}: ${message.error.message}`));
        else resolve(message.result);
      }
    }
  }

  send(method, params = {}, sessionId = this.session) {
    const id = this.number++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId: sessionId ?? undefined }) + "\0");
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject, method }));
  }

  /** Opens a page in a new tab. */
  async open(url, width = 1280, height = 900) {
    if (this.target) await this.send("Target.closeTarget", { targetId: this.target }, null);
    [this.said, this.requests] = [[], []];
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" }, null);
    this.target = targetId;
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true }, null)).sessionId;
    await this.watch(this.session);
    await this.send("Page.enable");
    await this.size(width, height);
    await this.send("Page.navigate", { url });
  }

  async watch(session) {
    for (const domain of ["Runtime", "Log", "Network"]) await this.send(`${domain}.enable`, {}, session);
    const attach = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true };
    await this.send("Target.setAutoAttach", attach, session);
  }

  heard({ method, params }) {
    if (method === "Runtime.consoleAPICalled") this.said.push(params.args.map(({ value, description }) => value ?? description).join(" "));
    if (method === "Runtime.exceptionThrown") this.said.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Log.entryAdded") this.said.push(params.entry.text);
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    // A worker that ends at once is not missed.
    if (method === "Target.attachedToTarget" && params.targetInfo.type === "worker") this.watch(params.sessionId).catch(() => {});
  }

  /** The value of an expression in the page; promises are waited for. */
  async evaluate(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", options);
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, seconds = 30) {
    const end = Date.now() + 1000 * seconds;
    while (!(await this.evaluate(expression))) {
      if (Date.now() > end) {
        const shown = await this.evaluate("document.body.innerText.slice(0, 600)");
        throw new Error(`after ${seconds} s not true: ${expression}\n${shown}\n${this.said.join("\n")}`);
      }
      await new Promise(resolve => setTimeout(resolve, 50));
    }
  }

  /** Gives files to an input, as its dialog would. */
  async choose(id, files) {
    const { result } = await this.send("Runtime.evaluate", { expression: `document.getElementById("${id}")` });
    await this.send("DOM.setFileInputFiles", { files, objectId: result.objectId });
  }

  /** Drops files or folders on the middle of the page. */
  async drop(files) {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) await this.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }

  async press(key) {
    const code = key === " " ? "Space" : `Key${key.toUpperCase()}`;
    for (const type of ["keyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key, code, text: type === "keyDown" ? key : undefined });
  }

  /** Where downloads go. */
  async downloads(folder) {
    await this.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder }, null);
  }

  async size(width, height) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: width < 600 ? 2 : 1, mobile: width < 600 });
  }

  async scheme(value) {
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  /** The page as PNG: the whole of it, or what a window shows. */
  async screenshot(whole) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png", captureBeyondViewport: whole });
    return Buffer.from(data, "base64");
  }

  async stop() {
    this.send("Browser.close", {}, null).catch(() => {});
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
