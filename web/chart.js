// @ts-check
// Draws a time series as an SVG: bars if they are wide enough to be distinguished, otherwise a line. Times are UTC.
// The functions before the class Chart are pure; tests/page tests them.

/** @import {Interval, Metric, Point} from './types.d.ts' */
/** @typedef {{points: Point[], interval: Interval}} Drawn */
/** @typedef {ReturnType<typeof layoutOf>} Layout */

const SVG = 'http://www.w3.org/2000/svg';
const MARGIN = { top: 12, right: 6, bottom: 24, left: 48 };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const TICK_STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY, 364 * DAY, 728 * DAY,
  1456 * DAY, 3640 * DAY];
/** @type {Record<Interval, number>} */
const INTERVALS = { minute: MINUTE, hour: HOUR, day: DAY };
const BAR_WIDTH_MIN = 5;  // pixels with the gap; narrower bars become a line

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat('en');
const format = (/** @type {Intl.DateTimeFormatOptions} */ options) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const clock = format({ hour: '2-digit', minute: '2-digit' });
const dayAndMonth = format({ day: 'numeric', month: 'short' });
const monthAndYear = format({ month: 'short', year: 'numeric' });
const weekday = format({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });

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
 * The distance of the horizontal grid lines: the smallest of 1, 2, 2.5 or 5 × 10^n that needs at most four lines. At
 * least 1, because events are whole numbers.
 * @param {number} highest
 */
