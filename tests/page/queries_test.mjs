// Tests of web/queries.js: which queries the page sends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { featuresOf, keeping } from '../../web/api.js';
import { askAll, daysWithEvents, lastEventOf, seriesOf } from '../../web/queries.js';
import { viewOf } from '../../web/view.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 14, 15, 9, 26);
const WIDTHS = { minute: 60_000, hour: HOUR, day: DAY };

// A Weir that has one event at each of these times, and bounds an answer like the real one. `asked` records the queries.
function weirWith(times, asked = []) {
  return async (path, { from, to, interval, ...more }) => {
    asked.push([path, from, to, interval, more]);
    if (path === 'dimensions') return { dimensions: [{ name: 'page' }, { name: 'plan' }, { name: 'campaign' }] };
    if (path === 'top') return { rows: [{ value: 'x' }], other: {} };
    const points = [];
    const width = WIDTHS[interval];
    for (let at = Math.floor(Date.parse(from) / width) * width; at < Date.parse(to); at += width)
      points.push({ time: new Date(at).toISOString(), events: times.filter((time) => time >= at && time < at + width).length });
    if (points.length > 5000) throw new Error(`${points.length} points`);
    return { from, to, interval, points };
  };
}

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

test('a short series and an invalid one are one query', async () => {
  const asked = [];
  const series = await seriesOf(weirWith([], asked), { from: '2012-12-01T00:00:00Z', to: '2013-01-01T00:00:00Z' }, {}, 'day');
  assert.deepEqual([asked.length, series.points.length, series.isOne], [1, 31, true]);
  const invalid = [];
  await seriesOf(async (...call) => { invalid.push(call); return { points: [] }; }, { from: 'x', to: 'y' }, {}, 'day');
  assert.equal(invalid.length, 1);
});

test('the last event is found to the minute', async () => {
  const at = Date.UTC(2012, 11, 31, 13, 7, 30);
  assert.deepEqual(await daysWithEvents(weirWith([0, at]), NOW), [Date.UTC(2012, 11, 31)]);
  assert.deepEqual(await lastEventOf(weirWith([at - DAY, at - HOUR, at]), NOW), { at: at - 30_000, interval: 'minute' });
  assert.equal(await lastEventOf(weirWith([]), NOW), null);
});

test('an answer that is kept is not asked for again', async () => {
  const asked = [];
  const kept = keeping(async (path, parameters) => { asked.push([path, parameters]); return asked.length; });
  assert.equal(await kept('a', { x: 1 }), 1);
  assert.equal(await kept('a', { x: 1 }), 1);
  assert.equal(await kept('a', { x: 2 }), 2);
});

test('a refresh asks for the zone only where days have a beginning, and for a filter only where it applies', async () => {
  const asked = [];
  const features = { ...featuresOf({}), zones: true };
  const answers = await askAll(weirWith([NOW], asked), viewOf('#period=month&page=/&tab=campaign'),
    { now: NOW, features, zone: 'Europe/Berlin' });
  const series = asked.filter(([path]) => path === 'timeseries');
  assert.deepEqual(series.map(([, from, , interval, more]) => [from, interval, more]), [
    ['2026-02-28T23:00:00Z', 'day', { page: '/', tz: 'Europe/Berlin' }],
    ['2026-01-31T23:00:00Z', 'day', { page: '/', tz: 'Europe/Berlin' }]]);
  assert.deepEqual(asked.filter(([path]) => path === 'top').map(([, , , , more]) => more.dimension).sort(), ['campaign', 'page', 'plan']);
  assert.ok(asked.filter(([path]) => path === 'top').every(([, , , , more]) => more.page === undefined));
  assert.deepEqual(answers.lists.map(({ list }) => list.dimension), ['page', 'plan', 'campaign']);
});

test('the features are those of the description', () => {
  const tz = { components: { parameters: { tz: { name: 'tz', schema: { type: 'string' } } } },
    paths: { '/api/v1/timeseries': { get: { parameters: [{ $ref: '#/components/parameters/tz' }] } } } };
  assert.equal(featuresOf(tz).zones, true);
  const parameters = (zones, intervals) => ({ get: { parameters: [
    { name: 'tz', schema: { enum: zones } }, { name: 'interval', schema: { enum: intervals } }] } });
  assert.deepEqual(featuresOf({ paths: { '/api/v1/timeseries': parameters(['UTC'], ['minute', 'hour', 'day']) } }),
    { live: false, deadLetters: false, snippet: false, zones: false, intervals: ['minute', 'hour', 'day'] });
  assert.deepEqual(featuresOf({ paths: {
    '/api/v1/timeseries': parameters(undefined, ['day', 'week']), '/api/v1/live': {}, '/api/v1/dead_letters': {}, '/weir.js': {} } }),
    { live: true, deadLetters: true, snippet: true, zones: true, intervals: ['day', 'week'] });
});
