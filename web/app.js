// @ts-check
// The page: queries Weir when it has counted something, and shows the answers. The view is in the fragment of the address.

import { askWith, featuresOf, keeping, Refusal } from './api.js';
import { rangeText } from './axis.js';
import { Chart } from './chart.js';
import { showDeadLetters } from './dead_letters.js';
import { byId, choice, element, inputOf, linkOf, remember, remembered, replaceChildren, setText, visible } from './dom.js';
import { makeEmpty, showEmpty } from './empty.js';
import { showLedger } from './ledger.js';
import { listDialogWasOpenedHere, makeListDialog, showListDialog } from './list_dialog.js';
import { showLists } from './lists.js';
import { listen } from './live.js';
import { notesOf } from './notes.js';
import { askAll, nowOf } from './queries.js';
import { makeTiles, showNow, showTiles } from './tiles.js';
import { hashOf, intervalsFor, METRICS, moved, opened, PERIODS, RANGES, timeText, viewOf, WIDTHS } from './view.js';
import { isZone, momentOf, wallOf, zoneOfBrowser } from './zone.js';

/** @import {Answers, Ask, Features, Period, View} from './types.d.ts' */

const REFRESH_MS = 15_000;   // without a change: the range moves with the time
const PAUSE_FACTOR = 4;      // while Weir counts, a refresh waits for a multiple of the time that the last one took …
const PAUSE_MAX_MS = 2000;   // … so that many readers slow down before they slow down Weir
const RETRY_MS = 3000;
/** @type {Partial<View>} */
const NO_RANGE = { last: null, period: null, date: null, from: null, to: null, by: null };

const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const chart = new Chart(byId('chart'), openSelection);
let view = viewOf(location.hash);
/** @type {Features | null} */
let features = null;         // null: not asked yet
/** @type {Set<string>} */
const refusedZones = new Set();
/** @type {Answers | null} */
let answers = null;          // of the last refresh
let request = new AbortController();
let isRefreshing = false;
let isChanged = false;       // something changed while a refresh was on its way
let timer = 0;
let notBefore = 0;           // performance.now() at which a change may be shown next
let stopListening = () => {};

/** The zone of all times of the page. */
function zoneNow() {
  if (!features?.zones) return 'UTC';
  const zone = [view.zone, remembered('weir zone')].find(isZone) ?? zoneOfBrowser();
  return refusedZones.has(zone) ? 'UTC' : zone;
}

/** @param {Partial<View>} change */
function go(change) {
  if (change.list && !view.list) listDialogWasOpenedHere();
  const hash = hashOf({ ...view, ...change });
  if (hash === location.hash) refresh();
  else location.hash = hash;
}

/** @param {Partial<View>} change */
function replace(change) {
  view = { ...view, ...change };
  history.replaceState(null, '', hashOf(view));
  if (!('search' in change)) refresh();
}

/**
 * What a click or a drag on the chart shows.
 * @param {number} from
 * @param {number} to
 * @param {boolean} isOne  one interval
 */
function openSelection(from, to, isOne) {
  if (!answers) return;
  const { series, zone } = answers;
  const next = isOne ? opened(view, series.interval, from, to, zone)
    : { ...view, ...NO_RANGE, from: timeText(from), to: timeText(to) };
  if (next) go(next);
}

/** @param {Answers} answers */
function showChart({ series, seriesBefore, span, more, range, zone, now }) {
  setText(byId('chart-title'), METRICS[view.show]);
  const finest = WIDTHS[series.resolution ?? 'minute'];
  const intervals = intervalsFor(Date.parse(range.to) - Date.parse(range.from), features?.intervals ?? [])
    .filter((interval) => WIDTHS[interval] >= finest);
  const choices = intervals.map((interval) => choice(interval, interval === series.interval, () => go({ by: interval })));
  replaceChildren(byId('intervals'), ...(intervals.length > 1 ? choices : []));
  byId('previous-key').hidden = !seriesBefore?.points.some((point) => point[view.show] > 0);
  const csv = { ...span, ...more, interval: series.interval, format: 'csv' };
  linkOf('chart-csv').hidden = !series.isOne;  // a CSV file has at most the points of one answer
  linkOf('chart-csv').href = `api/v1/timeseries?${new URLSearchParams(csv)}`;
  // Where no hours are kept, the days are those of UTC.
  const axis = more.tz && series.tz === 'UTC' ? 'UTC' : zone;
  chart.show(series, { before: seriesBefore?.points ?? [], metric: view.show, zone: axis, now });
}

