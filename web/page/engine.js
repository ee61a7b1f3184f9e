// ---- The engine, in a worker. ----

/** The bytes of a data block of the page. */
function embedded(id) {
  const text = document.getElementById(id).textContent;
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

let worker;
const waiting = new Map();
let questions = 0;

/** Lets the worker do a job, and waits for its result. */
function work(job, options = {}, transferred = []) {
  const id = questions++;
  worker.postMessage({ id, job, ...options }, transferred);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

/** Starts the worker. The result is what the classifier says of itself. */
async function startEngine() {
  const script = new Blob([document.getElementById("worker").textContent], { type: "text/javascript" });
  worker = new Worker(URL.createObjectURL(script));
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
  const modules = ["relaxed-simd", "simd128"].map(embedded);
  const file = embedded("classifier");
  const { about } = await work("start", { modules, file }, [...modules, file].map(bytes => bytes.buffer));
  return about;
}
