// ---- The answer to a picture. ----

/** The name that an answer gives to the picture, or why it gives none. */
function conclude(answer) {
  const { probabilities, best, rejection } = answer;
  const least = Number(element("least").value) / 100;
  const unsure = threshold => say("unsure", {
    class: about.classes[best], probability: percent(probabilities[best]), threshold: percent(threshold),
  });
  let reason = "";
  if (rejection?.reason === "unlike") {
    reason = say("unlike", { distance: decimal(rejection.distance, 3), limit: decimal(rejection.limit, 3) });
  } else if (rejection) reason = unsure(rejection.threshold);
  else if (probabilities[best] < least) reason = unsure(least);
  return { ...answer, reason, name: reason ? null : about.classes[best] };
}

/** Shows an answer, or with null that there is none. */
function showAnswer(answer) {
  lastAnswer = answer;
  const concluded = answer && conclude(answer);
  const verdict = concluded ? (concluded.name ?? say("unknown")) : "–";
  element("verdict").textContent = verdict;
  element("verdict").classList.toggle("unknown", !concluded?.name);
  element("reason").textContent = concluded?.reason ?? "";
  showBars(answer?.probabilities ?? about.classes.map(() => 0));
  showSpeed(answer?.times);
  drawOverlay(answer?.overlay, about.resize);
  const explained = answer && answer.explained !== null;
  const found = answer?.overlay?.length ? "explained" : "nothing-found";
  element("explained").textContent = explained ? say(found, { class: about.classes[answer.explained] }) : "";
  // A screen reader hears a new answer, but not each frame.
  if (concluded && performance.now() - spokenAt > 1500 && element("spoken").textContent !== verdict) {
    element("spoken").textContent = verdict;
    spokenAt = performance.now();
  }
}

/** The most probable classes as bars, with the mark from which on each is named. */
function showBars(probabilities) {
  const ranked = probabilities.map((probability, index) => ({ probability, index }));
  ranked.sort((a, b) => b.probability - a.probability);
  const least = Number(element("least").value) / 100;
  const bars = ranked.slice(0, 8).map(({ probability, index }) => {
    const [line, name, number, track, bar] = ["li", "span", "span", "span", "i"].map(tag => document.createElement(tag));
    [name.className, track.className] = ["name", "track"];
    name.textContent = about.classes[index];
    number.textContent = percent(probability);
    bar.style.width = `${100 * probability}%`;
    track.append(bar);
    const threshold = Math.max(least, about.thresholds?.[index] ?? 0);
    if (threshold > 0) {
      const mark = document.createElement("b");
      mark.style.left = `${100 * threshold}%`;
      track.append(mark);
    }
    line.append(name, number, track);
    return line;
  });
  element("bars").replaceChildren(...bars);
}

function showSpeed(times) {
  if (!times) return (element("speed").textContent = "");
  const { preparation, network, explanation } = times;
  const shown = { total: preparation + network + explanation, preparation, network, explanation };
  const rounded = Object.entries(shown).map(([key, value]) => [key, decimal(value, 0)]);
  const rate = source === "camera" && between ? say("rate", { rate: decimal(1000 / between, 1) }) : "";
  element("speed").textContent = say("speed", Object.fromEntries(rounded)) + rate;
}
