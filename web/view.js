// @ts-check
// What the page shows. All of it is in the fragment of the address, so that it can be linked and the back button works:
//   #last=1h|24h|7d|30d|all    #period=day|week|month&date=2026-03-14    #from=2015-05-17T10:00:00Z&to=2015-05-21T00:00:00Z
//   &page=/blog                a filter; a dimension that has the name of another parameter here has a dot before it
//   &show=page_views&by=hour   the figure and the interval of the chart
//   &tab=plan                  the own dimension that is shown
//   &list=page&search=a&sort=unique_users    the open list
//   &zone=Europe/Berlin&open=ledger

import { momentOf, startOf, stepFrom, wallOf } from './zone.js';

/** @import {Interval, Metric, Period, Range, View} from './types.d.ts' */

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** @type {Record<Interval, number>} */
export const WIDTHS = { minute: MINUTE, hour: HOUR, day: DAY, week: 7 * DAY, month: 30 * DAY };
const POINTS_MAX = 1500;     // of a chart by an interval that the reader chooses

/** @type {Record<string, {title: string, span?: number}>} */
export const RANGES = {
  '1h': { title: '1 h', span: HOUR },
  '24h': { title: '24 h', span: DAY },
  '7d': { title: '7 d', span: 7 * DAY },
  '30d': { title: '30 d', span: 30 * DAY },
  all: { title: 'All' },
};
/** @type {Record<Period, string>} */
export const PERIODS = { day: 'Day', week: 'Week', month: 'Month' };
/** @type {Record<Metric, string>} */
export const METRICS = { events: 'Events', page_views: 'Page views', unique_users: 'Unique users' };

/** @type {View} */
const NOTHING = {
  last: null, period: null, date: null, from: null, to: null, filter: null, show: 'events', by: null, tab: null,
  list: null, search: '', sort: null, zone: null, open: null,
};
const OWN_NAMES = Object.keys(NOTHING).filter((name) => name !== 'filter');  // every other parameter is a dimension

/** @type {<Key extends string>(names: Record<Key, unknown>, name: string | null) => Key | null} */
const oneOf = (names, name) => (name !== null && Object.hasOwn(names, name) ? /** @type {any} */ (name) : null);

/**
 * The view that a fragment describes. An unknown range is the last 24 hours.
 * @param {string} hash
 * @returns {View}
 */
export function viewOf(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const get = (/** @type {string} */ name) => parameters.get(name) || null;
  const dimension = [...parameters.keys()].find((name) => !OWN_NAMES.includes(name) && get(name));
  // A plus sign of an offset that was not escaped arrives as a space.
  const [from, to] = ['from', 'to'].map((name) => get(name)?.replace(' ', '+') ?? null);
  const view = {
    ...NOTHING,
    filter: dimension ? { dimension: dimension.replace(/^\./, ''), value: get(dimension) ?? '' } : null,
    show: oneOf(METRICS, get('show')) ?? NOTHING.show,
    by: oneOf(WIDTHS, get('by')),
    tab: get('tab'), list: get('list'), search: get('search') ?? '', sort: oneOf(METRICS, get('sort')),
    zone: get('zone'), open: get('open'),
  };
  if (from || to) return { ...view, from, to };
  const period = oneOf(PERIODS, get('period'));
  if (period) return { ...view, period, date: /^\d{4}-\d\d-\d\d$/.test(get('date') ?? '') ? get('date') : null };
  return { ...view, last: oneOf(RANGES, get('last')) ?? '24h' };
}

/**
 * The fragment that describes a view. viewOf() is its inverse.
 * @param {Partial<View>} view
 */
export function hashOf({ filter, ...view }) {
  /** @type {[string, string][]} */
  const parts = [];
  for (const name of OWN_NAMES) {
    const value = /** @type {Record<string, any>} */ (view)[name];
    const isRange = ['period', 'date', 'from', 'to'].includes(name);
    if (value && value !== /** @type {any} */ (NOTHING)[name] && !(isRange && view.last)) parts.push([name, value]);
  }
  if (filter) parts.push([`${OWN_NAMES.includes(filter.dimension) ? '.' : ''}${filter.dimension}`, filter.value]);
  // Colons and slashes stay unescaped, so that a link is readable.
  const escaped = (/** @type {string} */ value) => encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/');
  return `#${parts.map(([name, value]) => `${name}=${escaped(value)}`).join('&')}`;
}

/**
 * The interval of the chart for a range of this length in milliseconds.
 * @param {number} span
 * @param {Interval[]} [intervals]  those that Weir has
 * @returns {Interval}
 */
export function intervalFor(span, intervals = []) {
  if (span <= 3 * HOUR) return 'minute';
  if (span <= 8 * DAY) return 'hour';
  if (span > 1100 * DAY && intervals.includes('month')) return 'month';
  return span > 400 * DAY && intervals.includes('week') ? 'week' : 'day';
}

/**
 * The intervals by which a range can be drawn.
 * @param {number} span
 * @param {Interval[]} intervals  those that Weir has
 */
export function intervalsFor(span, intervals) {
  return intervals.filter((interval) => span / WIDTHS[interval] > 1 && span / WIDTHS[interval] <= POINTS_MAX);
}

