// Tests of web/view.js: which range a view has, and which address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, intervalFor, intervalsFor, moved, opened, rangeOf, viewOf } from '../../web/view.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 14, 15, 9, 26);
const INTERVALS = ['minute', 'hour', 'day'];
const context = (more = {}) => ({ now: NOW, zone: 'UTC', intervals: INTERVALS, allDays: async () => [], ...more });
const rangeAt = (hash, more) => rangeOf(viewOf(hash), context(more));

test('the name of a member of Object.prototype is no range', () => {
  for (const last of ['constructor', 'toString', '__proto__', 'hasOwnProperty', '', 'x'])
    assert.equal(viewOf(`#last=${last}`).last, '24h', last);
  for (const name of ['period', 'show', 'by', 'sort'])
    assert.ok(!['constructor', '__proto__'].includes(viewOf(`#${name}=constructor`)[name]), name);
  for (const last of ['1h', '24h', '7d', '30d', 'all']) assert.equal(viewOf(`#last=${last}`).last, last);
});

test('viewOf is the inverse of hashOf', () => {
  for (const hash of ['#last=7d', '#last=24h&page=/a%3Fb%3Dc%26d%23e%20%2B%25', '#period=day', '#period=month&date=2026-02-01',
    '#from=2015-05-17T10:00:00%2B02:00&to=2015-05-21T00:00:00Z', '#last=1h&show=unique_users&by=minute&tab=plan&zone=Europe/Berlin',
    '#last=all&list=page&search=a%20b&sort=events&open=ledger&referrer=x'])
    assert.equal(hashOf(viewOf(hash)), hash);
  assert.equal(hashOf({ from: '2015-05-17T10:00:00Z', filter: { dimension: 'page', value: '/a' } }),
    '#from=2015-05-17T10:00:00Z&page=/a', 'colons and slashes stay readable');
});

test('a dimension may have the name of a parameter of the page', () => {
  for (const dimension of ['last', 'show', 'zone', 'search']) {
    const filter = { dimension, value: 'x' };
    const hash = hashOf({ last: '7d', filter });
    assert.equal(hash, `#last=7d&.${dimension}=x`);
    assert.deepEqual([viewOf(hash).filter, viewOf(hash).last], [filter, '7d']);
  }
});

test('the plus sign of an offset that was not escaped is restored', () => {
  assert.equal(viewOf('#from=2015-05-17T10:00:00+02:00').from, '2015-05-17T10:00:00+02:00');
});

test('a view has at most one filter', () => {
  assert.deepEqual(viewOf('#last=7d&page=/a&referrer=x').filter, { dimension: 'page', value: '/a' });
  assert.equal(viewOf('#last=7d&page=').filter, null);
});

test('the interval keeps a chart below 500 points', () => {
  for (const [span, interval] of [[1, 'minute'], [3 * HOUR, 'minute'], [3 * HOUR + 1, 'hour'], [8 * DAY, 'hour'],
    [8 * DAY + 1, 'day'], [9000 * DAY, 'day']])
    assert.equal(intervalFor(span, INTERVALS), interval, String(span));
  assert.equal(intervalFor(401 * DAY, [...INTERVALS, 'week', 'month']), 'week');
  assert.equal(intervalFor(1101 * DAY, [...INTERVALS, 'week', 'month']), 'month');
});

test('a reader may choose intervals that give more than one point and no more than 1,500', () => {
  assert.deepEqual(intervalsFor(DAY, INTERVALS), ['minute', 'hour']);
  assert.deepEqual(intervalsFor(7 * DAY, INTERVALS), ['hour', 'day']);
  assert.deepEqual(intervalsFor(2000 * DAY, [...INTERVALS, 'month']), ['month']);
});

test('a range up to now begins where an interval begins, and is compared with the one before', async () => {
  for (const [last, from, interval, previous] of [
    ['1h', '2026-03-14T14:10:00Z', 'minute', ['2026-03-14T13:10:00Z', '2026-03-14T14:10:00Z']],
    ['24h', '2026-03-13T16:00:00Z', 'hour', ['2026-03-12T16:00:00Z', '2026-03-13T15:10:00Z']],
    ['30d', '2026-02-13T00:00:00Z', 'day', ['2026-01-14T00:00:00Z', '2026-02-12T15:10:00Z']]]) {
    const range = await rangeAt(`#last=${last}`);
    assert.deepEqual([range.from, range.to, range.interval], [from, '2026-03-14T15:10:00Z', interval]);
    assert.deepEqual([range.previous.from, range.previous.until], previous, last);
  }
});

