// A sheet of 8 by 8 pixels: a soft pen adds ink; the value is the list of what each pixel holds.
const SIDE = 8, CELL = 28;
let ink = new Array(SIDE * SIDE).fill(0), drawing = false;
// asked for anew each time: the page may have written the sheet again
const sheet = () => element.querySelector('canvas');
const show = () => {
  const canvas = sheet(), pen = canvas.getContext('2d');
  const style = getComputedStyle(canvas);
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = style.color;
  ink.forEach((value, i) => {
    pen.globalAlpha = value;
    pen.fillRect((i % SIDE) * CELL, Math.floor(i / SIDE) * CELL, CELL, CELL);
  });
  pen.globalAlpha = 1;
};
const read = () => {
  try { ink = JSON.parse(props.value || ''); } catch { ink = new Array(SIDE * SIDE).fill(0); }
  show();
};
const touch = (event) => {
  const box = sheet().getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * SIDE;
  const y = ((event.clientY - box.top) / box.height) * SIDE;
  ink = ink.map((value, i) => {
    const far = (x - (i % SIDE) - 0.5) ** 2 + (y - Math.floor(i / SIDE) - 0.5) ** 2;
    return Math.min(1, value + 0.8 * Math.exp(-far / 0.45));
  });
  show();
};
const tell = () => {
  props.value = JSON.stringify(ink.map((value) => Math.round(value * 1e4) / 1e4));
  trigger('input', {});
};
element.addEventListener('pointerdown', (event) => {
  if (event.target !== sheet()) return;
  drawing = true;
  element.setPointerCapture(event.pointerId);
  touch(event);
});
element.addEventListener('pointermove', (event) => { if (drawing) touch(event); });
const end = () => { if (drawing) { drawing = false; tell(); } };
element.addEventListener('pointerup', end);
element.addEventListener('pointercancel', end);
watch('value', read);
read();