/** @param {Answers} answers */
function showScope({ range, zone, now, span }) {
  setText(byId('range-text'), rangeText(Date.parse(span.from), Date.parse(span.to), zone));
  const isAll = view.last === 'all';
  byId('earlier').toggleAttribute('disabled', isAll);
  byId('later').toggleAttribute('disabled', isAll || !(Date.parse(range.to) <= now) || Boolean(view.last));
  inputOf('date').value = timeText(wallOf(Date.parse(range.from), zone)).slice(0, 10);
}

// What the reader has chosen, also if Weir refuses it.
function showChoices() {
  const chip = byId('filter');
  chip.hidden = !view.filter;
  if (view.filter) setText(chip, `${view.filter.dimension.replaceAll('_', ' ')} is ${visible(view.filter.value)}  ×`);
  const range = (/** @type {string} */ title, /** @type {boolean} */ chosen, /** @type {Partial<View>} */ change) =>
    choice(title, chosen, () => go({ ...NO_RANGE, ...change }));
  const periods = Object.entries(PERIODS).map(([name, title]) =>
    range(title, view.period === name, { period: /** @type {Period} */ (name), date: view.date }));
  const lasts = Object.entries(RANGES).map(([name, { title }]) => range(title, view.last === name, { last: name }));
  const isCustom = !view.last && !view.period;
  replaceChildren(byId('ranges'), ...periods, ...lasts, choice('Custom', isCustom, openCustom));
  byId('custom').hidden = !isCustom;
}

/** @param {string} zone */
function showZones(zone) {
  const select = /** @type {HTMLSelectElement} */ (byId('zone'));
  const zones = [...new Set(['UTC', zoneOfBrowser(), zone])];
  byId('zone-label').hidden = !features?.zones || zones.length === 1;
  if (select.dataset.zones !== String(zones)) {
    select.dataset.zones = String(zones);
    select.replaceChildren(...zones.map((one) => element('option', { value: one }, one.replaceAll('_', ' '))));
  }
  select.value = zone;
}

/** @param {Answers} answers */
function fillCustom({ span, zone }) {
  if (byId('custom').contains(document.activeElement)) return;
  for (const name of /** @type {const} */ (['from', 'to']))
    inputOf(`custom-${name}`).value = timeText(wallOf(Date.parse(span[name]), zone)).slice(0, 16);
  setText(byId('custom-zone'), zone.replaceAll('_', ' '));
}

// Opens the calendar of the browser for a day, week or month, else the form for two times.
function chooseDates() {
  if (view.period && 'showPicker' in inputOf('date')) inputOf('date').showPicker();
  else openCustom();
}

function openCustom() {
  if (answers) fillCustom(answers);
  byId('custom').hidden = false;
  inputOf('custom-from').focus();
}

/**
 * @param {Answers} all
 * @param {Ask} ask
 */
async function show(all, ask) {
  answers = all;
  const { ledger, series, summary, zone } = all;
  await showEmpty(all, keeping(ask));
  showZones(zone);
  showScope(all);
  fillCustom(all);
  showTiles(all);
  showChart(all);
  showLists(all, go);
  /** @type {HTMLDetailsElement} */ (byId('ledger')).open = view.open === 'ledger';
  showLedger(ledger);
  setText(byId('notes'), notesOf(summary, series));
  await showListDialog(ask, all);
  if (all.features.deadLetters && view.open === 'ledger') await showDeadLetters(ask, zone);
}

/**
 * @param {string} state
 * @param {string} text
 */
function setStatus(state, text) {
  byId('status').dataset.state = state;
  setText(byId('status'), text);
}

/** @param {string | null} text */
function showProblem(text) {
  byId('problem').hidden = !text;
  setText(byId('problem'), text ?? '');
  main.classList.toggle('stale', Boolean(text));
}

