// ---- What the camera sees. ----

const nextFrame = video =>
  new Promise(resolve => (video.requestVideoFrameCallback ? video.requestVideoFrameCallback(resolve) : requestAnimationFrame(resolve)));

/** Asks about one frame after the other, until `turn` changes. */
async function follow() {
  const mine = ++turn;
  const video = element("video");
  [between, lastFrame] = [null, 0];
  while (mine === turn) {
    await nextFrame(video);
    if (mine !== turn || video.readyState < 2) continue;
    const frame = await createImageBitmap(video);
    if (mine !== turn) return frame.close();
    const answer = await work("ask", { frame, wanted: wanted() }, [frame]);
    if (mine !== turn) return;
    const now = performance.now();
    if (lastFrame) between = between ? 0.9 * between + 0.1 * (now - lastFrame) : now - lastFrame;
    lastFrame = now;
    showAnswer(answer);
  }
}

function stopCamera() {
  turn++;
  releaseCamera();
  element("video").srcObject = null;
  [source, paused] = [null, false];
  present(null);
  showAnswer(null);
  showControls();
}

function lostCamera() {
  stopCamera();
  problem(say("camera-lost"));
}

async function openCamera(id) {
  problem(null);
  turn++;
  element("camera").disabled = true;
  try {
    const stream = await startCamera(id, lostCamera);
    const video = element("video");
    video.srcObject = stream;
    await video.play();
    [source, shownFile, paused] = ["camera", null, false];
    present("video");
    const { torch, zoom, zoomed, deviceId, front } = abilities();
    element("mirror").checked = front;
    element("torch-label").hidden = !torch;
    element("torch").checked = false;
    element("zoom-label").hidden = !zoom;
    if (zoom) Object.assign(element("zoom"), { min: zoom.min, max: zoom.max, step: zoom.step || "any", value: zoomed });
    await showCameras(deviceId);
    follow().catch(failed);
  } catch (error) {
    if (source === "camera") stopCamera();
    else releaseCamera();
    problem(error.message);
  } finally {
    element("camera").disabled = false;
    showControls();
  }
}

async function showCameras(current) {
  const options = (await cameras()).map(({ deviceId, label }, i) =>
    new Option(label || say("camera-number", { number: i + 1 }), deviceId, false, deviceId === current));
  element("cameras").replaceChildren(...options);
}

function setPaused(pause) {
  if (source !== "camera") return;
  paused = pause;
  if (pause) {
    turn++;
    element("video").pause();
  } else {
    element("video").play();
    follow().catch(failed);
  }
  showControls();
}
