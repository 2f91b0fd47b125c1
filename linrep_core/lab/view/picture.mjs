// A picture of the panels: every SVG with its computed colours, every canvas, where they stand on the page.

const PROPERTIES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity",
  "font-size", "font-family", "font-weight", "visibility"];
const SCALE = 2;
const MARGIN = 16;

/** A copy of an SVG that needs no style sheet. */
function selfContained(original) {
  const copy = original.cloneNode(true);
  const from = [original, ...original.querySelectorAll("*")];
  const to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((element, k) => {
    const style = getComputedStyle(element);
    for (const name of PROPERTIES) to[k].style.setProperty(name, style.getPropertyValue(name));
  });
  const box = original.getBoundingClientRect();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  return new XMLSerializer().serializeToString(copy);
}

function loaded(text) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("the picture of a panel could not be drawn"));
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
}

/**
 * @param {HTMLElement} element whose panels are drawn
 * @param {object} theme
 * @returns {Promise<Blob>} a PNG at twice the size on the page
 */
export async function pictureOf(element, theme) {
  const panels = [...element.querySelectorAll(".ll-panel")];
  const caption = element.querySelector(".ll-caption").textContent;
  const boxes = panels.map((panel) => panel.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left)) - MARGIN;
  const top = Math.min(...boxes.map((box) => box.top)) - MARGIN - 28;
  const width = Math.max(...boxes.map((box) => box.right)) + MARGIN - left;
  const height = Math.max(...boxes.map((box) => box.bottom)) + MARGIN - top;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(width * SCALE), Math.round(height * SCALE)];
  const context = canvas.getContext("2d");
  context.scale(SCALE, SCALE);
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, width, height);
  context.fillStyle = theme.ink;
  context.textBaseline = "top";
  context.font = `14px ${theme.font}`;
  context.fillText(caption, MARGIN, MARGIN, width - 2 * MARGIN);
  for (const panel of panels) {
    for (const part of panel.querySelectorAll("figcaption, .ll-body-sentence, .ll-dial-name, .ll-dial-value")) {
      const box = part.getBoundingClientRect();
      const style = getComputedStyle(part);
      const centred = style.textAlign === "center";
      context.font = `${style.fontWeight} ${style.fontSize} ${theme.font}`;
      context.textAlign = centred ? "center" : "left";
      context.fillText(part.textContent, box.left - left + (centred ? box.width / 2 : 0), box.top - top, box.width);
    }
    context.textAlign = "left";
    for (const picture of panel.querySelectorAll("svg, canvas")) {
      const box = picture.getBoundingClientRect();
      const image = picture instanceof HTMLCanvasElement ? picture : await loaded(selfContained(picture));
      context.drawImage(image, box.left - left, box.top - top, box.width, box.height);
    }
  }
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
