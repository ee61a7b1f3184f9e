// ---- Pictures that are opened, dropped or pasted: files with a path to show. ----

const named = (file, path) => ({ file, path: path || file.name });
/** All but what systems hide, such as `.DS_Store`: a file that is no picture gets a row that says so. */
const isShown = ({ file }) => !file.name.startsWith(".");

/** The files of an input. */
function picked(input) {
  const files = [...input.files].map(file => named(file, file.webkitRelativePath));
  input.value = "";
  return files.filter(isShown);
}

/** All files below an entry that was dropped. */
async function below(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [named(file, entry.fullPath.replace(/^\//, ""))];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A part of the folder at a time, until nothing is left.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) break;
    for (const child of part) found.push(...(await below(child)));
  }
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

/** The files of a drop or of the clipboard. */
async function transferred(data) {
  // The list of items is empty once this function has waited.
  const entries = [...data.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);
  const files = [...data.files].map(file => named(file));
  if (entries.length === 0) return files.filter(isShown);
  const found = [];
  for (const entry of entries) found.push(...(await below(entry)));
  return found.filter(isShown);
}

/** Draws a small copy of a picture; one that the browser cannot show stays empty. */
async function thumbnail(file) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 112, height: 112 });
  try {
    const bitmap = await createImageBitmap(file);
    const scale = 112 / Math.max(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, (112 - width) / 2, (112 - height) / 2, width, height);
    bitmap.close();
  } catch {
    // What is no picture has a row that says so.
  }
  return canvas;
}
