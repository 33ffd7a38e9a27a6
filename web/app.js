// @ts-check
// The page: queries Weir every few seconds and shows the answers. Text that clients sent is written only as text
// (textContent, append), never as markup, and never becomes an address.

import { Chart } from './chart.js';
import { showLedger } from './ledger.js';
import { hashOf, rangeOf, RANGES, seriesOf, viewOf } from './view.js';

/** @import {Answers, Ask, List, Metric, Row, Top, View} from './types.d.ts' */

const POLL_MS = 3000;
/** @type {Record<Metric, string>} */
const METRICS = { events: 'Events', page_views: 'Page views', unique_users: 'Unique users' };
/** @type {List[]} */
const LISTS = [
  { dimension: 'page', title: 'Pages', sort: 'page_views', unit: 'Views', none: 'No pages yet' },
  { dimension: 'referrer', title: 'Referrers', sort: 'page_views', unit: 'Views', none: 'No referrers yet' },
  { dimension: 'activity_type', title: 'Activity', sort: 'events', unit: 'Events', none: 'No activity yet' },
];

const number = new Intl.NumberFormat('en');
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
const change = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
const moment = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'medium', timeStyle: 'short' });

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const inputOf = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id));
const linkOf = (/** @type {string} */ id) => /** @type {HTMLAnchorElement} */ (byId(id));
const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const chart = new Chart(byId('chart'), METRICS);
/** @type {Metric} */
let metric = 'events';
let shown = '';          // the data from which the lists were last built
let timer = 0;
let request = new AbortController();
/** @type {Answers | null} */
let answers = null;      // of the last refresh

/** A refusal of Weir. */
class Refusal extends Error {
  /**
   * @param {string} text
   * @param {number} status
   */
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} properties
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/**
 * @param {string} path
 * @param {Record<string, string>} parameters
 * @param {AbortSignal} signal
 */
async function ask(path, parameters, signal) {
  const response = await fetch(`api/v1/${path}?${new URLSearchParams(parameters)}`, { signal });
  const answer = await response.json().catch(() => ({ error: `Weir answered ${response.status}` }));
  if (response.ok) return answer;
  throw new Refusal(answer.error ?? `Weir answered ${response.status}`, response.status);
}

/**
 * Sends all queries of a view.
 * @param {View} view
 * @param {AbortSignal} signal
 * @returns {Promise<Answers>}
 */
async function askAll(view, signal) {
  /** @type {Ask} */
  const askNow = (path, parameters) => ask(path, parameters, signal);
  const range = await rangeOf(view, askNow);
  const span = { from: range.from, to: range.to };
  /** @type {Record<string, string>} */
  const filter = view.filter ? { [view.filter.dimension]: view.filter.value } : {};
  const [summary, series, ledger, ...lists] = await Promise.all([
    ask('summary', { ...span, ...filter, compare: 'previous' }, signal),
    seriesOf(askNow, span, filter, range.interval),
    ask('ledger', {}, signal),
    ...LISTS.map(({ dimension, sort }) => ask('top', { ...span, dimension, sort, limit: '10' }, signal)),
  ]);
  return { view, span, filter, summary, series, ledger, lists };
}

/** @param {Answers} answers */
function showTiles({ summary }) {
  const names = /** @type {Metric[]} */ (Object.keys(METRICS));
  const tiles = names.map((name) => {
    const tile = element('button', { type: 'button', className: 'tile' });
    tile.setAttribute('aria-pressed', String(name === metric));
    tile.dataset.key = `tile ${name}`;
    const value = element('span', { className: 'value' }, number.format(summary[name]));
    if (name === 'unique_users' && summary.unique_users_error > 0)
      value.append(element('span', { className: 'error' }, `± ${percent.format(summary.unique_users_error)}`));
    const before = summary.previous[name];
    const compared = element('span', { className: 'change' });
    if (before > 0) compared.append(element('b', {}, change.format(summary[name] / before - 1)), ' vs. ');
    compared.append(`${number.format(before)} in the previous range`);
    tile.append(element('span', { className: 'name' }, METRICS[name]), value, compared);
    tile.addEventListener('click', () => {
      metric = name;
      if (answers) show(answers);
    });
    return tile;
  });
  byId('tiles').replaceChildren(...tiles);
}