test('a day that is not over is compared up to the same time of the day before', async () => {
  const range = await rangeAt('#period=day');
  assert.deepEqual([range.from, range.to, range.interval], ['2026-03-14T00:00:00Z', '2026-03-15T00:00:00Z', 'hour']);
  assert.deepEqual(range.previous,
    { from: '2026-03-13T00:00:00Z', to: '2026-03-14T00:00:00Z', until: '2026-03-13T15:10:00Z' });
});

test('a week begins on Monday, and a month is compared with a shorter one', async () => {
  const week = await rangeAt('#period=week&date=2026-03-01');
  assert.deepEqual([week.from, week.to, week.previous.from], ['2026-02-23T00:00:00Z', '2026-03-02T00:00:00Z', '2026-02-16T00:00:00Z']);
  const month = await rangeAt('#period=month');
  assert.deepEqual([month.from, month.to, month.interval], ['2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z', 'day']);
  assert.deepEqual(month.previous, { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z', until: '2026-02-14T15:10:00Z' });
  const late = await rangeAt('#period=month', { now: Date.UTC(2026, 2, 31, 12) });
  assert.equal(late.previous.until, '2026-03-01T00:00:00Z', 'February has no 31st');
});

test('the days of a zone are those of its clock, also when the offset changes', async () => {
  const zone = 'Europe/Berlin';
  const short = await rangeAt('#period=day&date=2026-03-29', { zone, now: Date.UTC(2026, 5, 1) });
  assert.deepEqual([short.from, short.to], ['2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z'], '23 hours');
  assert.deepEqual([short.previous.from, short.previous.to], ['2026-03-27T23:00:00Z', '2026-03-28T23:00:00Z']);
  const rolling = await rangeAt('#last=30d', { zone });
  assert.equal(rolling.from, '2026-02-12T23:00:00Z');
});

test('a range without an end ends now, and one without a beginning has 24 hours', async () => {
  const open = await rangeAt('#from=2026-03-14T13:00:00Z');
  assert.deepEqual([open.from, open.to, open.interval], ['2026-03-14T13:00:00Z', '2026-03-14T15:10:00Z', 'minute']);
  const closed = await rangeAt('#to=2020-01-02T00:00:00Z');
  assert.deepEqual([closed.from, closed.to, closed.interval], ['2020-01-01T00:00:00Z', '2020-01-02T00:00:00Z', 'hour']);
});

test('an invalid range is sent to Weir, which refuses it', async () => {
  for (const hash of ['#to=yesterday', '#from=yesterday&to=2020-01-01T00:00:00Z', '#from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z']) {
    const { from, to, previous } = await rangeAt(hash);
    assert.deepEqual([viewOf(hash).from ?? from, viewOf(hash).to, previous], [from, to, null], hash);
  }
});

test('all events are those from the first day with an event to the end of the last', async () => {
  const allDays = async () => [Date.UTC(1990, 0, 1), Date.UTC(2012, 11, 31)];
  assert.deepEqual(await rangeAt('#last=all', { allDays }),
    { from: '1990-01-01T00:00:00Z', to: '2013-01-01T00:00:00Z', interval: 'day', previous: null });
  assert.equal((await rangeAt('#last=all')).interval, 'hour', 'without events: the last day');
});

test('the arrows move by the period, or by the length of the range', async () => {
  const move = async (hash, direction) => hashOf(moved(viewOf(hash), await rangeAt(hash), direction, 'UTC'));
  assert.equal(await move('#period=day&page=/', -1), '#period=day&date=2026-03-13&page=/');
  assert.equal(await move('#period=month&date=2026-03-31', -1), '#period=month&date=2026-02-01');
  assert.equal(await move('#period=week&date=2026-03-14', 1), '#period=week&date=2026-03-16');
  assert.equal(await move('#last=1h', -1), '#from=2026-03-14T13:10:00Z&to=2026-03-14T14:10:00Z');
  assert.equal(await move('#from=2026-03-01T00:00:00Z&to=2026-03-03T00:00:00Z', 1), '#from=2026-03-03T00:00:00Z&to=2026-03-05T00:00:00Z');
});

test('a bar opens as its period, an hour as a range, a minute not at all', () => {
  const view = viewOf('#last=30d&by=day&page=/');
  const [from, to] = [Date.UTC(2026, 2, 13, 23), Date.UTC(2026, 2, 14, 23)];
  assert.equal(hashOf(opened(view, 'day', from, to, 'Europe/Berlin')), '#period=day&date=2026-03-14&page=/');
  assert.equal(hashOf(opened(view, 'month', from, to, 'UTC')), '#period=month&date=2026-03-13&page=/');
  assert.equal(hashOf(opened(view, 'hour', from, from + HOUR, 'UTC')), '#from=2026-03-13T23:00:00Z&to=2026-03-14T00:00:00Z&page=/');
  assert.equal(opened(view, 'minute', from, to, 'UTC'), null);
});
