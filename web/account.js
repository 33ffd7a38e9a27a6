// The ledger: its two identities over all partitions, and a line for each partition.

const number = new Intl.NumberFormat('en');

const COLUMNS = [
  ['Partition', (row) => row.partition],
  ['Start', (row) => number.format(row.start_offset)],
  ['Next', (row) => number.format(row.next_offset)],
  ['Read', (row) => number.format(row.read)],
  ['Tallied', (row) => number.format(row.tallied)],
  ['Duplicate', (row) => number.format(row.duplicate)],
  ['Dead letters', (row) => number.format(row.dead_lettered)],
  ['Skipped', (row) => number.format(row.skipped)],
  ['Lag', (row) => (row.lag === null ? 'not known' : number.format(row.lag))],
  ['Waiting for', (row) => (row.oldest_unread_age_ms > 0 ? ageText(row.oldest_unread_age_ms) : '–')],
  ['Looked at', (row) => `${ageText(row.observed_age_ms)} ago`],
  ['', (row) => verdict(addsUp(row))],
];

const addsUp = (row) => row.read === row.tallied + row.duplicate + row.dead_lettered &&
  row.next_offset - row.start_offset === row.read + row.skipped;

function ageText(ms) {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${number.format(Math.round(ms / 3_600_000))} h`;
}

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function verdict(right) {
  return element('span', right ? 'verdict' : 'verdict wrong', right ? '✓ adds up' : '✗ does not add up');
}

function term(value, name) {
  return element('span', 'term', element('b', '', number.format(value)), element('span', '', name));
}

// [[value, name], …]: the first is to be the sum of the others.
function identity([whole, ...parts], right) {
  const line = element('div', 'identity', term(...whole));
  parts.forEach((part, index) => line.append(element('span', 'sign', index === 0 ? '=' : '+'), term(...part)));
  line.append(verdict(right));
  return line;
}

export function showAccount({ partitions, sums }) {
  document.getElementById('account').hidden = partitions.length === 0;
  const passed = partitions.reduce((sum, row) => sum + row.next_offset - row.start_offset, 0);
  const right = partitions.every(addsUp);
  document.getElementById('identities').replaceChildren(
    identity([[sums.read, 'read'], [sums.tallied, 'tallied'], [sums.duplicate, 'duplicate'],
      [sums.dead_lettered, 'dead letters']], right),
    identity([[passed, 'offsets passed'], [sums.read, 'read'], [sums.skipped, 'skipped']], right));
  const head = element('tr', '', ...COLUMNS.map(([title]) => element('th', '', title)));
  const rows = partitions.map((row) => element('tr', '', ...COLUMNS.map(([, text]) => element('td', '', text(row)))));
  document.getElementById('partitions').replaceChildren(
    element('table', 'partitions', element('thead', '', head), element('tbody', '', ...rows)));
}
