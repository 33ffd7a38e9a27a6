// @ts-check
// Draws a time series as an SVG: bars if they are wide enough to be distinguished, otherwise a line. The figures of the
// previous range are a dashed line. The pointer or the arrow keys select a point; a drag or Shift with an arrow key selects
// several. The functions before the class Chart are pure; tests/page tests them.

import { momentText, niceStep, rangeText, ticksOf } from './axis.js';
import { changeText, element, number } from './dom.js';
import { METRICS } from './view.js';

/** @import {Metric, Point, Series} from './types.d.ts' */
/** @typedef {Pick<Series, 'points' | 'interval' | 'to'>} Drawn */
/** @typedef {ReturnType<typeof layoutOf>} Layout */
/** @typedef {{before: Point[], metric: Metric, zone: string, now: number}} Manner */

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = { top: 12, right: 6, bottom: 24, left: 48 };
const BAR_WIDTH_MIN = 5;  // pixels with the gap; narrower bars become a line
const DRAG_MIN = 6;       // pixels

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {Element} parent
 */
function node(name, attributes, parent) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  parent.append(made);
  return made;
}

/**
 * The coordinates of a chart.
 * @param {Drawn} series
 * @param {Metric} metric
 * @param {number} hostWidth   in pixels
 * @param {number} hostHeight
 * @param {Point[]} [before]   the previous range
 */
export function layoutOf({ points }, metric, hostWidth, hostHeight, before = []) {
  const width = hostWidth - MARGIN.left - MARGIN.right;
  const height = hostHeight - MARGIN.top - MARGIN.bottom;
  const values = points.map((point) => point[metric]);
  const valuesBefore = before.slice(0, points.length).map((point) => point[metric]);
  const highest = [...values, ...valuesBefore].reduce((most, value) => Math.max(most, value), 0);
  const step = niceStep(highest);
  const top = Math.max(step * Math.ceil(highest / step), step);
  const slot = width / Math.max(points.length, 1);
  return {
    values, valuesBefore, width, height, step, top, slot,
    x: (/** @type {number} */ index) => MARGIN.left + index * slot,
    y: (/** @type {number} */ value) => MARGIN.top + height * (1 - value / top),
  };
}

/**
 * The point at a distance from the left edge, in pixels; -1 if there is none.
 * @param {Pick<Layout, 'values' | 'slot'>} layout
 * @param {number} left
 */
export function indexAt({ values, slot }, left) {
  const index = Math.floor((left - MARGIN.left) / slot);
  return index >= 0 && index < values.length ? index : -1;
}

/**
 * The unix times at which the interval of a point begins and ends.
 * @param {Drawn} series
 * @param {number} index
 */
export function boundsOf({ points, to }, index) {
  return [Date.parse(points[index].time), Date.parse(points[index + 1]?.time ?? to)];
}

export class Chart {
  /** @type {HTMLElement} */
  #host;
  /** @type {Drawn} */
  #series = { points: [], interval: 'hour', to: '' };
  /** @type {Manner} */
  #manner = { before: [], metric: 'events', zone: 'UTC', now: 0 };
  #drawn = '';         // what the SVG shows
  #selected = -1;      // index of the selected point
  #anchor = -1;        // index at the other end of a selection of several points; -1: only one is selected
  #pressedAt = -1;     // where the pointer was pressed, in pixels; -1: it is not pressed
  #tip = element('div', { className: 'tip', hidden: true });
  /** @type {(from: number, to: number, isOne: boolean) => void} */
  #choose;

