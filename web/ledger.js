// @ts-check
// The foot of the page: whether all events are accounted for. After a click: the identities of the ledger over all
// partitions, a row for each partition, and the dead letters.

import { byId, element, number, setText } from './dom.js';

/** @import {Ledger, LedgerRow} from './types.d.ts' */

/** @type {[string, (row: LedgerRow) => string | Node][]} */
const COLUMNS = [
  ['Partition', (row) => String(row.partition)],
  ['Start', (row) => number.format(row.start_offset)],
  ['Next', (row) => number.format(row.next_offset)],
  ['Read', (row) => number.format(row.read)],
  ['Tallied', (row) => number.format(row.tallied)],
  ['Duplicate', (row) => number.format(row.duplicate)],
  ['Dead letters', (row) => number.format(row.dead_lettered)],
  ['Skipped', (row) => number.format(row.skipped)],
  ['Lag', (row) => (row.lag === null ? 'unknown' : number.format(row.lag))],
  ['Oldest unread', (row) => (row.oldest_unread_age_ms ? `${ageText(row.oldest_unread_age_ms)} old` : '–')],
  ['Observed', (row) => `${ageText(row.observed_age_ms)} ago`],
  ['Identities', (row) => verdict(addsUp(row))],
];

/**
 * How many records a partition does not account for, by either identity.
 * @param {LedgerRow} row
 */
export function unaccounted(row) {
  const outcomes = row.tallied + row.duplicate + row.dead_lettered;
  return Math.max(Math.abs(row.read - outcomes), Math.abs(row.next_offset - row.start_offset - row.read - row.skipped));
}

/**
 * Whether both identities hold for a partition.
 * @param {LedgerRow} row
 */
export const addsUp = (row) => unaccounted(row) === 0;

/**
 * An age in the largest unit that still shows two digits.
 * @param {number} ms
 */
export function ageText(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${number.format(Math.round(ms / 3_600_000))} h`;
}

/**
 * The line at the foot.
 * @param {Ledger} ledger
 */
export function verdictText({ partitions, sums }) {
  const missing = partitions.reduce((sum, row) => sum + unaccounted(row), 0);
  if (missing > 0) return `${number.format(missing)} of ${number.format(sums.read)} events not accounted for`;
  if (sums.read === 0) return 'No events yet';
  return sums.read === 1 ? 'The one event is accounted for' : `All ${number.format(sums.read)} events accounted for`;
}

/**
 * How fresh the figures are.
 * @param {Ledger} ledger
 */
export function freshnessText({ partitions, sums }) {
  const observed = Math.max(0, ...partitions.map((row) => row.observed_age_ms));
  if (partitions.length === 0) return '';
  if (observed > 30_000) return `last report of a consumer ${ageText(observed)} ago`;
  if (sums.lag === null) return 'the end of the log is unknown';
  if (sums.lag === 0) return 'up to date';
  const oldest = Math.max(0, ...partitions.map((row) => row.oldest_unread_age_ms ?? 0));
  return `${number.format(sums.lag)} unread, the oldest ${ageText(oldest)} old`;
}

/** @param {boolean} right */
function verdict(right) {
  return element('span', { className: right ? 'verdict' : 'verdict wrong' }, right ? '✓ add up' : '✗ do not add up');
}

/**
 * @param {number} value
 * @param {string} name
 */
function term(value, name) {
  return element('span', { className: 'term' }, element('b', {}, number.format(value)), element('span', {}, name));
}

/**
 * A line that shows the first term as the sum of the others.
 * @param {[number, string][]} terms
 */
function identity([whole, ...parts]) {
  const line = element('div', { className: 'identity' }, term(...whole));
  parts.forEach((part, index) => {
    line.append(element('span', { className: 'sign' }, index === 0 ? '=' : '+'), term(...part));
  });
  return line;
}

/** @param {Ledger} ledger */
export function showLedger(ledger) {
  const { partitions, sums } = ledger;
  const line = byId('accounted');
  setText(line, verdictText(ledger));
  line.dataset.right = String(partitions.every(addsUp));
  setText(byId('freshness'), freshnessText(ledger));
  byId('ledger').hidden = partitions.length === 0;
  if (!(/** @type {HTMLDetailsElement} */ (byId('ledger')).open)) return;
  const passed = partitions.reduce((sum, row) => sum + row.next_offset - row.start_offset, 0);
  byId('identities').replaceChildren(
    identity([[sums.read, 'read'], [sums.tallied, 'tallied'], [sums.duplicate, 'duplicate'],
      [sums.dead_lettered, 'dead letters']]),
    identity([[passed, 'offsets passed'], [sums.read, 'read'], [sums.skipped, 'skipped']]));
  const head = element('tr', {}, ...COLUMNS.map(([title]) => element('th', { scope: 'col' }, title)));
  const rows = partitions.map((row) => element('tr', {}, ...COLUMNS.map(([, text]) => element('td', {}, text(row)))));
  byId('partitions').replaceChildren(
    element('table', { className: 'partitions' }, element('thead', {}, head), element('tbody', {}, ...rows)));
}
