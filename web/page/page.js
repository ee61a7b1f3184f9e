// ---- The page: what its controls do. ----

const { title, name: savedAs } = JSON.parse(element("page").textContent);

function showControls() {
  const live = source === "camera";
  element("camera").textContent = say(live ? "stop-camera" : "start-camera");
  element("pause").textContent = say(paused ? "resume" : "pause");
  element("pause").disabled = !live;
  element("camera-controls").hidden = !live;
  const mirrored = live && element("mirror").checked;
  for (const one of ["video", "overlay"]) element(one).classList.toggle("mirrored", mirrored);
  element("overlay").style.opacity = Number(element("opacity").value) / 100;
  element("least-value").textContent = whole(Number(element("least").value) / 100);
}

/** Asks about the present picture once more. The camera's next frame comes by itself. */
async function askAgain() {
  if (source === "file") await showFile(shownFile);
  else if (source === "camera" && paused) showAnswer(await work("ask", { wanted: wanted() }));
}

function failed(error) {
  problem(error.message);
}

function showAll() {
  translate();
  document.title = element("title").textContent = title;
  element("language").value = language;
  const chosen = element("class").value;
  element("class").replaceChildren(
    new Option(say("best"), "best"), ...about.classes.map((name, i) => new Option(name, i)));
  element("class").value = chosen || "best";
  showCard(about, loadedIn);
  showControls();
  showResults();
  showAnswer(lastAnswer);
}

/** Controls by their ids, the event that they answer, and what then happens. */
const ACTIONS = [
  ["camera", "click", () => (source === "camera" ? stopCamera() : openCamera())],
  ["cameras", "change", () => openCamera(element("cameras").value)],
  ["pause", "click", () => setPaused(!paused)],
  ["open", "click", () => element("files").click()],
  ["open-folder", "click", () => element("folder").click()],
  ["files", "change", () => useFiles(picked(element("files")))],
  ["folder", "change", () => useFiles(picked(element("folder")))],
  ["mirror", "change", showControls],
  ["torch", "change", () => setCamera({ torch: element("torch").checked })],
  ["zoom", "input", () => setCamera({ zoom: Number(element("zoom").value) })],
  ["explain", "change", askAgain],
  ["class", "change", askAgain],
  ["opacity", "input", showControls],
  ["least", "input", () => { showControls(); showAnswer(lastAnswer); }],
  ["language", "change", () => { language = element("language").value; showAll(); }],
  ["save-csv", "click", () => saveFile(`${savedAs}.csv`, "text/csv", resultsCsv(about.classes))],
  ["save-json", "click", () => saveFile(`${savedAs}.json`, "application/json", resultsJson(about.classes))],
  ["clear", "click", () => { results.length = 0; element("results").hidden = true; showResults(); }],
];

const KEYS = { c: "camera", " ": "pause", e: "explain", o: "open" };

function connect() {
  for (const [id, event, act] of ACTIONS) {
    element(id).addEventListener(event, () => Promise.resolve(act()).catch(failed));
  }
  document.addEventListener("keydown", event => {
    const id = KEYS[event.key.toLowerCase()];
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input, [type=range]");
    // A button has its own space.
    if (!id || busy || (event.key === " " && event.target.matches("button"))) return;
    event.preventDefault();
    element(id).click();
  });
  const over = on => event => {
    event.preventDefault();
    element("stage").classList.toggle("over", on);
  };
  document.addEventListener("dragover", over(true));
  document.addEventListener("dragleave", over(false));
  document.addEventListener("drop", event => {
    over(false)(event);
    transferred(event.dataTransfer).then(useFiles).catch(failed);
  });
  document.addEventListener("paste", event => {
    transferred(event.clipboardData).then(useFiles).catch(failed);
  });
  new ResizeObserver(() => placeOverlay(about.resize)).observe(element("stage"));
}

async function begin() {
  translate();
  document.title = element("title").textContent = title;
  element("camera").textContent = say("start-camera");
  element("pause").textContent = say("pause");
  element("verdict").textContent = say("loading");
  const missing = ["Worker", "WebAssembly", "DecompressionStream", "OffscreenCanvas"].find(name => !(name in window));
  if (missing) return problem(say("too-old", { reason: missing }));
  const start = performance.now();
  try {
    about = await startEngine();
  } catch (error) {
    element("verdict").textContent = "–";
    return problem(say(error.message === "WebAssembly SIMD" ? "too-old" : "not-loaded", { reason: error.message }));
  }
  loadedIn = performance.now() - start;
  connect();
  for (const id of ["camera", "open", "open-folder"]) element(id).disabled = false;
  showAll();
  element("verdict").textContent = say("ready");
}

begin();
