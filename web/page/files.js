// ---- Files that are opened, dropped or pasted. ----

/** Shows a file and its answer. */
async function showFile(file) {
  if (source === "camera") stopCamera();
  problem(null);
  [source, shownFile] = ["file", file];
  const still = element("still");
  URL.revokeObjectURL(still.src);
  still.onload = () => placeOverlay(about.resize);
  still.src = URL.createObjectURL(file);
  still.alt = file.name;
  present("still");
  showControls();
  try {
    const answer = await work("ask", { file, wanted: wanted() });
    if (shownFile === file) showAnswer(answer);
    return answer;
  } catch (error) {
    if (shownFile === file) {
      showAnswer(null);
      problem(say("unusable", { reason: error.message }));
    }
    throw error;
  }
}

/** Asks about files, one after the other; the first one is shown. */
async function useFiles(files) {
  if (files.length === 0) return;
  element("results").hidden = false;
  for (const [i, { file, path }] of files.entries()) {
    let answer = null, reason = null;
    try {
      answer = conclude(i === 0 ? await showFile(file) : await work("ask", { file, wanted: null }));
    } catch (error) {
      reason = error.message;
    }
    addResult(path, file, await thumbnail(file), answer, reason);
    element("progress").textContent = say("progress", { done: i + 1, total: files.length });
    // A whole folder does not wait for its table.
    if (i % 20 === 0 || i + 1 === files.length) showResults();
  }
}
