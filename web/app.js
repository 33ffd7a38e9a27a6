// The page: what is asked of Weir, and what is shown of the answers. Whatever clients sent is only ever written as
// text (textContent, append), never as markup, and never becomes an address.

import { Chart } from './chart.js';
import { showAccount } from './account.js';
import { hashOf, listsOf, rangeOf, RANGES, seriesOf, shownLists, viewOf } from './view.js';

const POLL_MS = 3000;
const METRICS = { events: 'Events', page_views: 'Page views', unique_users: 'Unique users' };

const number = new Intl.NumberFormat('en');
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
const change = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
const moment = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', dateStyle: 'medium', timeStyle: 'short' });

const byId = (id) => document.getElementById(id);
const chart = new Chart(byId('chart'), METRICS);
let metric = 'events';
let shown = '';          // what the lists were last built from
let timer = 0;
let asking = new AbortController();
let answers = null;      // the last that came

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

async function ask(path, parameters, signal) {
  const response = await fetch(`api/v1/${path}?${new URLSearchParams(parameters)}`, { signal });
  const answer = await response.json().catch(() => ({ error: `Weir answered ${response.status}` }));
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.error ?? `Weir answered ${response.status}`), { status: response.status });
}

async function askAll(view, signal) {
  const askNow = (path, parameters) => ask(path, parameters, signal);
  const range = await rangeOf(view, askNow);
  const span = { from: range.from, to: range.to };
  const filter = view.filter ? { [view.filter.dimension]: view.filter.value } : {};
  const lists = listsOf((await ask('dimensions', {}, signal)).dimensions);
  const [summary, series, ledger, ...tops] = await Promise.all([
    ask('summary', { ...span, ...filter, compare: 'previous' }, signal),
    seriesOf(askNow, span, filter, range.interval),
    ask('ledger', {}, signal),
    ...lists.map(({ dimension, sort }) => ask('top', { ...span, dimension, sort, limit: 10 }, signal)),
  ]);
  return { view, span, filter, summary, series, ledger, lists: shownLists(lists, tops) };
}

function showTiles({ summary }) {
  const tiles = Object.entries(METRICS).map(([name, title]) => {
    const tile = element('button', { type: 'button', className: 'tile' });
    tile.setAttribute('aria-pressed', String(name === metric));
    tile.dataset.key = `tile ${name}`;
    const value = element('span', { className: 'value' }, number.format(summary[name]));
    if (name === 'unique_users' && summary.unique_users_error > 0)
      value.append(element('span', { className: 'error' }, `± ${percent.format(summary.unique_users_error)}`));
    const before = summary.previous[name];
    const compared = element('span', { className: 'change' });
    if (before > 0) compared.append(element('b', {}, change.format(summary[name] / before - 1)), ' on ');
    compared.append(`${number.format(before)} in the range before`);
    tile.append(element('span', { className: 'name' }, title), value, compared);
    tile.addEventListener('click', () => { metric = name; show(answers); });
    return tile;
  });
  byId('tiles').replaceChildren(...tiles);
}

function showChart({ series, span, filter }) {
  byId('chart-title').textContent = METRICS[metric];
  const resolution = series.resolution ? `; nothing finer than the ${series.resolution} is kept this far back` : '';
  byId('chart-note').textContent = `by ${series.interval}${resolution}`;
  const csv = { ...span, ...filter, interval: series.interval, format: 'csv' };
  byId('chart-csv').hidden = !series.isOne;  // a file has at most as many points as one series
  byId('chart-csv').href = `api/v1/timeseries?${new URLSearchParams(csv)}`;
  chart.show(series, metric);
}

// Characters that control something, or turn the text around, are shown as what they are: strange.
const visible = (text) => text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');

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

function listCard({ list, answer }, { view, span }) {
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
  const csv = new URLSearchParams({ ...span, dimension: list.dimension, sort: list.sort, limit: 500, format: 'csv' });
  return element('section', { className: 'card list' },
    element('div', { className: 'card-head' }, element('h2', {}, list.title),
      element('a', { className: 'csv', href: `api/v1/top?${csv}`, download: `weir-${list.dimension}.csv` }, 'CSV')),
    table);
}

function showScope({ view, summary }) {
  const [from, to] = [summary.from, summary.to].map((time) => moment.format(Date.parse(time)));
  byId('range-text').textContent = `${from} – ${to} UTC`;
  const chip = byId('filter');
  chip.hidden = !view.filter;
  if (!view.filter) return;
  chip.textContent = `only ${view.filter.dimension.replace('_', ' ')} ${visible(view.filter.value)}  ×`;
  chip.title = 'Show everything again';
}

function show(all) {
  answers = all;
  const { view, summary, lists, ledger } = all;
  const isEmpty = summary.events === 0 && !view.filter;
  byId('empty').hidden = !isEmpty;
  byId('numbers').hidden = isEmpty;
  byId('elsewhere').hidden = ledger.sums.tallied === 0 || view.last === 'all';
  const focused = document.activeElement?.dataset?.key;
  showScope(all);
  showTiles(all);
  showChart(all);
  const content = JSON.stringify([view, lists]);
  if (content !== shown) byId('lists').replaceChildren(...lists.map((one) => listCard(one, all)));
  shown = content;
  showAccount(ledger);
  if (focused) [...document.querySelectorAll('[data-key]')].find((one) => one.dataset.key === focused)?.focus();
}

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

function fillCustom(from, to) {
  byId('custom-from').value = (from ?? '').slice(0, 16);
  byId('custom-to').value = (to ?? '').slice(0, 16);
}

function openCustom() {
  byId('custom').hidden = false;
  if (answers) fillCustom(answers.span.from, answers.span.to);
  byId('custom-from').focus();
}

function setStatus(state, text) {
  byId('status').dataset.state = state;
  if (byId('status').textContent !== text) byId('status').textContent = text;
}

function showProblem(text) {
  byId('problem').hidden = !text;
  byId('problem').textContent = text ?? '';
  document.querySelector('main').classList.toggle('stale', Boolean(text));
}

async function refresh() {
  clearTimeout(timer);
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  try {
    show(await askAll(viewOf(location.hash), signal));
    setStatus('live', 'live');
    showProblem(null);
  } catch (error) {
    if (signal.aborted) return;
    const refused = error.status === 400;
    setStatus(refused ? 'live' : 'away', refused ? 'live' : 'Weir does not answer; trying again');
    showProblem(refused || error.status ? error.message : null);
    document.querySelector('main').classList.add('stale');
  }
  if (!document.hidden) timer = setTimeout(refresh, POLL_MS);
}

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
    getSelection().selectAllChildren(byId('curl'));
    if (!navigator.clipboard) return;  // a browser hands it out to https and localhost only
    await navigator.clipboard.writeText(byId('curl').textContent);
    byId('copy').textContent = 'Copied';
  });
  byId('custom').addEventListener('submit', (event) => {
    event.preventDefault();
    const [from, to] = ['custom-from', 'custom-to'].map((id) => `${byId(id).value.slice(0, 16)}:00Z`);
    go({ ...viewOf(location.hash), last: null, from, to });
  });
  refresh();
}

begin();
