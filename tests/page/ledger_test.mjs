// Tests of the pure functions of web/ledger.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addsUp, ageText } from '../../web/ledger.js';

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
