// ---- The results of files: a table that sorts, and what is saved of it. ----

const results = [];
let order = { key: null, descending: false };

/** What the table says of a row: the name of a class, that there is none, or that the file is not usable. */
const namedOf = row => (row.error ? say("unusable", { reason: row.error }) : (row.answer ?? say("unknown")));

const COLUMNS = [
  { key: "thumbnail" },
  { key: "file", value: row => row.path },
  { key: "named", value: namedOf },
  { key: "probability", value: row => row.probability, number: true },
  { key: "milliseconds", value: row => row.milliseconds, number: true },
];

function addResult(path, file, picture, answer, error) {
  const probability = answer ? answer.probabilities[answer.best] : -1;
  const { preparation = 0, network = 0 } = answer?.times ?? {};
  results.push({
    path, file, picture, error, probability,
    answer: answer?.name ?? null,
    probabilities: answer?.probabilities,
    reason: error ?? answer?.reason ?? "",
    milliseconds: preparation + network,
  });
}

function sorted() {
  const column = COLUMNS.find(({ key }) => key === order.key);
  if (!column) return results;
  const direction = order.descending ? -1 : 1;
  const compare = (a, b) => (column.number ? a - b : a.localeCompare(b, language, { numeric: true }));
  return [...results].sort((a, b) => direction * compare(column.value(a), column.value(b)));
}

function sortBy(key) {
  order = { key, descending: order.key === key && !order.descending };
  showResults();
}

/** Fills the table anew. */
function showResults() {
  const heads = COLUMNS.map(({ key, value, number }) => {
    const head = document.createElement("th");
    head.scope = "col";
    if (number) head.className = "number";
    if (!value) head.textContent = say(key);
    else {
      const button = document.createElement("button");
      button.textContent = say(key);
      button.dataset.key = key;
      button.onclick = () => {
        sortBy(key);
        document.querySelector(`#columns [data-key=${key}]`).focus();
      };
      head.append(button);
      const direction = order.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", order.key === key ? direction : "none");
    }
    return head;
  });
  document.getElementById("columns").replaceChildren(...heads);
  document.getElementById("rows").replaceChildren(...sorted().map(resultRow));
}

function resultRow(row) {
  const show = document.createElement("button");
  show.setAttribute("aria-label", say("show", { file: row.path }));
  show.append(row.picture);
  show.onclick = () => showFile(row.file);
  const numbers = row.error ? ["", ""] : [percent(row.probability), decimal(row.milliseconds, 0)];
  const texts = [row.path, namedOf(row), ...numbers];
  const cells = [show, ...texts].map((content, i) => {
    const cell = document.createElement("td");
    cell.append(content);
    if (i > 2) cell.className = "number";
    return cell;
  });
  const line = document.createElement("tr");
  line.append(...cells);
  return line;
}

/** A table with a column for each class. A cell that a spreadsheet would compute gets an apostrophe. */
function resultsCsv(classes) {
  const field = value => {
    const text = String(value).replace(/^(?=[=+\-@\t\r])/, "'");
    return /^\s|[",\r\n]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = sorted().map(row => {
    const probabilities = row.probabilities ?? classes.map(() => "");
    return [field(row.path), field(row.answer ?? ""), ...probabilities, field(row.reason)];
  });
  return [["file", "answer", ...classes.map(field), "reason"], ...lines].map(line => line.join(",") + "\n").join("");
}

function resultsJson(classes) {
  const rows = sorted().map(({ path, answer, probabilities, reason }) => {
    const named = probabilities && Object.fromEntries(classes.map((name, i) => [name, probabilities[i]]));
    return { file: path, answer, probabilities: named ?? null, reason: reason || null };
  });
  return JSON.stringify(rows, null, 1) + "\n";
}

/** Gives the user a file. */
function saveFile(name, type, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
