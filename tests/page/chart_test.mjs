// Tests of the pure functions of web/chart.js and web/axis.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentText, niceStep, rangeText, ticksOf, tickStep, tickText } from '../../web/axis.js';
import { boundsOf, indexAt, layoutOf } from '../../web/chart.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const series = (values, interval = 'hour') => ({
  interval,
  points: values.map((events, index) => ({
    time: new Date(Date.UTC(2026, 0, 1) + index * HOUR).toISOString(), events, page_views: 0, unique_users: 0,
  })),
});

test('the value axis has round steps, at most four of them up to the maximum', () => {
  for (const [highest, step] of [[0, 1], [1, 1], [4, 1], [5, 2], [8, 2], [9, 3], [10, 3], [12, 5], [41, 20], [80, 20], [81, 25],
    [100, 25], [101, 50], [1000, 250], [123_456, 50_000]])
    assert.equal(niceStep(highest), step, String(highest));
  for (let highest = 1; highest < 3_000_000; highest = Math.ceil(highest * 1.07)) {
    const step = niceStep(highest);
    assert.ok(Number.isInteger(step) && step >= 1 && highest / step <= 4, `${highest}: ${step}`);
  }
});

test('the time axis has no tick finer than the interval, and at most as many as there is space for', () => {
  assert.equal(tickStep(MINUTE, HOUR, 10), 10 * MINUTE);
  assert.equal(tickStep(HOUR, DAY, 10), 3 * HOUR);
  assert.equal(tickStep(HOUR, 3 * HOUR, 100), HOUR);
  assert.equal(tickStep(DAY, 30 * DAY, 10), 7 * DAY);
  assert.equal(tickStep(DAY, 40_000 * DAY, 2), 3640 * DAY, 'the largest step, if none is large enough');
});

test('a tick shows the time of day, the day, or the month of a long range', () => {
  const noon = Date.UTC(2026, 2, 14, 12);
  assert.equal(tickText(noon, HOUR, DAY), '12:00');
  assert.equal(tickText(Date.UTC(2026, 2, 14), HOUR, DAY), '14 Mar');
  assert.equal(tickText(Date.UTC(2026, 2, 14), DAY, 30 * DAY), '14 Mar');
  assert.equal(tickText(Date.UTC(2026, 2, 14), 91 * DAY, 1000 * DAY), 'Mar 2026');
});

test('a point shows its whole interval on the clock of the zone', () => {
  const text = (time, interval, zone = 'UTC') =>
    momentText(Date.parse(time), Date.parse(time) + { minute: MINUTE, hour: HOUR }[interval], interval, zone);
  assert.match(text('2026-03-14T23:00:00Z', 'hour'), /14 Mar 2026, 23:00–00:00$/);
  assert.match(text('2026-03-14T15:09:00Z', 'minute'), /14 Mar 2026, 15:09–15:10$/);
  assert.match(text('2026-03-14T23:00:00Z', 'hour', 'Asia/Kolkata'), /15 Mar 2026, 04:30–05:30$/);
  const [day, next] = [Date.UTC(2026, 2, 14), Date.UTC(2026, 2, 15)];
  assert.match(momentText(day, next, 'day', 'UTC'), /14 Mar 2026$/);
  assert.equal(momentText(day, next, 'week', 'UTC'), 'week of 14 Mar 2026');
  assert.equal(momentText(day, next, 'month', 'UTC'), 'March 2026');
});

test('a range is named by its days, and by its times where these are not midnight', () => {
  const range = (from, to, zone = 'UTC') => rangeText(Date.parse(from), Date.parse(to), zone);
  assert.match(range('2026-03-14T00:00:00Z', '2026-03-15T00:00:00Z'), /^Sat,? 14 Mar 2026$/);
  assert.equal(range('2026-03-09T00:00:00Z', '2026-03-16T00:00:00Z'), '9 Mar 2026 – 15 Mar 2026');
  assert.equal(range('2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z'), 'March 2026');
  assert.equal(range('2026-02-28T23:00:00Z', '2026-03-31T22:00:00Z', 'Europe/Berlin'), 'March 2026');
  assert.equal(range('2026-03-14T10:00:00Z', '2026-03-14T12:00:00Z'), '14 Mar 2026, 10:00 – 12:00');
  assert.equal(range('2026-03-14T10:00:00Z', '2026-03-15T12:00:00Z'), '14 Mar 2026, 10:00 – 15 Mar 2026, 12:00');
});

test('ticks lie at round hours of the clock, also after its offset has changed', () => {
  const points = Array.from({ length: 48 }, (_, index) => ({ time: new Date(Date.UTC(2026, 2, 28, 5) + index * HOUR).toISOString() }));
  const texts = ticksOf(points, 'hour', 8, 'Europe/Berlin').map(({ text }) => text);
  assert.deepEqual(texts, ['06:00', '12:00', '18:00', '29 Mar', '06:00', '12:00', '18:00', '30 Mar', '06:00']);
  const days = Array.from({ length: 31 }, (_, index) => ({ time: new Date(Date.UTC(2026, 2, 1 + index)).toISOString() }));
  assert.deepEqual(ticksOf(days, 'day', 6, 'UTC').map(({ text }) => text), ['1 Mar', '8 Mar', '15 Mar', '22 Mar', '29 Mar']);
  assert.deepEqual(ticksOf(days.slice(0, 2), 'month', 6, 'UTC').map(({ text }) => text), ['Mar 2026', 'Mar 2026']);
});

test('the interval of the last point ends with the range', () => {
  const drawn = { ...series([1, 2]), to: '2026-01-01T02:00:00Z' };
  assert.deepEqual(boundsOf(drawn, 0), [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 1)]);
  assert.deepEqual(boundsOf(drawn, 1), [Date.UTC(2026, 0, 1, 1), Date.UTC(2026, 0, 1, 2)]);
});

test('the previous range may be the higher one', () => {
  const before = series([7, 40, 9]).points;
  assert.equal(layoutOf(series([1, 2]), 'events', 354, 236, before).top, 40);
  assert.deepEqual(layoutOf(series([1, 2]), 'events', 354, 236, before).valuesBefore, [7, 40], 'cut to the points of the range');
});

test('values are between the bottom and the top of the drawing area', () => {
  const layout = layoutOf(series([0, 3, 10]), 'events', 354, 236);
  assert.deepEqual([layout.width, layout.height, layout.step, layout.top, layout.slot], [300, 200, 3, 12, 100]);
  assert.equal(layout.y(0), 212);
  assert.equal(layout.y(12), 12);
  assert.ok(layout.y(10) > layout.y(12) && layout.y(10) < layout.y(3));
  assert.deepEqual([layout.x(0), layout.x(2)], [48, 248]);
});

test('a chart without points or values has finite coordinates', () => {
  for (const values of [[], [0], [0, 0]]) {
    const layout = layoutOf(series(values), 'events', 354, 236);
    assert.ok(Number.isFinite(layout.slot) && Number.isFinite(layout.y(0)) && layout.top >= 1, String(values));
  }
});

test('the pointer selects the point below it, and none beside the chart', () => {
  const layout = layoutOf(series([1, 2, 3]), 'events', 354, 236);
  for (const [left, index] of [[47, -1], [48, 0], [147, 0], [148, 1], [347, 2], [348, -1]])
    assert.equal(indexAt(layout, left), index, String(left));
});
