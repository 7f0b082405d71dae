// Dragging the mark of a plane tells where it is, in the plane's own units, at most every 60 ms.
let dragging = false, told = 0, waiting = null;
const place = (event) => {
  const svg = element.querySelector('svg');
  const [left, right, bottom, top] = svg.dataset.box.split(' ').map(Number);
  const edge = Number(svg.dataset.edge), { width, height } = svg.viewBox.baseVal;
  const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const x = Math.min(Math.max(at.x, edge), width - edge);
  const y = Math.min(Math.max(at.y, edge), height - edge);
  const mark = svg.querySelector('.mark');
  mark.setAttribute('cx', x);
  mark.setAttribute('cy', y);
  const across = (x - edge) / (width - 2 * edge), down = (y - edge) / (height - 2 * edge);
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    told = Date.now();
    trigger('input', { x: left + across * (right - left), y: top - down * (top - bottom) });
  }, Math.max(0, 60 - (Date.now() - told)));
};
element.addEventListener('pointerdown', (event) => {
  if (!event.target.closest('svg')) return;
  dragging = true;
  element.setPointerCapture(event.pointerId);
  place(event);
});
element.addEventListener('pointermove', (event) => { if (dragging) place(event); });
element.addEventListener('pointerup', () => { dragging = false; });
element.addEventListener('pointercancel', () => { dragging = false; });
