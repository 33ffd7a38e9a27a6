// @ts-check
// The queries of a view.

import { keeping } from './api.js';
import { listsOf, shownLists } from './lists.js';
import { DAY, MINUTE, rangeOf, timeText } from './view.js';

/** @import {Answers, Ask, Features, Interval, Now, Range, Series, Span, Top, View} from './types.d.ts' */

const DAYS_MAX = 4990;       // days in one series; the API allows 5,000 points
const SERIES_MAX = 12;       // series in one chart: more than a century of days
const FIRST_EVENT = Date.UTC(1990, 0, 1);  // the earliest time of an event
const AHEAD_MAX = 2 * DAY;   // how far an event may be ahead of the clock
export const SHORT_LIST = 9;  // rows of a list beside the others

/**
 * Splits a range into spans of at most DAYS_MAX whole days. A range that is not valid stays as it is.
 * @param {Span} span
 * @returns {Span[]}
 */
function partsOf({ from, to }) {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const first = Math.floor(start / DAY) * DAY;
  const count = Math.ceil((end - first) / (DAYS_MAX * DAY));
  if (!(count > 1 && count <= SERIES_MAX)) return [{ from, to }];
  return Array.from({ length: count }, (_, index) => ({
    from: index === 0 ? from : timeText(first + index * DAYS_MAX * DAY),
    to: index === count - 1 ? to : timeText(first + (index + 1) * DAYS_MAX * DAY),
  }));
}

/**
 * The series of a range. It is joined from several answers if the range has more days than one answer may have.
 * @param {Ask} ask
 * @param {Span} span
 * @param {Record<string, string>} more  a filter, a zone
 * @param {Interval} interval
 * @returns {Promise<Series & {isOne: boolean}>}
 */
export async function seriesOf(ask, { from, to }, more, interval) {
  const parts = interval === 'day' ? partsOf({ from, to }) : [{ from, to }];
  /** @type {Series[]} */
  const series = await Promise.all(parts.map((part) => ask('timeseries', { ...part, ...more, interval })));
  return {
    ...series[0],
    to: series[series.length - 1].to,
    points: series.flatMap(({ points }) => points),
    isOne: parts.length === 1,
  };
}

/**
 * The days that have events, as unix times in milliseconds.
 * @param {Ask} ask
 * @param {number} now
 */
export async function daysWithEvents(ask, now) {
  const span = { from: timeText(FIRST_EVENT), to: timeText(Math.floor((now + AHEAD_MAX) / DAY + 1) * DAY) };
  const { points } = await seriesOf(ask, span, {}, 'day');
  return points.filter((point) => point.events > 0).map((point) => Date.parse(point.time));
}

/**
 * The time of the last event, as exactly as it is kept, with the interval in which it lies. Null: there is none.
 * @param {Ask} ask
 * @param {number} now
 * @returns {Promise<{at: number, interval: Interval} | null>}
 */
export async function lastEventOf(ask, now) {
  const days = await daysWithEvents(ask, now);
  if (days.length === 0) return null;
  let [at, width] = [days[days.length - 1], DAY];
  /** @type {Interval} */
  let interval = 'day';
  for (const finer of /** @type {Interval[]} */ (['hour', 'minute'])) {
    const { points, resolution } = await ask('timeseries', { from: timeText(at), to: timeText(at + width), interval: finer });
    const last = points.filter((/** @type {{events: number}} */ point) => point.events > 0).pop();
    if (resolution || !last) break;
    [at, width, interval] = [Date.parse(last.time), 60 * MINUTE, finer];
  }
  return { at, interval };
}

/**
 * Who is there now: for a Weir without /api/v1/live.
 * @param {Ask} ask
 * @param {number} now
 * @returns {Promise<Now>}
 */
export async function nowOf(ask, now) {
  const to = Math.floor(now / MINUTE + 1) * MINUTE;
  const [five, half] = await Promise.all([
    ask('summary', { from: timeText(to - 5 * MINUTE), to: timeText(to) }),
    ask('timeseries', { from: timeText(to - 30 * MINUTE), to: timeText(to), interval: 'minute' }),
  ]);
  return { visitors: five.unique_users, minutes: half.points };
}

/**
 * @param {Ask} ask
 * @param {View} view
 * @param {Range} range
 * @param {{features: Features, zone: string}} context
 */
async function figuresOf(ask, view, range, { features, zone }) {
  const kept = keeping(ask);
  const span = { from: range.from, to: range.to };
  /** @type {Record<string, string>} */
  const filter = view.filter ? { [view.filter.dimension]: view.filter.value } : {};
  const byZone = features.zones && zone !== 'UTC' && ['day', 'week', 'month'].includes(range.interval);
  const more = byZone ? { ...filter, tz: zone } : filter;
  const { previous } = range;
  const [summary, series, before, seriesBefore] = await Promise.all([
    ask('summary', { ...span, ...filter }),
    seriesOf(ask, span, more, range.interval),
    previous ? kept('summary', { from: previous.from, to: previous.until, ...filter }) : null,
    previous ? seriesOf(kept, previous, more, range.interval) : null,
  ]);
  return { span, more, summary, series, before, seriesBefore };
}

/**
 * Sends all queries of a view.
 * @param {Ask} ask
 * @param {View} view
 * @param {{now: number, features: Features, zone: string}} context
 * @returns {Promise<Answers>}
 */
export async function askAll(ask, view, { now, features, zone }) {
  const kept = keeping(ask);
  const { intervals } = features;
  const range = await rangeOf(view, { now, zone, intervals, allDays: () => daysWithEvents(kept, Math.floor(now / DAY) * DAY) });
  const lists = listsOf((await kept('dimensions', {})).dimensions);
  const span = { from: range.from, to: range.to };
  const tab = lists.find((list) => list.isOwn && list.dimension === view.tab) ?? lists.find((list) => list.isOwn);
  const [figures, ledger, ...tops] = await Promise.all([
    figuresOf(ask, view, range, { features, zone }),
    ask('ledger', {}),
    // A tab that is not shown matters only if it has no rows at all.
    ...lists.map((list) => /** @type {Promise<Top>} */ ((list.isOwn && list !== tab ? kept : ask)('top',
      { ...span, dimension: list.dimension, sort: list.sort, limit: String(SHORT_LIST) }))),
  ]);
  return { view, range, zone, features, now, ...figures, ledger, lists: shownLists(lists, tops) };
}
