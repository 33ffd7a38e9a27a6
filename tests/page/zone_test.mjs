// Tests of web/zone.js: the wall clocks of time zones.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isZone, momentOf, offsetAt, startOf, stepFrom, wallOf } from '../../web/zone.js';

const HOUR = 3_600_000;
const utc = (text) => Date.parse(`${text}Z`);

test('an offset follows the zone and the time', () => {
  for (const [zone, time, hours] of [['UTC', '2026-01-01T00:00', 0], ['Europe/Berlin', '2026-03-29T00:59', 1],
    ['Europe/Berlin', '2026-03-29T01:00', 2], ['Asia/Kolkata', '2026-01-01T00:00', 5.5], ['America/St_Johns', '2026-01-01T00:00', -3.5],
    ['Asia/Kathmandu', '1985-12-31T00:00', 5.5], ['Asia/Kathmandu', '1986-01-01T00:00', 5.75]])
    assert.equal(offsetAt(utc(time), zone), hours * HOUR, `${zone} ${time}`);
});

test('momentOf is the inverse of wallOf, except within a change of the clock', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia'])
    for (let moment = utc('2026-01-01T00:10'); moment < utc('2027-01-01T00:00'); moment += 77 * HOUR)
      assert.equal(momentOf(wallOf(moment, zone), zone), moment, `${zone} ${new Date(moment).toISOString()}`);
});

test('of two equal wall times the first counts, and one that is skipped is the end of the gap', () => {
  assert.equal(momentOf(utc('2026-10-25T02:30'), 'Europe/Berlin'), utc('2026-10-25T00:30'));
  assert.equal(momentOf(utc('2026-03-29T02:30'), 'Europe/Berlin'), utc('2026-03-29T01:30'));
  assert.equal(momentOf(utc('2018-11-04T00:00'), 'America/Sao_Paulo'), utc('2018-11-04T03:00'), 'a day that begins at 1:00');
});

test('weeks begin on Monday, months on the first', () => {
  assert.equal(startOf('week', utc('2026-03-15T23:59')), utc('2026-03-09T00:00'));
  assert.equal(startOf('week', utc('2026-03-16T00:00')), utc('2026-03-16T00:00'));
  assert.equal(startOf('week', utc('1969-12-31T12:00')), utc('1969-12-29T00:00'));
  assert.equal(startOf('month', utc('2024-02-29T12:00')), utc('2024-02-01T00:00'));
  assert.equal(stepFrom('month', utc('2024-01-01T00:00'), -1), utc('2023-12-01T00:00'));
  assert.equal(stepFrom('week', utc('2024-02-26T00:00'), 1), utc('2024-03-04T00:00'));
});

test('only zones that the browser knows are zones', () => {
  assert.deepEqual(['Europe/Berlin', 'UTC', 'Mars/Olympus', '', null].map(isZone), [true, true, false, false, false]);
});
