// @ts-check
// What the page shows: a range and optionally a filter. Both are in the fragment of the address, so that it can be linked:
//   #last=1h|24h|7d|30d|all      #from=2015-05-17T10:00:00Z&to=2015-05-21T00:00:00Z      and  &page=/blog

/** @import {Ask, Interval, Range, Series, Span, View} from './types.d.ts' */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FILTERS = ['activity_type', 'page', 'referrer'];
const DAYS_MAX = 4990;       // days in one series; the API allows 5,000 points
const SERIES_MAX = 12;       // series in one chart: more than a century of days
const FIRST_EVENT = Date.UTC(1990, 0, 1);  // the earliest time of an event
const AHEAD_MAX = 2 * DAY;   // how far an event may be ahead of the clock

/** @type {Record<string, {title: string, span?: number}>} */
export const RANGES = {
  '1h': { title: 'Last hour', span: HOUR },
  '24h': { title: '24 hours', span: DAY },
  '7d': { title: '7 days', span: 7 * DAY },
  '30d': { title: '30 days', span: 30 * DAY },
  all: { title: 'All' },
};

/**
 * The view that a fragment describes. An unknown range is the last 24 hours.
 * @param {string} hash
 * @returns {View}
 */
export function viewOf(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const dimension = FILTERS.find((name) => parameters.get(name));
  const filter = dimension ? { dimension, value: parameters.get(dimension) ?? '' } : null;
  // A plus sign of an offset that was not escaped arrives as a space.
  const withPlus = (/** @type {string | null} */ time) => time?.replace(' ', '+') ?? null;
  const from = withPlus(parameters.get('from'));
  const to = withPlus(parameters.get('to'));
  if (from || to) return { last: null, from, to, filter };
  const last = parameters.get('last') ?? '';
  return { last: Object.hasOwn(RANGES, last) ? last : '24h', from: null, to: null, filter };
}

/**
 * The fragment that describes a view. viewOf() is its inverse.
 * @param {Partial<View>} view
 */
export function hashOf({ last, from, to, filter }) {
  /** @type {[string, string][]} */
  const parts = [];
  if (last) parts.push(['last', last]);
  if (!last && from) parts.push(['from', from]);
  if (!last && to) parts.push(['to', to]);
  if (filter) parts.push([filter.dimension, filter.value]);
  // Colons and slashes stay unescaped, so that a link is readable.
  const escaped = (/** @type {string} */ value) => encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/');
  return `#${parts.map(([name, value]) => `${name}=${escaped(value)}`).join('&')}`;
}

/**
 * The interval of the chart for a range of this length in milliseconds.
 * @param {number} span
 * @returns {Interval}
 */
export function intervalFor(span) {
  if (span <= 3 * HOUR) return 'minute';
  return span <= 8 * DAY ? 'hour' : 'day';
}

const text = (/** @type {number} */ moment) => new Date(moment).toISOString().replace('.000Z', 'Z');

/**
 * The range between two times. It begins where an interval begins, so that the first bar of the chart is a whole one.
 * @param {number} from
 * @param {number} end
 * @returns {Range}
 */
function rangeBetween(from, end) {
  const interval = intervalFor(end - from);
  const width = { minute: MINUTE, hour: HOUR, day: DAY }[interval];
  return { from: text(Math.ceil(from / width) * width), to: text(Math.ceil(end / MINUTE) * MINUTE), interval };
}

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
    from: index === 0 ? from : text(first + index * DAYS_MAX * DAY),
    to: index === count - 1 ? to : text(first + (index + 1) * DAYS_MAX * DAY),
  }));
}

/**
 * The series of a range. It is joined from several answers if the range has more days than one answer may have.
 * @param {Ask} ask
 * @param {Span} span
 * @param {Record<string, string>} filter
 * @param {Interval} interval
 * @returns {Promise<Series & {isOne: boolean}>}
 */
export async function seriesOf(ask, span, filter, interval) {
  const parts = interval === 'day' ? partsOf(span) : [span];
  /** @type {Series[]} */
  const series = await Promise.all(parts.map((part) => ask('timeseries', { ...part, ...filter, interval })));
  return {
    ...series[0],
    to: series[series.length - 1].to,
    points: series.flatMap(({ points }) => points),
    isOne: parts.length === 1,
  };
}

/** @type {{at: number, days: number[]}} */
let known = { at: -Infinity, days: [] };  // the days that have events, and when they were queried

/**
 * @param {Ask} ask
 * @param {number} now
 */
async function daysWithEvents(ask, now) {
  if (now - known.at < MINUTE && known.days.length > 0) return known.days;
  const span = { from: text(FIRST_EVENT), to: text(Math.floor((now + AHEAD_MAX) / DAY + 1) * DAY) };
  const { points } = await seriesOf(ask, span, {}, 'day');
  known = { at: now, days: points.filter((point) => point.events > 0).map((point) => Date.parse(point.time)) };
  return known.days;
}

/**
 * The range from the first day that has an event to the end of the last.
 * @param {Ask} ask
 * @param {number} now
 * @returns {Promise<Range>}
 */
async function rangeOfAllEvents(ask, now) {
  const days = await daysWithEvents(ask, now);
  if (days.length === 0) return rangeBetween(now - DAY, now);
  const [from, to] = [days[0], days[days.length - 1] + DAY];
  return { from: text(from), to: text(to), interval: intervalFor(to - from) };
}

/**
 * The range of a view at the time `now`. The view of all events needs a query, for which `ask` is called.
 * @param {View} view
 * @param {Ask} ask
 * @param {number} [now]
 * @returns {Promise<Range>}
 */
export async function rangeOf(view, ask, now = Date.now()) {
  if (view.last === 'all') return rangeOfAllEvents(ask, now);
  const span = view.last ? RANGES[view.last].span : undefined;
  if (span) return rangeBetween(now - span, now);
  const to = view.to ?? text(Math.ceil(now / MINUTE) * MINUTE);
  const end = Date.parse(to);
  // If `to` is not valid, Weir refuses the request and names the fault.
  const from = view.from ?? (Number.isNaN(end) ? to : text(end - DAY));
  return { from, to, interval: intervalFor(end - Date.parse(from)) };
}
