// @ts-check
// The tiles: who is there now, and the figures of the range with their change. Their elements are made once.

import { momentText } from './axis.js';
import { byId, changeText, element, number, percent, setText } from './dom.js';
import { METRICS } from './view.js';

/** @import {Answers, Go, Metric, Now} from './types.d.ts' */

const SVG = 'http://www.w3.org/2000/svg';
const MINUTES = 30;

/** @param {Metric} metric */
function makeTile(metric) {
  const value = element('b', { className: 'figure' });
  const error = element('span', { className: 'error' });
  const change = element('span', { className: 'change' });
  const before = element('span', { className: 'before' });
  const tile = element('button', { type: 'button', className: 'tile' },
    element('span', { className: 'name' }, METRICS[metric]),
    element('span', { className: 'value' }, value, error),
    element('span', { className: 'compared' }, change, before));
  tile.dataset.metric = metric;
  return { tile, value, error, change, before };
}

/** @type {Map<Metric, ReturnType<typeof makeTile>>} */
const tiles = new Map();

/** @param {Go} go  shows another view */
export function makeTiles(go) {
  for (const metric of /** @type {Metric[]} */ (Object.keys(METRICS))) {
    const made = makeTile(metric);
    made.tile.addEventListener('click', () => go({ show: metric }));
    tiles.set(metric, made);
    byId('tiles').append(made.tile);
  }
  const bars = document.createElementNS(SVG, 'svg');
  bars.setAttribute('viewBox', `0 0 ${MINUTES * 6} 40`);
  bars.setAttribute('preserveAspectRatio', 'none');
  bars.setAttribute('role', 'img');
  byId('minutes').append(bars);
}

/** @param {Answers} answers */
export function showTiles({ view, summary, before, range }) {
  for (const [metric, { tile, value, error, change, before: compared }] of tiles) {
    tile.setAttribute('aria-pressed', String(metric === view.show));
    setText(value, number.format(summary[metric]));
    const isEstimate = metric === 'unique_users' && summary.unique_users_error > 0;
    setText(error, isEstimate ? `± ${percent.format(summary.unique_users_error)}` : '');
    const text = before ? changeText(summary[metric], before[metric]) : null;
    setText(change, text ?? '');
    change.dataset.direction = text?.startsWith('−') ? 'down' : text === '±0 %' ? 'same' : 'up';
    const isCut = range.previous && range.previous.until !== range.previous.to;
    setText(compared, before ? `from ${number.format(before[metric])}${isCut ? ' by this time' : ''}` : '');
  }
}

/**
 * @param {Now} now
 * @param {string} zone
 */
export function showNow({ visitors, minutes }, zone) {
  setText(byId('visitors'), number.format(visitors));
  const bars = /** @type {SVGElement} */ (byId('minutes').querySelector('svg'));
  const shown = minutes.slice(-MINUTES);
  const key = JSON.stringify(shown.map((point) => [point.time, point.unique_users]));
  if (bars.dataset.shown === key) return;
  bars.dataset.shown = key;
  const most = Math.max(1, ...shown.map((point) => point.unique_users));
  bars.replaceChildren(...shown.map(({ time, unique_users: users }, index) => {
    const bar = document.createElementNS(SVG, 'rect');
    const height = users === 0 ? 1.5 : Math.max(3, (38 * users) / most);
    const place = { x: index * 6 + 0.75, width: 4.5, y: 40 - height, height, class: users === 0 ? 'none' : 'some' };
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, String(value));
    const title = document.createElementNS(SVG, 'title');
    const start = Date.parse(time);
    title.textContent = `${momentText(start, start + 60_000, 'minute', zone)}: ${number.format(users)} users`;
    bar.append(title);
    return bar;
  }));
  const peak = number.format(most);
  bars.setAttribute('aria-label', `Users of each of the last ${shown.length} minutes; at most ${peak} in one minute`);
}
