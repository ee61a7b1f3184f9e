// ---- What the classifier says of itself. ----

/** Names and values of the card. */
function facts(about, milliseconds) {
  const { provenance: known, accuracy, thresholds } = about;
  const measured = accuracy && {
    value: percent(accuracy.value), images: accuracy.images,
    low: accuracy.interval && percent(accuracy.interval[0]), high: accuracy.interval && percent(accuracy.interval[1]),
  };
  const parts = Object.entries(known.images ?? {}).map(([part, { count }]) => [count, TEXT[language][part] ?? part]);
  parts.sort(([a], [b]) => b - a);
  const limits = (thresholds ?? [])
    .map((threshold, i) => threshold > 0 && say("limit-of", { class: about.classes[i], threshold: percent(threshold) }))
    .filter(Boolean);
  if (about.open_set !== null) limits.push(say("limit-open"));
  const { quantization } = known;
  return [
    ["accuracy", measured ? say(accuracy.interval ? "accuracy-of" : "accuracy-bare", measured) : say("not-measured")],
    ["self-test", say("self-test-passed")],
    ["classes", about.classes.slice(0, 40).join(", ") + (about.classes.length > 40 ? ` … (${about.classes.length})` : "")],
    ["trained", about.trained_on && say("trained-on", { count: about.trained_on })],
    ["parts", parts.map(([count, part]) => `${part} ${count}`).join(", ")],
    ["split", known.split],
    ["date", known.date],
    ["limits", limits.join("; ") || say("never")],
    ["network", say("network-is", about)],
    ["fine", say(known.fine_tuning?.kept ? "fine-tuned" : "frozen")],
    ["quantized", quantization?.logits.agreement != null && say("quantized-as", { images: quantization.images, agreement: percent(quantization.logits.agreement) })],
    ["resize", about.resize],
    ["weights", about.weights],
    ["engine", say("engine-is", { instructions: about.instruction_set, milliseconds: decimal(milliseconds, 0) })],
  ].filter(([, value]) => value);
}

function showCard(about, milliseconds) {
  const entries = facts(about, milliseconds).flatMap(([key, value]) => {
    const [name, content] = [document.createElement("dt"), document.createElement("dd")];
    name.textContent = say(key);
    content.textContent = value;
    content.dataset.fact = key;
    if (key === "accuracy" || key === "self-test") content.className = "good";
    return [name, content];
  });
  document.getElementById("facts").replaceChildren(...entries);
}