/** @param {Answers} answers */
function showChart({ series, span, filter }) {
  byId('chart-title').textContent = METRICS[metric];
  const resolution = series.resolution ? `; no data finer than the ${series.resolution} is kept for this range` : '';
  byId('chart-note').textContent = `by ${series.interval}${resolution}`;
  const csv = { ...span, ...filter, interval: series.interval, format: 'csv' };
  linkOf('chart-csv').hidden = !series.isOne;  // a CSV file has at most the points of one answer
  linkOf('chart-csv').href = `api/v1/timeseries?${new URLSearchParams(csv)}`;
  chart.show(series, metric);
}

// Replaces control characters and those that change the direction of the text, so that they are visible.
const visible = (/** @type {string} */ text) => text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');

/**
 * @param {List} list
 * @param {Row} row
 * @param {number} most  the highest figure of the list
 * @param {View} view
 */
function listRow(list, row, most, view) {
  const chosen = view.filter?.dimension === list.dimension && view.filter.value === row.value;
  const meter = element('span', { className: 'meter' });
  meter.style.width = `${(100 * row[list.sort]) / Math.max(most, 1)}%`;
  const name = element('button', { type: 'button', className: 'row', title: visible(row.value) }, visible(row.value));
  if (/^\((none|direct|unknown)\)$/.test(row.value)) name.classList.add('special');
  name.setAttribute('aria-pressed', String(chosen));
  name.dataset.key = `${list.dimension} ${row.value}`;
  const filter = chosen ? null : { dimension: list.dimension, value: row.value };
  name.addEventListener('click', () => go({ ...view, filter }));
  return element('tr', {}, element('td', {}, meter, name), element('td', {}, number.format(row[list.sort])),
    element('td', { className: 'users' }, number.format(row.unique_users)));
}

/**
 * @param {List} list
 * @param {Top} answer
 * @param {Answers} answers
 */
function listCard(list, answer, { view, span }) {
  const rows = answer.rows.filter((row) => row[list.sort] > 0);
  const most = rows[0]?.[list.sort] ?? 0;
  const head = element('tr', {}, element('th', { scope: 'col' }, ''), element('th', { scope: 'col' }, list.unit),
    element('th', { scope: 'col' }, 'Users'));
  const table = element('table', {}, element('thead', {}, head),
    element('tbody', {}, ...rows.map((row) => listRow(list, row, most, view))));
  if (rows.length === 0)
    table.tBodies[0].append(element('tr', {}, element('td', { className: 'none', colSpan: 3 }, list.none)));
  if (answer.other[list.sort] > 0)
    table.append(element('tfoot', {}, element('tr', {}, element('td', {}, 'all others'),
      element('td', {}, number.format(answer.other[list.sort])), element('td'))));
  const csv = new URLSearchParams({ ...span, dimension: list.dimension, sort: list.sort, limit: '500', format: 'csv' });
  return element('section', { className: 'card list' },
    element('div', { className: 'card-head' }, element('h2', {}, list.title),
      element('a', { className: 'csv', href: `api/v1/top?${csv}`, download: `weir-${list.dimension}.csv` }, 'CSV')),
    table);
}

/** @param {Answers} answers */
function showScope({ view, summary }) {
  const [from, to] = [summary.from, summary.to].map((time) => moment.format(Date.parse(time)));
  byId('range-text').textContent = `${from} – ${to} UTC`;
  const chip = byId('filter');
  chip.hidden = !view.filter;
  if (!view.filter) return;
  chip.textContent = `only ${view.filter.dimension.replace('_', ' ')} ${visible(view.filter.value)}  ×`;
  chip.title = 'Show everything again';
}

