// A folder with what the tests of the page need: drawn pictures, classifiers of them, pages, a film.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(fileURLToPath(import.meta.url), "../../..");

/** `program`: mobilenet-transfer. With KEEP=FOLDER the folder is that one, and stays. */
export class Workplace {
  constructor(program) {
    this.program = resolve(program);
    this.folder = process.env.KEEP ?? mkdtempSync(join(tmpdir(), "page-"));
    mkdirSync(this.folder, { recursive: true });
    if (existsSync(this.at("int8.safetensors"))) return;
    this.run("tour", "--pictures", "60", "--output", "tour");
    this.run("retrain", "--image-dir", "tour/images", "--output", "classifier.safetensors");
    this.run("quantize", "--classifier", "classifier.safetensors", "--calibration-dir", "tour/images", "--output", "int8.safetensors");
  }

  at(...names) {
    return join(this.folder, ...names);
  }

  run(...options) {
    const stdio = ["ignore", "pipe", "inherit"];
    return execFileSync(this.program, [...options, "--quiet"], { cwd: this.folder, encoding: "utf8", stdio });
  }

  /** What the program says of files, in their order. */
  natively(classifier, files) {
    return this.run("label-image", "--classifier", classifier, "--json", ...files).trim().split("\n").map(line => JSON.parse(line));
  }

  /** Drawn pictures that the classifier was not trained on, and is sure of. */
  sure() {
    const of = kind => {
      const all = readdirSync(this.at("tour/more-images", kind)).filter(name => name.endsWith(".jpg")).sort().slice(0, 12);
      const files = all.map(name => this.at("tour/more-images", kind, name));
      const answers = this.natively("classifier.safetensors", files);
      return files.filter((_, i) => {
        const { top: [best], none_of_these: rejected } = answers[i];
        return best.class === kind && best.probability > 0.8 && !rejected;
      });
    };
    return { boats: of("boat"), clouds: of("cloud") };
  }

  /** Writes the pages, and the folder `some`: six boats, six clouds and a broken file. */
  pages() {
    const page = (name, classifier, ...options) =>
      this.run("export", "--classifier", classifier, "--format", "page", "--output", name, ...options);
    page("drawn.html", "classifier.safetensors");
    page("half.html", "classifier.safetensors", "--precision", "float16");
    page("int8.html", "int8.safetensors");
    const { boats, clouds } = this.sure();
    for (const [kind, files] of [["boat", boats], ["cloud", clouds]]) {
      mkdirSync(this.at("some", kind), { recursive: true });
      for (const file of files.slice(0, 6)) writeFileSync(this.at("some", kind, basename(file)), readFileSync(file));
    }
    writeFileSync(this.at("some/broken.jpg"), readFileSync(boats[0]).subarray(0, 500));
    return { boats, clouds };
  }

  /** A film of pictures, each shown for two seconds. */
  film(pictures) {
    const frames = pictures.flatMap(picture => Array(60).fill(readFileSync(picture)));
    writeFileSync(this.at("film.mjpeg"), Buffer.concat(frames));
  }

  /** Photographs: the reference data's, or where these are not at hand those of the project's own tests. */
  given() {
    const golden = join(process.env.SHARED_DIR ?? join(root, "../shared"), "golden/pictures");
    if (!existsSync(golden)) console.log("== skipped: the reference data's pictures are not at hand; the tests' own are taken");
    const folder = existsSync(golden) ? golden : join(root, "tests/fixtures");
    return readdirSync(folder).filter(name => name.endsWith(".png")).sort().map(name => join(folder, name));
  }

  remove() {
    if (!process.env.KEEP) rmSync(this.folder, { recursive: true, force: true });
  }
}
