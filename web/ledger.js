// @ts-check
// The ledger: its two identities over all partitions, and a table with a row for each partition.

/** @import {Ledger, LedgerRow} from './types.d.ts' */

const number = new Intl.NumberFormat('en');

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
  ['', (row) => verdict(addsUp(row))],
];

/**
 * Whether both identities hold for a partition.
 * @param {LedgerRow} row
 */
export function addsUp(row) {
  return row.read === row.tallied + row.duplicate + row.dead_lettered &&
    row.next_offset - row.start_offset === row.read + row.skipped;
}

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
 * @param {string} name
 * @param {string} className
 * @param {...(string | Node)} children
 */
function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

/** @param {boolean} right */
function verdict(right) {
  return element('span', right ? 'verdict' : 'verdict wrong', right ? '✓ adds up' : '✗ does not add up');
}

/**
 * @param {number} value
 * @param {string} name
 */
function term(value, name) {
  return element('span', 'term', element('b', '', number.format(value)), element('span', '', name));
}

/**
 * A line that shows the first term as the sum of the others.
 * @param {[number, string][]} terms
 * @param {boolean} right
 */
function identity([whole, ...parts], right) {
  const line = element('div', 'identity', term(...whole));
  parts.forEach((part, index) => line.append(element('span', 'sign', index === 0 ? '=' : '+'), term(...part)));
  line.append(verdict(right));
  return line;
}

/** @param {Ledger} ledger */
export function showLedger({ partitions, sums }) {
  const section = /** @type {HTMLElement} */ (document.getElementById('ledger'));
  section.hidden = partitions.length === 0;
  const passed = partitions.reduce((sum, row) => sum + row.next_offset - row.start_offset, 0);
  const right = partitions.every(addsUp);
  document.getElementById('identities')?.replaceChildren(
    identity([[sums.read, 'read'], [sums.tallied, 'tallied'], [sums.duplicate, 'duplicate'],
      [sums.dead_lettered, 'dead letters']], right),
    identity([[passed, 'offsets passed'], [sums.read, 'read'], [sums.skipped, 'skipped']], right));
  const head = element('tr', '', ...COLUMNS.map(([title]) => element('th', '', title)));
  const rows = partitions.map((row) => element('tr', '', ...COLUMNS.map(([, text]) => element('td', '', text(row)))));
  document.getElementById('partitions')?.replaceChildren(
    element('table', 'partitions', element('thead', '', head), element('tbody', '', ...rows)));
}