/** @param {Answers} all */
function show(all) {
  answers = all;
  const { view, summary, lists, ledger } = all;
  const isEmpty = summary.events === 0 && !view.filter;
  byId('empty').hidden = !isEmpty;
  byId('numbers').hidden = isEmpty;
  byId('elsewhere').hidden = ledger.sums.tallied === 0 || view.last === 'all';
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.key;
  showScope(all);
  showTiles(all);
  showChart(all);
  const content = JSON.stringify([view, lists]);
  if (content !== shown) byId('lists').replaceChildren(...LISTS.map((list, i) => listCard(list, lists[i], all)));
  shown = content;
  showLedger(ledger);
  const keyed = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-key]'));
  if (focused) [...keyed].find((one) => one.dataset.key === focused)?.focus();
}

/** @param {View} view */
function showRanges(view) {
  const buttons = Object.entries({ ...RANGES, custom: { title: 'Custom' } }).map(([name, { title }]) => {
    const button = element('button', { type: 'button' }, title);
    button.setAttribute('aria-pressed', String(name === (view.last ?? 'custom')));
    const choose = () => go({ ...view, last: name, from: null, to: null });
    button.addEventListener('click', name === 'custom' ? openCustom : choose);
    return button;
  });
  byId('ranges').replaceChildren(...buttons);
  byId('custom').hidden = Boolean(view.last);
  if (!view.last) fillCustom(view.from, view.to);
}

/**
 * @param {string | null} from
 * @param {string | null} to
 */
function fillCustom(from, to) {
  inputOf('custom-from').value = (from ?? '').slice(0, 16);
  inputOf('custom-to').value = (to ?? '').slice(0, 16);
}

function openCustom() {
  byId('custom').hidden = false;
  if (answers) fillCustom(answers.span.from, answers.span.to);
  byId('custom-from').focus();
}

/**
 * @param {string} state
 * @param {string} text
 */
function setStatus(state, text) {
  byId('status').dataset.state = state;
  if (byId('status').textContent !== text) byId('status').textContent = text;
}

/** @param {string | null} text */
function showProblem(text) {
  byId('problem').hidden = !text;
  byId('problem').textContent = text ?? '';
  main.classList.toggle('stale', Boolean(text));
}

async function refresh() {
  clearTimeout(timer);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  try {
    show(await askAll(viewOf(location.hash), signal));
    setStatus('live', 'live');
    showProblem(null);
  } catch (error) {
    if (signal.aborted) return;
    const refusal = error instanceof Refusal ? error : null;
    const isLive = refusal?.status === 400;
    setStatus(isLive ? 'live' : 'away', isLive ? 'live' : 'Weir does not answer; retrying');
    showProblem(refusal?.message ?? null);
    main.classList.add('stale');
  }
  if (!document.hidden) timer = window.setTimeout(refresh, POLL_MS);
}

/** @param {Partial<View>} view */
function go(view) {
  const hash = hashOf(view);
  if (hash === location.hash) refresh();
  else location.hash = hash;
}

function showCurl() {
  const time = new Date().toISOString().replace(/\.\d+/, '');
  byId('curl').textContent = `curl ${new URL('activity', document.baseURI)} -d '{"user_id":"ann","activity_type":"page_view",
  "timestamp":"${time}","metadata":{"page_url":"/hello","referrer":"https://example.org/"}}'`;
}

function begin() {
  showRanges(viewOf(location.hash));
  showCurl();
  addEventListener('hashchange', () => { showRanges(viewOf(location.hash)); refresh(); });
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    if (!document.hidden) refresh();
  });
  byId('filter').addEventListener('click', () => go({ ...viewOf(location.hash), filter: null }));
  byId('show-all').addEventListener('click', () => go({ last: 'all' }));
  byId('copy').addEventListener('click', async () => {
    getSelection()?.selectAllChildren(byId('curl'));
    if (!navigator.clipboard) return;  // browsers provide it only for https and localhost
    await navigator.clipboard.writeText(byId('curl').textContent);
    byId('copy').textContent = 'Copied';
  });
  byId('custom').addEventListener('submit', (event) => {
    event.preventDefault();
    const [from, to] = ['custom-from', 'custom-to'].map((id) => `${inputOf(id).value.slice(0, 16)}:00Z`);
    go({ ...viewOf(location.hash), last: null, from, to });
  });
  refresh();
}

begin();
