// @ts-check
// A whole list in a dialog: up to 500 rows, with a search, sorted by any figure.

import { byId, element, inputOf, linkOf, number, replaceChildren, setText, visible } from './dom.js';
import { found, listRow } from './lists.js';
import { METRICS } from './view.js';

/** @import {Answers, Ask, Go, List, Metric, Top, View} from './types.d.ts' */

const ROWS_MAX = 500;
const dialog = /** @type {HTMLDialogElement} */ (byId('list-dialog'));
/** @type {{list: List, answer: Top, view: View, sort: Metric} | null} */
let open = null;
/** @type {Go} */
let go = () => {};
/** @type {Go} */
let replace = () => {};
let wasOpenedHere = false;

/**
 * @param {Go} show   shows another view, as a new entry of the history
 * @param {Go} adapt  changes the view and the current entry of the history
 */
export function makeListDialog(show, adapt) {
  go = show;
  replace = adapt;
  const close = () => {
    if (wasOpenedHere) history.back();
    else go({ list: null, search: '', sort: null });
  };
  byId('list-close').addEventListener('click', close);
  dialog.addEventListener('cancel', (event) => { event.preventDefault(); close(); });
  dialog.addEventListener('close', () => { if (open) close(); });  // the browser may close it by itself
  dialog.addEventListener('click', (event) => { if (event.target === dialog) close(); });
  inputOf('list-search').addEventListener('input', () => {
    replace({ search: inputOf('list-search').value });
    showRows();
  });
}

/**
 * Opens or closes the dialog as the view says, and asks for its rows.
 * @param {Ask} ask
 * @param {Answers} answers
 */
export async function showListDialog(ask, { view, span, lists }) {
  const list = lists.find((shown) => shown.list.dimension === view.list)?.list;
  if (!list) {
    open = null;
    wasOpenedHere = false;
    if (dialog.open) dialog.close();
    return;
  }
  const sort = view.sort ?? list.sort;
  const answer = await ask('top', { ...span, dimension: list.dimension, sort, limit: String(ROWS_MAX) });
  const isNew = open?.list.dimension !== list.dimension;
  open = { list, answer, view, sort };
  setText(byId('list-title'), list.title);
  const csv = { ...span, dimension: list.dimension, sort, limit: String(ROWS_MAX), format: 'csv' };
  linkOf('list-csv').href = `api/v1/top?${new URLSearchParams(csv)}`;
  linkOf('list-csv').download = `weir-${list.dimension}.csv`;
  if (isNew) inputOf('list-search').value = view.search;
  inputOf('list-search').setAttribute('aria-label', `Search ${list.title}`);
  showRows();
  if (!dialog.open) {
    dialog.showModal();
    inputOf('list-search').focus();
  }
}

/** Notes that the entry of the history before this one has no open dialog. */
export function listDialogWasOpenedHere() {
  wasOpenedHere = true;
}

/**
 * @param {Metric} metric
 * @param {Metric} sort
 */
function columnHead(metric, sort) {
  const title = metric === 'unique_users' ? 'Users' : metric === 'page_views' ? 'Views' : METRICS[metric];
  const button = element('button', { type: 'button' }, title);
  button.dataset.key = `sort ${metric}`;
  button.addEventListener('click', () => replace({ sort: metric }));
  const head = element('th', { scope: 'col' }, button);
  if (metric === sort) head.setAttribute('aria-sort', 'descending');
  return head;
}

function showRows() {
  if (!open) return;
  const { list, answer, view, sort } = open;
  const rows = found(answer.rows, inputOf('list-search').value);
  const others = /** @type {Metric[]} */ (Object.keys(METRICS)).filter((metric) => metric !== sort);
  const metrics = [sort, ...others];
  const most = answer.rows.reduce((highest, row) => Math.max(highest, row[sort]), 0);
  const head = element('tr', {}, element('th', { scope: 'col' }, 'Value'),
    ...metrics.map((metric) => columnHead(metric, sort)));
  const table = element('table', {}, element('thead', {}, head),
    element('tbody', {}, ...rows.map((row) => listRow(list, row, { most, metrics, view, go }))));
  replaceChildren(byId('list-rows'), table);
  const search = inputOf('list-search').value.trim();
  const count = `${number.format(rows.length)} of ${number.format(answer.rows.length)} values`;
  const isCut = answer.rows.length >= ROWS_MAX;
  const rest = answer.other.events > 0 || answer.other.page_views > 0
    ? ` All others: ${number.format(answer.other.events)} events, ${number.format(answer.other.page_views)} page views.` : '';
  const scope = isCut ? ` The list ends after ${ROWS_MAX} values.` : '';
  setText(byId('list-count'), (search ? `${count} contain “${visible(search)}”.` : `${number.format(rows.length)} values.`) + scope + rest);
}
