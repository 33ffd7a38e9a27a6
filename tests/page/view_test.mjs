// Tests of web/view.js: which range the page shows, and which queries it sends for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashOf, intervalFor, rangeOf, seriesOf, viewOf } from '../../web/view.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 14, 15, 9, 26);

// A Weir that has one event on each of these days, and bounds an answer like the real one. `asked` records the queries.
function weirWith(days, asked = []) {
  return async (path, { from, to, interval }) => {
    asked.push([path, from, to, interval]);
    const points = [];
    for (let at = Math.floor(Date.parse(from) / DAY) * DAY; at < Date.parse(to); at += DAY)
      points.push({ time: new Date(at).toISOString(), events: days.includes(at) ? 1 : 0 });
    if (points.length > 5000) throw new Error(`${points.length} points`);
    return { from, to, interval, points };
  };
}

test('the name of a member of Object.prototype is no range', () => {
  for (const last of ['constructor', 'toString', '__proto__', 'hasOwnProperty', '', 'x'])
    assert.equal(viewOf(`#last=${last}`).last, '24h', last);
  for (const last of ['1h', '24h', '7d', '30d', 'all']) assert.equal(viewOf(`#last=${last}`).last, last);
});

test('viewOf is the inverse of hashOf', () => {
  const filter = { dimension: 'page', value: '/a?b=c&d#e +%' };
  const [from, to] = ['2015-05-17T10:00:00+02:00', '2015-05-21T00:00:00Z'];
  for (const view of [{ last: '7d', from: null, to: null, filter: null }, { last: '24h', from: null, to: null, filter },
    { last: null, from, to, filter: null }, { last: null, from, to: null, filter }, { last: null, from: null, to, filter }])
    assert.deepEqual(viewOf(hashOf(view)), view);
  assert.equal(hashOf({ last: null, from: '2015-05-17T10:00:00Z', to: null, filter: { dimension: 'page', value: '/a' } }),
    '#from=2015-05-17T10:00:00Z&page=/a', 'colons and slashes stay readable');
});

test('the plus sign of an offset that was not escaped is restored', () => {
  assert.equal(viewOf('#from=2015-05-17T10:00:00+02:00').from, '2015-05-17T10:00:00+02:00');
});

test('a view has at most one filter', () => {
  assert.deepEqual(viewOf('#last=7d&page=/a&referrer=x').filter, { dimension: 'page', value: '/a' });
  assert.equal(viewOf('#last=7d&page=').filter, null);
});

test('the interval keeps a chart below 200 points', () => {
  for (const [span, interval] of [[1, 'minute'], [3 * HOUR, 'minute'], [3 * HOUR + 1, 'hour'], [8 * DAY, 'hour'],
    [8 * DAY + 1, 'day']])
    assert.equal(intervalFor(span), interval, String(span));
});

test('a range up to now begins where an interval begins', async () => {
  for (const [last, range] of [
    ['1h', { from: '2026-03-14T14:10:00Z', to: '2026-03-14T15:10:00Z', interval: 'minute' }],
    ['24h', { from: '2026-03-13T16:00:00Z', to: '2026-03-14T15:10:00Z', interval: 'hour' }],
    ['30d', { from: '2026-02-13T00:00:00Z', to: '2026-03-14T15:10:00Z', interval: 'day' }]])
    assert.deepEqual(await rangeOf(viewOf(`#last=${last}`), weirWith([]), NOW), range);
});

test('a range without an end ends now, and one without a beginning has 24 hours', async () => {
  assert.deepEqual(await rangeOf(viewOf('#from=2026-03-14T13:00:00Z'), weirWith([]), NOW),
    { from: '2026-03-14T13:00:00Z', to: '2026-03-14T15:10:00Z', interval: 'minute' });
  assert.deepEqual(await rangeOf(viewOf('#to=2020-01-02T00:00:00Z'), weirWith([]), NOW),
    { from: '2020-01-01T00:00:00Z', to: '2020-01-02T00:00:00Z', interval: 'hour' });
});

test('an invalid range is sent to Weir, which refuses it', async () => {
  const range = await rangeOf(viewOf('#to=yesterday'), weirWith([]), NOW);
  assert.deepEqual([range.from, range.to], ['yesterday', 'yesterday']);
  const asked = [];
  await seriesOf(async (...call) => { asked.push(call); return { points: [] }; }, { from: 'x', to: 'y' }, {}, 'day');
  assert.equal(asked.length, 1);
});

test('all events are those from the first day with an event to the end of the last', async () => {
  const asked = [];
  const ask = weirWith([Date.UTC(1990, 0, 1), Date.UTC(2012, 11, 31)], asked);
  const range = await rangeOf(viewOf('#last=all'), ask, NOW);
  assert.deepEqual(range, { from: '1990-01-01T00:00:00Z', to: '2013-01-01T00:00:00Z', interval: 'day' });
  const queries = asked.length;
  await rangeOf(viewOf('#last=all'), ask, NOW + 59_000);
  assert.equal(asked.length, queries, 'the days are not queried again within a minute');
  await rangeOf(viewOf('#last=all'), ask, NOW + 61_000);
  assert.ok(asked.length > queries);
});

test('a series of more days than one answer may have is joined', async () => {
  const asked = [];
  const ask = weirWith([Date.UTC(1990, 0, 1), Date.UTC(2012, 11, 31)], asked);
  const span = { from: '1990-01-01T00:00:00Z', to: '2013-01-01T00:00:00Z' };
  const series = await seriesOf(ask, span, { page: '/' }, 'day');
  assert.equal(asked.length, 2);
  assert.equal(series.points.length, 8401);
  assert.equal(new Set(series.points.map(({ time }) => time)).size, 8401);
  assert.equal(series.points.filter(({ events }) => events > 0).length, 2);
  assert.deepEqual([series.isOne, series.from, series.to], [false, span.from, span.to]);
});

test('a short series is one query', async () => {
  const asked = [];
  const series = await seriesOf(weirWith([], asked), { from: '2012-12-01T00:00:00Z', to: '2013-01-01T00:00:00Z' }, {}, 'day');
  assert.deepEqual([asked.length, series.points.length, series.isOne], [1, 31, true]);
});