export function niceStep(highest) {
  const rough = Math.max(highest / 4, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  return Math.max(1, power === 1 ? Math.ceil(step) : step);
}

/**
 * The time of a point as the tooltip shows it.
 * @param {string} time
 * @param {Interval} interval
 */
export function momentText(time, interval) {
  const start = Date.parse(time);
  if (interval === 'day') return weekday.format(start);
  return `${weekday.format(start)}, ${clock.format(start)}–${clock.format(start + INTERVALS[interval])}`;
}

/**
 * The distance of the ticks on the time axis: the smallest that is not finer than the interval and needs at most `labels`.
 * @param {number} interval  in milliseconds
 * @param {number} span      of the chart, in milliseconds
 * @param {number} labels
 */
export function tickStep(interval, span, labels) {
  const step = TICK_STEPS.find((candidate) => candidate >= interval && span / candidate <= labels);
  return step ?? TICK_STEPS[TICK_STEPS.length - 1];
}

/**
 * The label of a tick.
 * @param {number} moment  unix time in milliseconds
 * @param {number} step    between two ticks
 * @param {number} span    of the chart
 */
export function tickText(moment, step, span) {
  if (step < DAY) return moment % DAY === 0 ? dayAndMonth.format(moment) : clock.format(moment);
  return span > 400 * DAY ? monthAndYear.format(moment) : dayAndMonth.format(moment);
}

/**
 * The coordinates of a chart.
 * @param {Drawn} series
 * @param {Metric} metric
 * @param {number} hostWidth   in pixels
 * @param {number} hostHeight
 */
export function layoutOf({ points, interval }, metric, hostWidth, hostHeight) {
  const width = hostWidth - MARGIN.left - MARGIN.right;
  const height = hostHeight - MARGIN.top - MARGIN.bottom;
  const values = points.map((point) => point[metric]);
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  const step = niceStep(highest);
  const top = Math.max(step * Math.ceil(highest / step), step);
  const slot = width / Math.max(points.length, 1);
  return {
    points, interval, values, width, height, step, top, slot,
    x: (/** @type {number} */ index) => MARGIN.left + index * slot,
    y: (/** @type {number} */ value) => MARGIN.top + height * (1 - value / top),
  };
}

/**
 * The point at a distance from the left edge, in pixels; -1 if there is none.
 * @param {Layout} layout
 * @param {number} left
 */
export function indexAt({ points, slot }, left) {
  const index = Math.floor((left - MARGIN.left) / slot);
  return index >= 0 && index < points.length ? index : -1;
}

export class Chart {
  /** @type {HTMLElement} */
  #host;
  /** @type {Drawn} */
  #series = { points: [], interval: 'hour' };
  /** @type {Metric} */
  #metric = 'events';
  /** @type {Record<Metric, string>} */
  #names;
  #selected = -1;  // index of the selected point
  /** @type {HTMLElement | undefined} */
  #tip;

  /**
   * @param {HTMLElement} host
   * @param {Record<Metric, string>} names  in the order of the tooltip
   */
  constructor(host, names) {
    this.#host = host;
    this.#names = names;
    host.tabIndex = 0;
    host.setAttribute('role', 'img');
    host.addEventListener('pointermove', (event) => this.#onPointer(event));
    host.addEventListener('pointerleave', () => this.#select(-1));
    host.addEventListener('blur', () => this.#select(-1));
    host.addEventListener('keydown', (event) => this.#onKey(event));
    new ResizeObserver(() => this.#draw()).observe(host);
  }

  /**
   * @param {Drawn} series
   * @param {Metric} metric
   */
  show(series, metric) {
    if (series.points.length !== this.#series.points.length) this.#selected = -1;
    this.#series = series;
    this.#metric = metric;
    this.#draw();
  }

  #layout() {
    return layoutOf(this.#series, this.#metric, this.#host.clientWidth, this.#host.clientHeight);
  }

  #draw() {
    const layout = this.#layout();
    if (layout.width <= 0 || layout.points.length === 0) return this.#host.replaceChildren();
    const svg = document.createElementNS(SVG, 'svg');
    this.#drawValueAxis(svg, layout);
    this.#drawTimeAxis(svg, layout);
    if (layout.slot >= BAR_WIDTH_MIN) this.#drawBars(svg, layout);
    else this.#drawLine(svg, layout);
    this.#host.replaceChildren(svg);
    this.#host.setAttribute('aria-label', this.#inWords(layout));
    this.#select(this.#selected);
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawValueAxis(svg, { step, top, y, width }) {
    for (let value = 0; value <= top; value += step) {
      const at = Math.round(y(value)) + 0.5;
      node('line', { class: 'grid', x1: MARGIN.left, x2: MARGIN.left + width, y1: at, y2: at }, svg);
      node('text', { x: MARGIN.left - 10, y: at + 4, 'text-anchor': 'end' }, svg).textContent = compact.format(value);
    }
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawTimeAxis(svg, { points, interval, x, slot, width, height }) {
    const length = INTERVALS[interval];
    const first = Date.parse(points[0].time);
    const span = points.length * length;
    const step = tickStep(length, span, Math.max(2, Math.floor(width / 72)));
    points.forEach((_, index) => {
      const moment = first + index * length;
      if (moment % step !== 0) return;
      const at = x(index) + (interval === 'day' ? slot / 2 : 0);
      if (at < MARGIN.left + 6 || at > MARGIN.left + width - 18) return;
      const text = node('text', { x: at, y: MARGIN.top + height + 19, 'text-anchor': 'middle' }, svg);
      text.textContent = tickText(moment, step, span);
    });
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawBars(svg, { values, x, y, slot, height }) {
    const gap = Math.min(slot * 0.22, 6);
    const radius = Math.min(4, (slot - gap) / 2);
    const floor = MARGIN.top + height;
    values.forEach((value, index) => {
      if (value === 0) return;
      const left = x(index) + gap / 2;
      const right = x(index) + slot - gap / 2;
      const top = Math.min(y(value), floor - 2);  // one event stays visible beside a million
      const bend = Math.min(radius, floor - top);
      const path = `M${left} ${floor}V${top + bend}Q${left} ${top} ${left + bend} ${top}` +
        `H${right - bend}Q${right} ${top} ${right} ${top + bend}V${floor}Z`;
      node('path', { class: 'bar', d: path, 'data-index': index }, svg);
    });
  }

  /** @type {(svg: Element, layout: Layout) => void} */
  #drawLine(svg, { values, x, y, slot, height }) {
    const floor = MARGIN.top + height;
    const line = values.map((value, index) => `${(x(index) + slot / 2).toFixed(1)} ${y(value).toFixed(1)}`).join('L');
    const last = x(values.length - 1) + slot / 2;
    node('path', { class: 'area', d: `M${x(0) + slot / 2} ${floor}L${line}L${last} ${floor}Z` }, svg);
    node('path', { class: 'stroke', d: `M${line}` }, svg);
  }

  /** @type {(layout: Layout) => string} */
  #inWords({ points, values, interval }) {
    const best = values.indexOf(Math.max(...values));
    const name = this.#names[this.#metric].toLowerCase();
    return `${name} by ${interval}, ${points.length} points; maximum: ${whole.format(values[best])} ` +
      `(${momentText(points[best].time, interval)}). Arrow keys move through the points.`;
  }

  /** @param {PointerEvent} event */
  #onPointer(event) {
    this.#select(indexAt(this.#layout(), event.clientX - this.#host.getBoundingClientRect().left));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#series.points.length - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: this.#selected - 1, ArrowRight: this.#selected + 1, Home: 0, End: last, Escape: -1 };
    const next = moves[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.#select(event.key === 'Escape' ? -1 : Math.min(Math.max(next, 0), last));
  }

  /** @param {number} index */
  #select(index) {
    this.#selected = index;
    this.#host.querySelector('.bar.lit')?.classList.remove('lit');
    this.#host.querySelectorAll('.hair, .dot').forEach((mark) => mark.remove());
    this.#tip?.remove();
    const svg = this.#host.querySelector('svg');
    const layout = this.#layout();
    if (!svg || index < 0 || index >= layout.points.length) return;
    const center = layout.x(index) + layout.slot / 2;
    svg.querySelector(`.bar[data-index="${index}"]`)?.classList.add('lit');
    if (layout.slot < BAR_WIDTH_MIN) {
      node('line', { class: 'hair', x1: center, x2: center, y1: MARGIN.top, y2: MARGIN.top + layout.height }, svg);
      node('circle', { class: 'dot', cx: center, cy: layout.y(layout.values[index]), r: 4.5 }, svg);
    }
    this.#showTip(layout.points[index], layout.interval, center);
  }

  /** @type {(point: Point, interval: Interval, center: number) => void} */
  #showTip(point, interval, center) {
    const tip = document.createElement('div');
    tip.className = 'tip';
    tip.setAttribute('aria-live', 'polite');
    const title = document.createElement('strong');
    title.textContent = momentText(point.time, interval);
    tip.append(title);
    for (const [metric, name] of Object.entries(this.#names)) {
      const line = document.createElement('div');
      const label = document.createElement('span');
      const value = document.createElement('span');
      label.textContent = name;
      value.textContent = whole.format(point[/** @type {Metric} */ (metric)]);
      line.append(label, value);
      tip.append(line);
    }
    this.#host.append(tip);
    const space = this.#host.clientWidth - tip.offsetWidth;
    const beside = center + 14 > space ? center - tip.offsetWidth - 14 : center + 14;
    tip.style.left = `${Math.min(Math.max(beside, 0), space)}px`;
    this.#tip = tip;
  }
}
