// ---- The camera. ----

const camera = { stream: null, track: null };

/** Back cameras first: that is where a phone looks at things. */
function rearFirst(devices) {
  const rear = device => /back|rear|environment|rück|hinten/i.test(device.label);
  return [...devices].sort((a, b) => rear(b) - rear(a));
}

/** All cameras. Their names are known only once one may be used. */
async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return rearFirst(devices.filter(device => device.kind === "videoinput"));
}

/** Stops the camera, so that its lamp goes out and another one may start. */
function releaseCamera() {
  if (camera.track) camera.track.onended = null;
  camera.stream?.getTracks().forEach(track => track.stop());
  camera.stream = camera.track = null;
}

/** Starts a camera: that of an id, or the one at the back. `lost` is called when it goes away. */
async function startCamera(id, lost) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(say("no-camera-here"));
  // Two cameras of a phone do not run at once: the second request would give the first one again.
  releaseCamera();
  const which = id ? { deviceId: { exact: id } } : { facingMode: { ideal: "environment" } };
  const video = { ...which, width: { ideal: 1280 }, height: { ideal: 720 } };
  try {
    camera.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new Error(error.name in TEXT.en ? say(error.name) : say("camera-other", { reason: error.message }));
  }
  camera.track = camera.stream.getVideoTracks()[0];
  camera.track.onended = lost;
  return camera.stream;
}

/** What the camera can be told, as far as the browser knows. */
function abilities() {
  const { torch, zoom } = camera.track.getCapabilities?.() ?? {};
  const { facingMode, zoom: zoomed, deviceId } = camera.track.getSettings();
  return { torch: Boolean(torch), zoom, zoomed, deviceId, front: facingMode === "user" };
}

/** Sets the light or the zoom. */
async function setCamera(setting) {
  await camera.track?.applyConstraints({ advanced: [setting] });
}
