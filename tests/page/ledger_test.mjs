// Tests of the pure functions of web/ledger.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addsUp, ageText, freshnessText, unaccounted, verdictText } from '../../web/ledger.js';

const ROW = { start_offset: 5, next_offset: 20, read: 12, tallied: 9, duplicate: 2, dead_lettered: 1, skipped: 3 };

test('a row adds up if both identities hold', () => {
  assert.ok(addsUp(ROW));
  for (const name of Object.keys(ROW)) assert.ok(!addsUp({ ...ROW, [name]: ROW[name] + 1 }), name);
});

test('an age has the largest unit that shows two digits', () => {
  for (const [ms, text] of [[0, '0 ms'], [999, '999 ms'], [1000, '1 s'], [119_999, '120 s'], [120_000, '2 min'],
    [7_199_999, '120 min'], [7_200_000, '2 h'], [36_000_000_000, '10,000 h']])
    assert.equal(ageText(ms), text, String(ms));
});

const ledgerOf = (...rows) => ({ partitions: rows, sums: { read: rows.reduce((sum, row) => sum + row.read, 0), lag: 0 } });

test('the line at the foot counts what is not accounted for', () => {
  assert.equal(verdictText(ledgerOf(ROW, ROW)), 'All 24 events accounted for');
  assert.equal(verdictText(ledgerOf(ROW, { ...ROW, tallied: 6 })), '3 of 24 events not accounted for');
  assert.equal(unaccounted({ ...ROW, skipped: 1 }), 2);
  assert.equal(verdictText(ledgerOf()), 'No events yet');
});

test('the freshness is the backlog, or the age of the last report', () => {
  const row = { ...ROW, oldest_unread_age_ms: 4000, observed_age_ms: 900 };
  const text = (lag, more = {}) => freshnessText({ partitions: [{ ...row, ...more }], sums: { lag } });
  assert.equal(text(0), 'up to date');
  assert.equal(text(1234), '1,234 unread, the oldest 4 s old');
  assert.equal(text(null), 'the end of the log is unknown');
  assert.equal(text(0, { observed_age_ms: 300_000 }), 'last report of a consumer 5 min ago');
});
