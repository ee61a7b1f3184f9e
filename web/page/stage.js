// ---- The picture, and the explanation that lies over it. ----

/** Where the square that the network sees lies in a picture, in pixels of the picture: [left, top, width, height]. */
function seen(resize, width, height) {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const side = { "center-crop": short * 0.875, letterbox: long }[resize];
  if (!side) return [0, 0, width, height];
  return [(width - side) / 2, (height - side) / 2, side, side];
}

/** Lays the explanation exactly over what the network sees of the picture. */
function placeOverlay(resize) {
  const shown = [element("video"), element("still")].find(one => !one.hidden);
  const [width, height] = [shown?.videoWidth ?? shown?.naturalWidth, shown?.videoHeight ?? shown?.naturalHeight];
  if (!width || !height) return;
  const scale = Math.min(shown.clientWidth / width, shown.clientHeight / height);
  const [left, top, ...size] = seen(resize, width, height).map(length => length * scale);
  const free = [(shown.clientWidth - width * scale) / 2, (shown.clientHeight - height * scale) / 2];
  Object.assign(element("overlay").style, {
    left: `${shown.offsetLeft + free[0] + left}px`, top: `${shown.offsetTop + free[1] + top}px`,
    width: `${size[0]}px`, height: `${size[1]}px`,
  });
}

/** Draws the explanation: red, green, blue and alpha of a square, which the browser enlarges. Without one nothing is drawn. */
function drawOverlay(bytes, resize) {
  const overlay = element("overlay");
  const side = Math.sqrt((bytes?.length || 4) / 4);
  Object.assign(overlay, { width: side, height: side });
  if (bytes?.length) {
    const image = new ImageData(new Uint8ClampedArray(bytes.buffer), side, side);
    overlay.getContext("2d").putImageData(image, 0, 0);
  }
  placeOverlay(resize);
}

/** Shows the video or the still, or with null neither. */
function present(id) {
  for (const one of ["video", "still", "empty"]) element(one).hidden = one !== (id ?? "empty");
}