/** @param {Ask} ask */
async function queryAndShow(ask) {
  const isFirst = features === null;
  features ??= featuresOf(await ask('openapi.json', {}));
  const hash = location.hash;
  await show(await askAll(ask, view, { now: Date.now(), features, zone: zoneNow() }), ask);
  setStatus('live', 'live');
  showProblem(null);
  main.dataset.shown = hash;
  if (isFirst) startListening();
}

/**
 * Shows what went wrong. Returns after how long to try again.
 * @param {unknown} error
 */
function fail(error) {
  const refusal = error instanceof Refusal ? error : null;
  const zone = zoneNow();
  if (refusal && zone !== 'UTC' && /\btz\b|time zone/.test(refusal.message)) {
    refusedZones.add(zone);
    return 0;
  }
  if (!refusal && !(error instanceof TypeError && /fetch/i.test(error.message))) console.error(error);
  const isWrong = refusal?.status === 400;
  setStatus(isWrong ? 'live' : 'away', isWrong ? 'live' : 'Weir does not answer; retrying');
  showProblem(refusal?.message ?? null);
  main.classList.add('stale');
  return RETRY_MS;
}

// Aborts a refresh that is on its way: its view may be another one.
async function refresh() {
  clearTimeout(timer);
  request.abort();
  request = new AbortController();
  const { signal } = request;
  isRefreshing = true;
  isChanged = false;
  const begun = performance.now();
  let pause = REFRESH_MS;
  try {
    await queryAndShow(askWith(signal));
  } catch (error) {
    if (signal.aborted) return;
    pause = fail(error);
  }
  isRefreshing = false;
  if (document.hidden) return;
  const end = performance.now();
  notBefore = end + Math.min(PAUSE_FACTOR * (end - begun), PAUSE_MAX_MS);
  clearTimeout(timer);
  timer = window.setTimeout(refresh, pause);
  if (isChanged && pause === REFRESH_MS) onChange();
}

function onChange() {
  if (isRefreshing) {
    isChanged = true;
    return;
  }
  clearTimeout(timer);
  timer = window.setTimeout(refresh, Math.max(0, notBefore - performance.now()));
}

function startListening() {
  stopListening();
  const ask = askWith(new AbortController().signal);
  const queries = { ledger: () => ask('ledger', {}), now: () => nowOf(ask, Date.now()) };
  stopListening = listen({
    onNow: (now) => showNow(now, zoneNow()),
    onChange,
    onAway: () => setStatus('away', 'Weir does not answer; retrying'),
  }, queries, Boolean(features?.live));
}

function onVisibility() {
  clearTimeout(timer);
  stopListening();
  if (document.hidden) return;
  refresh();
  if (features) startListening();
}

/** @param {Event} event */
function submitCustom(event) {
  event.preventDefault();
  const zone = zoneNow();
  const [from, to] = ['custom-from', 'custom-to'].map((id) =>
    timeText(momentOf(Date.parse(`${inputOf(id).value.slice(0, 16)}:00Z`), zone)));
  go({ ...NO_RANGE, from, to });
}

/** @param {-1 | 1} direction */
function move(direction) {
  if (answers) go({ ...moved(view, answers.range, direction, answers.zone), by: null });
}

function begin() {
  makeTiles(go);
  makeListDialog(go, replace);
  makeEmpty((change) => go({ ...NO_RANGE, ...change }));
  showChoices();
  addEventListener('hashchange', () => {
    view = viewOf(location.hash);
    showChoices();
    refresh();
  });
  document.addEventListener('visibilitychange', onVisibility);
  byId('earlier').addEventListener('click', () => move(-1));
  byId('later').addEventListener('click', () => move(1));
  byId('range-text').addEventListener('click', chooseDates);
  byId('filter').addEventListener('click', () => go({ filter: null }));
  inputOf('date').addEventListener('change', () => { if (inputOf('date').value) go({ date: inputOf('date').value }); });
  byId('custom').addEventListener('submit', submitCustom);
  inputOf('zone').addEventListener('change', () => {
    remember('weir zone', inputOf('zone').value);
    go({ zone: inputOf('zone').value });
  });
  byId('ledger').addEventListener('toggle', () => {
    const open = /** @type {HTMLDetailsElement} */ (byId('ledger')).open ? 'ledger' : null;
    if (open !== view.open) replace({ open });
  });
  refresh();
}

begin();
