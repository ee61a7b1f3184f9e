// ---- What the page knows. ----

const element = id => document.getElementById(id);

/** What the classifier says of itself, and in how many milliseconds it was loaded. */
let about, loadedIn;
/** Where pictures come from now: "camera", "file" or null; the file; the last answer. */
let source = null, shownFile = null, lastAnswer = null;
let paused = false;
/** Ends the loop over the camera's frames when it changes. */
let turn = 0;
/** Milliseconds from one answer to the next, a moving average; when the last one came; when a screen reader heard one. */
let between = null, lastFrame = 0, spokenAt = 0;

/** Which class is to be explained: "best", its number, or null for none. */
const wanted = () => {
  if (!element("explain").checked) return null;
  return element("class").value === "best" ? "best" : Number(element("class").value);
};

/** Says what is wrong; without a message, that nothing is. */
function problem(message) {
  element("problem").textContent = message ?? "";
  element("problem").hidden = !message;
}
