// ---- What the page says, in each of its languages. `{name}` is replaced. ----

const TEXT = {
  en: {
    "nothing-sent": "Everything runs in this page, on this device. No picture leaves it.",
    language: "Language", picture: "Picture", answer: "Answer", results: "Results", card: "About this classifier",
    empty: "Start the camera, or open, drop or paste pictures or a folder.",
    "start-camera": "Start camera", "stop-camera": "Stop camera", pause: "Pause", resume: "Resume",
    "open-pictures": "Open pictures", "open-folder": "Open folder",
    "which-camera": "Camera", "camera-number": "Camera {number}", mirror: "Mirror the preview", torch: "Light", zoom: "Zoom",
    keys: "Keys: C camera, space pause, E explanation, O open pictures.",
    loading: "Loading the classifier …", ready: "Ready.", unknown: "I do not know",
    unsure: "Most probable is {class} with {probability}, which needs {threshold}.",
    unlike: "The picture is unlike the training pictures (distance {distance}, usual is at most {limit}).",
    speed: "{total} ms a picture: preparation {preparation}, network {network}, explanation {explanation}",
    rate: "; {rate} frames a second",
    "at-least": "Name a class only from", explain: "Explain (Grad-CAM)", "explained-class": "Class", best: "the most probable",
    opacity: "Opacity", explained: "Bright is what speaks for {class}.", "nothing-found": "Nothing in the picture speaks for {class}.",
    "save-csv": "Save as CSV", "save-json": "Save as JSON", clear: "Clear",
    progress: "{done} of {total}", thumbnail: "Picture", file: "File", named: "Answer", probability: "Probability", milliseconds: "ms",
    show: "Show {file}", unusable: "Not usable: {reason}",
    "no-camera-here": "This browser gives pages no camera here. It does on https, on localhost, and in most browsers for a file that is opened from disk. Pictures can be opened, dropped and pasted anyway.",
    NotAllowedError: "The camera is not allowed. Allow it for this page in the browser (and in the system's settings), and start again.",
    NotFoundError: "No camera was found. Connect one, and start again.",
    NotReadableError: "The camera is there, but gives no picture: another program may use it. Close that program, and start again.",
    OverconstrainedError: "The chosen camera is not there any more. Choose another one.",
    SecurityError: "The browser's or the system's rules forbid the camera for this page.",
    AbortError: "The camera stopped while it was starting. Start it again.",
    "camera-other": "The camera could not be started: {reason}",
    "camera-lost": "The camera was disconnected, or another program took it. Start it again.",
    "too-old": "This browser lacks what the page needs ({reason}). It runs in Chrome and Edge from 91, Firefox from 113, Safari from 16.4.",
    "not-loaded": "The classifier cannot be used: {reason}",
    classes: "Classes", accuracy: "Measured accuracy", "accuracy-of": "{value} on {images} test pictures (95 % interval: {low} to {high})",
    "accuracy-bare": "{value}", "not-measured": "not recorded",
    "self-test": "Self-test", "self-test-passed": "passed: here, too, the classifier gives the answer that is stored in its file",
    trained: "Trained on", "trained-on": "{count} pictures", parts: "Pictures", split: "Split", date: "Date",
    network: "Network", "network-is": "MobileNetV1, width {alpha}, {size} × {size} pixels, {precision}; the head sees the {layer}",
    fine: "Fine-tuning", "fine-tuned": "the last blocks were trained, too", frozen: "none: the network is as published",
    resize: "Pictures become squares by", limits: "“I do not know”", "limit-of": "{class} below {threshold}",
    "limit-open": "pictures unlike the training pictures", never: "never: each picture gets the name of a class",
    quantized: "Quantization", "quantized-as": "8-bit integers, calibrated on {images} pictures; for {agreement} of them the same class as in floats",
    weights: "SHA-256 of the weights", engine: "Engine", "engine-is": "WebAssembly, {instructions}, loaded in {milliseconds} ms",
    training: "training", validation: "validation", test: "test",
  },
  de: {
    "nothing-sent": "Alles läuft in dieser Seite, auf diesem Gerät. Kein Bild verlässt es.",
    language: "Sprache", picture: "Bild", answer: "Antwort", results: "Ergebnisse", card: "Über diesen Klassifikator",
    empty: "Kamera starten oder Bilder oder einen Ordner öffnen, hierher ziehen oder einfügen.",
    "start-camera": "Kamera starten", "stop-camera": "Kamera beenden", pause: "Pause", resume: "Weiter",
    "open-pictures": "Bilder öffnen", "open-folder": "Ordner öffnen",
    "which-camera": "Kamera", "camera-number": "Kamera {number}", mirror: "Vorschau spiegeln", torch: "Licht", zoom: "Zoom",
    keys: "Tasten: C Kamera, Leertaste Pause, E Erklärung, O Bilder öffnen.",
    loading: "Der Klassifikator wird geladen …", ready: "Bereit.", unknown: "Ich weiß es nicht",
    unsure: "Am wahrscheinlichsten ist {class} mit {probability}; nötig sind {threshold}.",
    unlike: "Das Bild ist den Trainingsbildern unähnlich (Abstand {distance}, üblich ist höchstens {limit}).",
    speed: "{total} ms je Bild: Vorbereitung {preparation}, Netz {network}, Erklärung {explanation}",
    rate: "; {rate} Bilder je Sekunde",
    "at-least": "Klasse nennen erst ab", explain: "Erklären (Grad-CAM)", "explained-class": "Klasse", best: "die wahrscheinlichste",
    opacity: "Deckkraft", explained: "Hell ist, was für {class} spricht.", "nothing-found": "Nichts im Bild spricht für {class}.",
    "save-csv": "Als CSV speichern", "save-json": "Als JSON speichern", clear: "Leeren",
    progress: "{done} von {total}", thumbnail: "Bild", file: "Datei", named: "Antwort", probability: "Wahrscheinlichkeit", milliseconds: "ms",
    show: "{file} zeigen", unusable: "Nicht verwendbar: {reason}",
    "no-camera-here": "Dieser Browser gibt Seiten hier keine Kamera. Er tut es bei https, bei localhost und meist bei einer Datei, die von der Festplatte geöffnet ist. Bilder lassen sich trotzdem öffnen, hierher ziehen und einfügen.",
    NotAllowedError: "Die Kamera ist nicht erlaubt. Im Browser (und in den Einstellungen des Systems) für diese Seite erlauben und erneut starten.",
    NotFoundError: "Es wurde keine Kamera gefunden. Eine anschließen und erneut starten.",
    NotReadableError: "Die Kamera ist da, gibt aber kein Bild: vielleicht benutzt sie ein anderes Programm. Dieses beenden und erneut starten.",
    OverconstrainedError: "Die gewählte Kamera ist nicht mehr da. Eine andere wählen.",
    SecurityError: "Die Regeln des Browsers oder des Systems verbieten dieser Seite die Kamera.",
    AbortError: "Die Kamera ist beim Starten stehen geblieben. Erneut starten.",
    "camera-other": "Die Kamera konnte nicht gestartet werden: {reason}",
    "camera-lost": "Die Kamera wurde getrennt, oder ein anderes Programm hat sie übernommen. Erneut starten.",
    "too-old": "Diesem Browser fehlt, was die Seite braucht ({reason}). Sie läuft in Chrome und Edge ab 91, Firefox ab 113, Safari ab 16.4.",
    "not-loaded": "Der Klassifikator ist nicht verwendbar: {reason}",
    classes: "Klassen", accuracy: "Gemessene Genauigkeit", "accuracy-of": "{value} auf {images} Testbildern (95-%-Intervall: {low} bis {high})",
    "accuracy-bare": "{value}", "not-measured": "nicht verzeichnet",
    "self-test": "Selbsttest", "self-test-passed": "bestanden: auch hier gibt der Klassifikator die Antwort, die in seiner Datei steht",
    trained: "Trainiert mit", "trained-on": "{count} Bildern", parts: "Bilder", split: "Aufteilung", date: "Datum",
    network: "Netz", "network-is": "MobileNetV1, Breite {alpha}, {size} × {size} Pixel, {precision}; der Kopf sieht: {layer}",
    fine: "Feinabstimmung", "fine-tuned": "auch die letzten Blöcke wurden trainiert", frozen: "keine: das Netz ist wie veröffentlicht",
    resize: "Bilder werden quadratisch durch", limits: "„Ich weiß es nicht“", "limit-of": "{class} unter {threshold}",
    "limit-open": "Bilder, die den Trainingsbildern unähnlich sind", never: "nie: jedes Bild bekommt den Namen einer Klasse",
    quantized: "Quantisierung", "quantized-as": "8-Bit-Ganzzahlen, kalibriert mit {images} Bildern; bei {agreement} davon dieselbe Klasse wie in Gleitkomma",
    weights: "SHA-256 der Gewichte", engine: "Rechenwerk", "engine-is": "WebAssembly, {instructions}, geladen in {milliseconds} ms",
    training: "Training", validation: "Validierung", test: "Test",
  },
};

let language = navigator.language.startsWith("de") ? "de" : "en";

/** The text of a key, with the values in it. */
function say(key, values = {}) {
  return TEXT[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

const percent = share => new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);
const whole = share => new Intl.NumberFormat(language, { style: "percent" }).format(share);
const decimal = (number, digits) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(number);

/** Writes the texts that never change into the page. */
function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = say(element.dataset.text);
}
