"use strict";

// ---- What is decided, as files. A choice is "keep", "leave out", or "class " and the name of a class. ----

const KEEP = "keep";
const LEAVE_OUT = "leave out";

/** The name of the class that a choice gives to a card; empty for an image that is left out. */
function label(card, choice) {
  if (choice === LEAVE_OUT) return "";
  return choice === KEEP ? card.class : choice.slice("class ".length);
}

/** The cards that are decided, each file once. */
function decided(cards, choices) {
  const files = new Map(cards.map(card => [card.path, card]));
  return [...files.values()].filter(card => choices.has(card.path));
}

/** The table of one image folder: a row for each image that is decided. */
function table(cards, choices, root) {
  const field = text => (/^\s|[",\r\n]|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = decided(cards, choices)
    .filter(card => card.root === root)
    .map(card => [card.file, label(card, choices.get(card.path))].map(field).join(","));
  return ["file,label", ...rows].join("\n") + "\n";
}

/** A shell script that moves files to the folders of their new classes. Names may still have bytes as \xNN. */
function moves(cards, choices, classes) {
  const folders = new Map(classes.map(one => [one.name, one.folder]));
  const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;
  const lines = [];
  for (const card of decided(cards, choices)) {
    const choice = choices.get(card.path);
    const name = label(card, choice);
    if (name === card.class) continue;
    const folder = choice === LEAVE_OUT
      ? `${card.root}-left-out/${folders.get(card.class)}`
      : `${card.root}/${folders.get(name)}`;
    lines.push(`move ${quoted(card.path)} ${quoted(folder)}`);
  }
  return `#!/bin/sh
# Moves images to the folders of their classes. Nothing is deleted or overwritten.
set -eu
move() {
  to="$2/\${1##*/}"
  if [ ! -e "$1" ]; then
    printf 'not moved, because this file is not there: %s\\n' "$1" >&2
    return
  fi
  if [ -e "$to" ]; then
    printf 'not moved, because this file exists: %s\\n' "$to" >&2
    return
  fi
  mkdir -p -- "$2"
  mv -- "$1" "$to"
}
${lines.join("\n")}
`;
}

/** Text as bytes: UTF-8, but \xNN is the byte of this value. */
function bytes(text) {
  const parts = text.split(/\\x([0-9a-fA-F]{2})/);
  const encoder = new TextEncoder();
  const all = parts.flatMap((part, at) => (at % 2 ? [parseInt(part, 16)] : [...encoder.encode(part)]));
  return Uint8Array.from(all);
}

// ---- The page. ----

/** An element with these properties and children; text is never read as HTML. */
function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** The decisions, which the browser keeps under a name. */
function stored(name) {
  let choices = new Map();
  let kept = true;
  try {
    choices = new Map(JSON.parse(localStorage.getItem(name) || "[]"));
  } catch {
    kept = false;
  }
  const keep = () => {
    try {
      localStorage.setItem(name, JSON.stringify([...choices]));
    } catch {
      kept = false;
    }
    return kept;
  };
  return { choices, keep };
}

/** Gives a file to the browser to save. */
function save(name, type, content) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

/** The menu of a card, for many classes and for a screen without keys. */
function menu(card, classes, choose) {
  const option = (value, ...text) => element("option", { value }, ...text);
  const others = classes.filter(one => one.name !== card.class);
  const select = element("select", { ariaLabel: "Decision" },
    option("", "not decided"),
    option(KEEP, `keep: ${card.class}`),
    ...others.map(one => option(`class ${one.name}`, one.name)),
    option(LEAVE_OUT, "leave out"));
  select.addEventListener("change", () => {
    choose(select.value);
    select.blur();
  });
  return select;
}

function figure(card, select) {
  const picture = card.image
    ? element("img", { src: card.image, alt: "", loading: "lazy" })
    : element("p", { className: "missing" }, "no picture: the file cannot be read");
  const line = (title, text) => element("p", {}, element("span", {}, title), element("bdi", {}, text));
  const lines = [
    element("p", { className: "file" }, element("bdi", {}, card.file)),
    line("class ", card.class),
    ...(card.suggestion === null ? [] : [line("perhaps ", card.suggestion)]),
    element("p", { className: "reason" }, element("bdi", {}, card.reason)),
    ...(card.group === null ? [] : [line("group ", String(card.group))]),
  ];
  return element("article", { title: card.path }, picture, ...lines, select);
}

function head(data, roots, act) {
  const keys = data.classes.slice(0, 10).map((one, at) =>
    element("li", {}, element("kbd", {}, String((at + 1) % 10)), element("bdi", {}, one.name)));
  const others = [["k", "keep the class"], ["d", "leave the image out"], ["u", "take the decision back"], ["← → ↑ ↓", "another image"]]
    .map(([key, what]) => element("li", {}, element("kbd", {}, key), what));
  const button = (text, run) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", run);
    return made;
  };
  const last = root => root.split(/[/\\]/).pop();
  const tables = roots.map((root, at) => {
    const name = at === 0 ? "labels.csv" : `labels-${at + 1}.csv`;
    const what = roots.length > 1 ? `Save the table of ${last(root)}` : "Save the table";
    return button(what, () => save(name, "text/csv", act.table(root)));
  });
  return [
    element("h1", {}, element("bdi", {}, data.title)),
    element("ul", { className: "keys" }, ...keys, ...others),
    element("div", { className: "buttons" }, ...tables,
      button("Save the moves", () => save("move.sh", "application/x-sh", act.moves()))),
  ];
}

function start() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const roots = [...new Set(data.cards.map(card => card.root))];
  const { choices, keep } = stored(`review ${data.id}`);
  const count = element("p", { className: "count", role: "status" });
  let selected = 0;

  const shown = data.cards.map((card, at) => {
    const select = menu(card, data.classes, choice => decide(at, choice));
    const article = figure(card, select);
    article.addEventListener("mousedown", () => go(at, false));
    return { card, select, article };
  });

  function refresh(kept = true) {
    for (const { card, select, article } of shown) {
      const choice = choices.get(card.path) || "";
      select.value = choice;
      const change = choice !== "" && label(card, choice) !== card.class;
      article.className = choice === LEAVE_OUT ? "out" : change ? "changed" : choice ? "kept" : "";
    }
    const files = new Set(data.cards.map(card => card.path)).size;
    const done = decided(data.cards, choices).length;
    const cards = data.cards.length > files ? ` An image that was found several times has several cards, and is decided once: there are ${data.cards.length} cards.` : "";
    count.textContent = `${done} of ${files} images decided.` + cards +
      (kept ? "" : " This browser does not remember decisions: save them before you close the page.");
  }

  function decide(at, choice) {
    const path = data.cards[at].path;
    if (choice) choices.set(path, choice);
    else choices.delete(path);
    refresh(keep());
  }

  function go(at, scroll = true) {
    if (!shown.length) return;
    shown[selected].article.removeAttribute("aria-current");
    selected = Math.max(0, Math.min(shown.length - 1, at));
    const article = shown[selected].article;
    article.setAttribute("aria-current", "true");
    if (scroll) article.scrollIntoView({ block: "nearest" });
  }

  /** The nearest card in the next row in this direction, or the selected one. */
  function beside(direction) {
    const box = at => shown[at].article.getBoundingClientRect();
    const here = box(selected);
    let at = selected;
    while (shown[at] && Math.abs(box(at).top - here.top) < 2) at += direction;
    if (!shown[at]) return selected;
    const row = box(at).top;
    let best = at;
    for (; shown[at] && Math.abs(box(at).top - row) < 2; at += direction) {
      if (Math.abs(box(at).left - here.left) < Math.abs(box(best).left - here.left)) best = at;
    }
    return best;
  }

  const choiceOf = key => {
    if (key === "k") return KEEP;
    if (key === "d") return LEAVE_OUT;
    const one = /^[0-9]$/.test(key) ? data.classes[(Number(key) + 9) % 10] : undefined;
    return one && (one.name === data.cards[selected].class ? KEEP : `class ${one.name}`);
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, button")) return;
    const steps = { ArrowLeft: () => selected - 1, ArrowRight: () => selected + 1, ArrowUp: () => beside(-1), ArrowDown: () => beside(1) };
    const choice = shown.length ? choiceOf(event.key) : undefined;
    if (choice) {
      decide(selected, choice);
      go(selected + 1);
    } else if (event.key === "u" && shown.length) {
      decide(selected, "");
    } else if (steps[event.key]) {
      go(steps[event.key]());
    } else {
      return;
    }
    event.preventDefault();
  });

  const act = {
    table: root => table(data.cards, choices, root),
    moves: () => bytes(moves(data.cards, choices, data.classes)),
  };
  const say = [
    "A key decides about the selected image. The table has a row for each image that is decided; an empty label means that the image is left out. " +
    "The script moves files to the folders of their classes, and those that are left out to a folder beside the image folder.",
    ...(data.left_out ? [`${data.left_out} further images are not on this page. Decide about these, apply the decisions, and make the page anew.`] : []),
  ];
  document.title = data.title;
  document.body.append(
    element("header", {}, ...head(data, roots, act), count),
    element("main", {}, ...say.map(text => element("p", { className: "say" }, text)),
      element("div", { className: "cards" }, ...shown.map(one => one.article))));
  refresh();
  go(0, false);
}

if (typeof document !== "undefined") start();