export const timeText = (/** @type {number} */ moment) => new Date(moment).toISOString().replace('.000Z', 'Z');
const dateText = (/** @type {number} */ wall) => new Date(wall).toISOString().slice(0, 10);
const minutesUp = (/** @type {number} */ moment) => Math.ceil(moment / MINUTE) * MINUTE;

/**
 * A range with the one to compare it with: the same time on the wall clock, `shift` before. If the range is not over yet,
 * the other one is compared up to the same time.
 * @param {number} from
 * @param {number} to
 * @param {(wall: number) => number} shift  the wall time of the previous range
 * @param {number} now
 * @param {string} zone
 */
function withPrevious(from, to, shift, now, zone) {
  const before = (/** @type {number} */ moment) => momentOf(shift(wallOf(moment, zone)), zone);
  const reached = from < now && now < to ? minutesUp(now) : to;
  const previous = { from: timeText(before(from)), to: timeText(before(to)), until: timeText(before(reached)) };
  return { from: timeText(from), to: timeText(to), previous };
}

/**
 * A day, week or month of the calendar.
 * @param {Period} period
 * @param {string | null} date  a day in it; null: today
 * @param {number} now
 * @param {string} zone
 */
function calendarRange(period, date, now, zone) {
  const day = Date.parse(`${date}T00:00:00Z`);
  const start = startOf(period, date && !Number.isNaN(day) ? day : wallOf(now, zone));
  const [from, to] = [0, 1].map((count) => momentOf(stepFrom(period, start, count), zone));
  const previous = stepFrom(period, start, -1);
  // The last days of a long month have none to be compared with: the previous month ends before them.
  const shift = (/** @type {number} */ wall) => Math.min(previous + (wall - start), start);
  return { ...withPrevious(from, to, shift, now, zone), start };
}

/**
 * The range between two moments. It begins where an interval begins, so that the first bar of the chart is a whole one.
 * @param {number} from
 * @param {number} end
 * @param {Interval} interval
 * @param {number} now
 * @param {string} zone
 */
function rollingRange(from, end, interval, now, zone) {
  const width = Math.min(WIDTHS[interval], DAY);
  const start = momentOf(Math.ceil(wallOf(from, zone) / width) * width, zone);
  const shift = Math.ceil((end - start) / width) * width;
  return withPrevious(start, minutesUp(end), (wall) => wall - shift, now, zone);
}

/**
 * The range of a view at the time `now`.
 * @param {View} view
 * @param {{now: number, zone: string, intervals: Interval[], allDays: () => Promise<number[]>}} context
 *   allDays: the days that have events, as unix times in milliseconds
 * @returns {Promise<Range>}
 */
export async function rangeOf(view, { now, zone, intervals, allDays }) {
  const drawn = (/** @type {number} */ span) =>
    view.by && intervalsFor(span, intervals).includes(view.by) ? view.by : intervalFor(span, intervals);
  if (view.period) {
    const range = calendarRange(view.period, view.date, now, zone);
    return { ...range, interval: drawn(Date.parse(range.to) - Date.parse(range.from)) };
  }
  const span = view.last ? RANGES[view.last].span : undefined;
  if (span) return { ...rollingRange(now - span, now, drawn(span), now, zone), interval: drawn(span) };
  if (view.last === 'all') {
    const days = await allDays();
    if (days.length === 0) return { ...rollingRange(now - DAY, now, 'hour', now, zone), interval: 'hour' };
    const from = momentOf(startOf('day', wallOf(days[0], zone)), zone);
    const end = startOf('day', wallOf(days[days.length - 1] + DAY - 1, zone)) + DAY;
    return { from: timeText(from), to: timeText(momentOf(end, zone)), interval: drawn(end - from), previous: null };
  }
  const to = view.to ?? timeText(minutesUp(now));
  const end = Date.parse(to);
  const from = view.from ?? (Number.isNaN(end) ? to : timeText(end - DAY));
  const length = end - Date.parse(from);
  // If a time is not valid, Weir refuses the request and names the fault.
  if (!(length > 0)) return { from, to, interval: 'hour', previous: null };
  return { ...withPrevious(end - length, end, (wall) => wall - length, now, zone), from, to, interval: drawn(length) };
}

/**
 * The view one range earlier or later.
 * @param {View} view
 * @param {Range} range   of the view
 * @param {-1 | 1} direction
 * @param {string} zone
 * @returns {View}
 */
export function moved(view, range, direction, zone) {
  if (view.period) {
    const start = range.start ?? startOf(view.period, wallOf(Date.parse(range.from), zone));
    return { ...view, date: dateText(stepFrom(view.period, start, direction)) };
  }
  const [from, to] = [Date.parse(range.from), Date.parse(range.to)];
  const shift = (RANGES[view.last ?? '']?.span ?? to - from) * direction;
  return { ...view, last: null, from: timeText(from + shift), to: timeText(to + shift) };
}

/**
 * The view of one interval of the chart: what a click on its bar shows. Null: there is nothing finer.
 * @param {View} view
 * @param {Interval} interval
 * @param {number} from
 * @param {number} to
 * @param {string} zone
 * @returns {View | null}
 */
export function opened(view, interval, from, to, zone) {
  if (interval === 'minute') return null;
  const range = { last: null, period: null, date: null, from: null, to: null, by: null };
  if (interval === 'hour') return { ...view, ...range, from: timeText(from), to: timeText(to) };
  return { ...view, ...range, period: interval, date: dateText(wallOf(from, zone)) };
}