  /**
   * @param {HTMLElement} host
   * @param {(from: number, to: number, isOne: boolean) => void} choose  called when the reader opens a selection
   */
  constructor(host, choose) {
    this.#host = host;
    this.#choose = choose;
    host.tabIndex = 0;
    host.setAttribute('role', 'slider');
    host.setAttribute('aria-valuemin', '0');
    host.addEventListener('pointerdown', (event) => this.#onPress(event));
    host.addEventListener('pointermove', (event) => this.#onMove(event));
    host.addEventListener('pointerup', (event) => this.#onRelease(event));
    host.addEventListener('pointercancel', () => this.#clear());
    host.addEventListener('pointerleave', (event) => {
      if (this.#pressedAt < 0 && event.pointerType !== 'touch') this.#clear();
    });
    host.addEventListener('blur', () => this.#clear());
    host.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  /**
   * @param {Drawn} series
   * @param {Manner} manner
   */
  show(series, manner) {
    if (series.points[0]?.time !== this.#series.points[0]?.time || series.interval !== this.#series.interval) {
      this.#selected = -1;
      this.#anchor = -1;
      this.#pressedAt = -1;
    }
    this.#series = series;
    this.#manner = manner;
    this.#draw();
  }

  #layout() {
    const { metric, before } = this.#manner;
    return layoutOf(this.#series, metric, this.#host.clientWidth, this.#host.clientHeight, before);
  }

  // The first point that is not reached yet: the one after the current interval.
  #reached() {
    const { points } = this.#series;
    const ahead = points.findIndex(({ time }) => Date.parse(time) > this.#manner.now);
    return ahead < 0 ? points.length : ahead;
  }

  #draw() {
    const layout = this.#layout();
    const { points, interval } = this.#series;
    const { zone } = this.#manner;
    const drawn = JSON.stringify([layout, points[0]?.time, interval, zone, this.#reached()]);
    if (drawn !== this.#drawn) {
      this.#drawn = drawn;
      this.#host.replaceChildren();
      if (layout.width <= 0 || points.length === 0) return;
      const svg = node('svg', { 'aria-hidden': 'true' }, this.#host);
      this.#drawAxes(svg, layout);
      if (layout.slot >= BAR_WIDTH_MIN) this.#drawBars(svg, layout);
      else this.#drawLine(svg, layout);
      this.#drawPrevious(svg, layout);
      this.#host.append(this.#tip);
      this.#host.setAttribute('aria-label', `${METRICS[this.#manner.metric]} by ${interval}`);
      this.#host.setAttribute('aria-valuemax', String(points.length - 1));
    }
    this.#mark();
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawAxes(svg, { step, top, x, y, slot, width, height }) {
    for (let value = 0; value <= top; value += step) {
      const at = Math.round(y(value)) + 0.5;
      node('line', { class: 'grid', x1: MARGIN.left, x2: MARGIN.left + width, y1: at, y2: at }, svg);
      node('text', { x: MARGIN.left - 10, y: at + 4, 'text-anchor': 'end' }, svg).textContent = compact.format(value);
    }
    const { points, interval } = this.#series;
    const isMiddle = interval !== 'minute' && interval !== 'hour';
    const labels = Math.max(2, Math.floor(width / (isMiddle ? 76 : 62)));
    for (const { index, text } of ticksOf(points, interval, labels, this.#manner.zone)) {
      const at = x(index) + (isMiddle ? slot / 2 : 0);
      if (at < MARGIN.left + 6 || at > MARGIN.left + width - 18) continue;
      const label = node('text', { x: at, y: MARGIN.top + height + 19, 'text-anchor': 'middle' }, svg);
      label.textContent = text;
    }
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawBars(svg, { values, x, y, slot, height }) {
    const gap = Math.min(slot * 0.22, 6);
    const radius = Math.min(4, (slot - gap) / 2);
    const floor = MARGIN.top + height;
    const current = this.#reached() - 1;
    const isUnfinished = current >= 0 && boundsOf(this.#series, current)[1] > this.#manner.now;
    values.forEach((value, index) => {
      if (value === 0) return;
      const left = x(index) + gap / 2;
      const right = x(index) + slot - gap / 2;
      const top = Math.min(y(value), floor - 2);  // one event stays visible beside a million
      const bend = Math.min(radius, floor - top);
      const path = `M${left} ${floor}V${top + bend}Q${left} ${top} ${left + bend} ${top}` +
        `H${right - bend}Q${right} ${top} ${right} ${top + bend}V${floor}Z`;
      const name = isUnfinished && index === current ? 'bar unfinished' : 'bar';
      node('path', { class: name, d: path, 'data-index': index }, svg);
    });
  }

  /** @type {(values: number[], layout: Layout) => string} */
  #lineOf(values, { x, y, slot }) {
    return values.map((value, index) => `${(x(index) + slot / 2).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawLine(svg, layout) {
    const { values, x, slot, height } = layout;
    const reached = values.slice(0, Math.max(this.#reached(), 1));
    const floor = MARGIN.top + height;
    const line = this.#lineOf(reached, layout);
    const last = x(reached.length - 1) + slot / 2;
    node('path', { class: 'area', d: `M${x(0) + slot / 2} ${floor}L${line}L${last} ${floor}Z` }, svg);
    node('path', { class: 'stroke', d: `M${line}` }, svg);
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawPrevious(svg, layout) {
    if (!layout.valuesBefore.some((value) => value > 0)) return;
    node('path', { class: 'previous', d: `M${this.#lineOf(layout.valuesBefore, layout)}` }, svg);
  }

  /** @param {PointerEvent} event */
  #left(event) {
    return event.clientX - this.#host.getBoundingClientRect().left;
  }

  /** @param {PointerEvent} event */
  #onPress(event) {
    if (event.button !== 0) return;
    const index = indexAt(this.#layout(), this.#left(event));
    if (index < 0) return;
    // A finger has no hover: its first tap selects, and the second one opens.
    const isFirstTap = event.pointerType === 'touch' && index !== this.#selected;
    this.#pressedAt = isFirstTap ? -1 : this.#left(event);
    this.#host.setPointerCapture(event.pointerId);
    this.#select(index, index);
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const layout = this.#layout();
    const left = this.#left(event);
    if (event.pointerType === 'touch' && this.#pressedAt < 0) {
      if (this.#anchor >= 0) this.#pressedAt = left;  // the tap becomes a drag
      return;
    }
    if (this.#pressedAt < 0) return this.#select(indexAt(layout, left), -1);
    const within = Math.min(Math.max(left, MARGIN.left), MARGIN.left + layout.width - 1);
    this.#select(indexAt(layout, within), this.#anchor);
  }

  /** @param {PointerEvent} event */
  #onRelease(event) {
    const pressedAt = this.#pressedAt;
    this.#pressedAt = -1;
    if (pressedAt < 0) {
      this.#anchor = -1;
      return;
    }
    const isDrag = Math.abs(this.#left(event) - pressedAt) >= DRAG_MIN && this.#anchor !== this.#selected;
    if (!isDrag) this.#anchor = -1;
    this.#open();
  }

  #open() {
    if (this.#selected < 0) return;
    const [first, last] = this.#ends(this.#selected);
    const [from, to] = [boundsOf(this.#series, first)[0], boundsOf(this.#series, last)[1]];
    this.#clear();
    this.#choose(from, to, first === last);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#series.points.length - 1;
    if (event.key === 'Enter') return this.#open();
    if (event.key === 'Escape') return this.#clear();
    const current = this.#selected < 0 && event.key === 'ArrowLeft' ? this.#reached() : this.#selected;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: last };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const anchor = this.#anchor < 0 ? this.#selected : this.#anchor;
    this.#select(Math.min(Math.max(next, 0), last), event.shiftKey ? anchor : -1);
  }

  #clear() {
    this.#pressedAt = -1;
    this.#select(-1, -1);
  }

  /**
   * @param {number} index
   * @param {number} anchor
   */
  #select(index, anchor) {
    this.#selected = index;
    this.#anchor = anchor;
    this.#mark();
  }

  // Shows the selection in the drawn SVG.
  #mark() {
    const svg = this.#host.querySelector('svg');
    const { points } = this.#series;
    const index = this.#selected;
    this.#host.querySelector('.bar.lit')?.classList.remove('lit');
    this.#host.querySelectorAll('.hair, .dot, .selection').forEach((mark) => mark.remove());
    this.#tip.hidden = !svg || index < 0 || index >= points.length;
    const shown = index < 0 ? this.#reached() - 1 : index;
    if (points[shown]) this.#host.setAttribute('aria-valuenow', String(shown));
    if (points[shown]) this.#host.setAttribute('aria-valuetext', this.#inWords(shown));
    if (!svg || this.#tip.hidden) return;
    const layout = this.#layout();
    const center = layout.x(index) + layout.slot / 2;
    if (this.#anchor >= 0 && this.#anchor !== index) {
      const [first, last] = this.#ends(index);
      node('rect', { class: 'selection', x: layout.x(first), width: layout.x(last + 1) - layout.x(first), y: MARGIN.top,
        height: layout.height }, svg);
    }
    svg.querySelector(`.bar[data-index="${index}"]`)?.classList.add('lit');
    if (layout.slot < BAR_WIDTH_MIN) {
      node('line', { class: 'hair', x1: center, x2: center, y1: MARGIN.top, y2: MARGIN.top + layout.height }, svg);
      node('circle', { class: 'dot', cx: center, cy: layout.y(layout.values[index]), r: 4.5 }, svg);
    }
    this.#showTip(index, layout);
  }

  // The first and the last index of the selection that ends at `index`.
  #ends(/** @type {number} */ index) {
    const other = this.#anchor < 0 ? index : this.#anchor;
    return [Math.min(index, other), Math.max(index, other)];
  }

  /**
   * The time of the selection, and its figures. Those of several intervals are sums; users cannot be added.
   * @param {number} index
   * @returns {{moment: string, figures: [Metric, string, number][]}}
   */
  #selection(index) {
    const { interval, points } = this.#series;
    const { zone } = this.#manner;
    const [first, last] = this.#ends(index);
    const [from, to] = [boundsOf(this.#series, first)[0], boundsOf(this.#series, last)[1]];
    const sum = (/** @type {Metric} */ metric) =>
      points.slice(first, last + 1).reduce((total, point) => total + point[metric], 0);
    const metrics = /** @type {Metric[]} */ (Object.keys(METRICS)).filter((metric) => first === last || metric !== 'unique_users');
    return {
      moment: first === last ? momentText(from, to, interval, zone) : rangeText(from, to, zone),
      figures: metrics.map((metric) => [metric, METRICS[metric], sum(metric)]),
    };
  }

  /** @param {number} index */
  #inWords(index) {
    const { moment, figures } = this.#selection(index);
    return `${moment}: ${figures.map(([, name, value]) => `${name.toLowerCase()} ${number.format(value)}`).join(', ')}`;
  }

  /** @type {(index: number, layout: Layout) => void} */
  #showTip(index, { x, slot }) {
    const { metric, before } = this.#manner;
    const point = this.#series.points[index];
    const [first, last] = this.#ends(index);
    const { moment, figures } = this.#selection(index);
    const line = (/** @type {string} */ name, /** @type {string} */ value, className = '') =>
      element('div', { className }, element('span', {}, name), element('span', {}, value));
    const lines = figures.map(([key, name, value]) => line(name, number.format(value), key === metric ? 'shown' : ''));
    if (before[index] && first === last) {
      const change = changeText(point[metric], before[index][metric]);
      lines.push(line('Previous', `${number.format(before[index][metric])}${change ? `  (${change})` : ''}`, 'before'));
    }
    this.#tip.replaceChildren(element('strong', {}, moment), ...lines);
    const space = this.#host.clientWidth - this.#tip.offsetWidth;
    const right = x(last) + slot / 2 + 14 + (last - first > 0 ? slot / 2 : 0);
    const left = x(first) + slot / 2 - 14 - (last - first > 0 ? slot / 2 : 0) - this.#tip.offsetWidth;
    const beside = right > space ? left : right;
    this.#tip.style.left = `${Math.min(Math.max(beside, 0), Math.max(space, 0))}px`;
  }
}
