// @ts-check
// The top lists of the page: one for each dimension that Weir knows. Those of DIMENSIONS are tabs of one card.

import { byId, element, number, replaceChildren, setText, visible } from './dom.js';

/** @import {Answers, Dimension, Go, List, Metric, Row, ShownList, Top, View} from './types.d.ts' */

/** @type {Record<string, Omit<List, 'dimension' | 'isOwn'>>} */
const BUILT_IN = {
  page: { title: 'Pages', sort: 'page_views', unit: 'Views', none: 'No page views in this range' },
  referrer: { title: 'Referrers', sort: 'page_views', unit: 'Views', none: 'No page views in this range' },
  activity_type: { title: 'Activity', sort: 'events', unit: 'Events', none: 'No events in this range' },
};

/**
 * The lists in the order of the dimensions. One of DIMENSIONS has its own name as the title.
 * @param {Dimension[]} dimensions
 * @returns {List[]}
 */
export function listsOf(dimensions) {
  return dimensions.map(({ name }) => {
    if (Object.hasOwn(BUILT_IN, name)) return { dimension: name, isOwn: false, ...BUILT_IN[name] };
    const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
    return { dimension: name, isOwn: true, title, sort: 'events', unit: 'Events', none: 'No events in this range' };
  });
}

/**
 * Lists with their answers. Weir also knows dimensions that it no longer counts: without rows they are not shown.
 * @param {List[]} lists
 * @param {Top[]} answers
 * @returns {ShownList[]}
 */
export function shownLists(lists, answers) {
  return lists.map((list, index) => ({ list, answer: answers[index] }))
    .filter(({ list, answer }) => !list.isOwn || answer.rows.length > 0);
}

/**
 * The rows whose value contains a text, in any case.
 * @param {Row[]} rows
 * @param {string} search
 */
export function found(rows, search) {
  const wanted = search.trim().toLowerCase();
  return rows.filter(({ value }) => value.toLowerCase().includes(wanted));
}

/**
 * A row with a bar of its share of the highest figure. A click filters by its value, or ends that filter.
 * @param {List} list
 * @param {Row} row
 * @param {{most: number, metrics: Metric[], view: View, go: Go}} manner  metrics: the columns; the first one is the bar
 */
export function listRow(list, row, { most, metrics, view, go }) {
  const chosen = view.filter?.dimension === list.dimension && view.filter.value === row.value;
  const meter = element('span', { className: 'meter' });
  meter.style.width = `${(100 * row[metrics[0]]) / Math.max(most, 1)}%`;
  const name = element('button', { type: 'button', className: 'row', title: visible(row.value) }, visible(row.value));
  if (/^\((none|direct|unknown)\)$/.test(row.value)) name.classList.add('special');
  name.setAttribute('aria-pressed', String(chosen));
  name.dataset.key = `${list.dimension} ${row.value}`;
  const filter = chosen ? null : { dimension: list.dimension, value: row.value };
  name.addEventListener('click', () => go({ filter, list: null, search: '', sort: null }));
  return element('tr', {}, element('td', {}, meter, name),
    ...metrics.map((metric, index) => element('td', { className: index === 0 ? '' : 'second' }, number.format(row[metric]))));
}

/**
 * @param {ShownList} shown
 * @param {Answers} answers
 * @param {Go} go
 */
function listTable({ list, answer }, { view }, go) {
  const rows = answer.rows.filter((row) => row[list.sort] > 0);
  const most = rows[0]?.[list.sort] ?? 0;
  const column = (/** @type {string} */ title) => element('th', { scope: 'col' }, title);
  const metrics = /** @type {Metric[]} */ ([list.sort, 'unique_users']);
  const table = element('table', {}, element('thead', {}, element('tr', {}, column('Value'), column(list.unit), column('Users'))),
    element('tbody', {}, ...rows.map((row) => listRow(list, row, { most, metrics, view, go }))));
  if (rows.length === 0)
    table.tBodies[0].append(element('tr', {}, element('td', { className: 'none', colSpan: 3 }, list.none)));
  if (answer.other[list.sort] > 0)
    table.append(element('tfoot', {}, element('tr', {}, element('td', {}, 'all others'),
      element('td', {}, number.format(answer.other[list.sort])), element('td'))));
  return table;
}

/**
 * @param {ShownList} shown
 * @param {Answers} answers
 * @param {Go} go
 * @param {HTMLElement} head
 */
function listCard(shown, answers, go, head) {
  const { dimension, title } = shown.list;
  const more = element('button', { type: 'button', className: 'more' }, 'Search and more');
  more.setAttribute('aria-label', `Search and more: ${title}`);
  more.dataset.key = `more ${dimension}`;
  more.addEventListener('click', () => go({ list: dimension, search: '', sort: null }));
  const card = element('section', { className: 'card list' }, element('div', { className: 'card-head' }, head),
    listTable(shown, answers, go), element('div', { className: 'card-foot' }, more));
  card.dataset.dimension = dimension;
  card.setAttribute('aria-label', title);
  return card;
}

/**
 * The card of the own dimensions. Its head has a tab for each.
 * @param {ShownList[]} own
 * @param {Answers} answers
 * @param {Go} go
 */
function ownCard(own, answers, go) {
  const shown = own.find(({ list }) => list.dimension === answers.view.tab) ?? own[0];
  if (own.length === 1) return listCard(shown, answers, go, element('h2', {}, shown.list.title));
  const tabs = own.map((one) => {
    const tab = element('button', { type: 'button', role: 'tab', tabIndex: one === shown ? 0 : -1 }, one.list.title);
    tab.setAttribute('aria-selected', String(one === shown));
    if (one === shown) tab.dataset.key = 'tab';
    tab.addEventListener('click', () => {
      tab.dataset.key = 'tab';  // the focus moves to the tab that is shown next
      go({ tab: one.list.dimension });
    });
    return tab;
  });
  const head = element('div', { className: 'tabs' }, ...tabs);
  head.setAttribute('role', 'tablist');
  head.setAttribute('aria-label', 'Own dimensions');
  head.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    go({ tab: own[(own.indexOf(shown) + step + own.length) % own.length].list.dimension });
  });
  const card = listCard(shown, answers, go, head);
  const table = /** @type {HTMLElement} */ (card.querySelector('table'));
  const panel = element('div');
  panel.setAttribute('role', 'tabpanel');
  panel.setAttribute('aria-label', shown.list.title);
  table.replaceWith(panel);
  panel.append(table);
  return card;
}

let shownContent = '';  // the data from which the cards were last built

/**
 * @param {Answers} answers
 * @param {Go} go
 */
export function showLists(answers, go) {
  const { view, lists } = answers;
  const content = JSON.stringify([view, lists]);
  setText(byId('lists-note'), view.filter ? 'The lists show all events: a filter applies to the figures and to the chart.' : '');
  if (content === shownContent) return;
  shownContent = content;
  const own = lists.filter(({ list }) => list.isOwn);
  const cards = lists.filter(({ list }) => !list.isOwn)
    .map((shown) => listCard(shown, answers, go, element('h2', {}, shown.list.title)));
  if (own.length > 0) cards.push(ownCard(own, answers, go));
  byId('lists').dataset.count = String(cards.length);
  replaceChildren(byId('lists'), ...cards);
}
