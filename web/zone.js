// @ts-check
// Wall clocks of time zones. A wall time is the number of milliseconds that a UTC clock would need to show the same date and
// time, so that days, weeks and months of a zone are computed as those of UTC.

const QUARTER = 15 * 60_000;  // zones change their offset at a quarter of an hour
const DAY = 24 * 60 * 60_000;
const CACHED_MAX = 20_000;

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();
/** @type {Map<string, number>} */
const offsets = new Map();

/** @param {string} zone */
function formatOf(zone) {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric',
      minute: 'numeric', second: 'numeric',
    });
    formats.set(zone, format);
  }
  return format;
}

/**
 * Whether the browser knows a zone.
 * @param {string | null} zone
 */
export function isZone(zone) {
  try {
    return Boolean(zone && new Intl.DateTimeFormat('en', { timeZone: zone }));
  } catch {
    return false;
  }
}

/** The zone of the browser; UTC if it is unknown. */
export function zoneOfBrowser() {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  return isZone(zone) && !['Etc/UTC', 'Etc/GMT', 'GMT', 'Etc/Unknown'].includes(zone) ? zone : 'UTC';
}

/**
 * The distance of the wall clock from UTC, in milliseconds.
 * @param {number} moment  unix time in milliseconds
 * @param {string} zone
 */
export function offsetAt(moment, zone) {
  if (zone === 'UTC') return 0;
  const start = Math.floor(moment / QUARTER) * QUARTER;
  const key = `${zone} ${start}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    const parts = Object.fromEntries(formatOf(zone).formatToParts(start).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute, second } = parts;
    offset = Date.UTC(year, month - 1, day, hour, minute, second) - start;
    if (offsets.size >= CACHED_MAX) offsets.clear();
    offsets.set(key, offset);
  }
  return offset;
}

/** @type {(moment: number, zone: string) => number} */
export const wallOf = (moment, zone) => moment + offsetAt(moment, zone);

/**
 * The moment at which the clock of a zone shows a wall time: the first of two, or the end of the gap that skips it.
 * @param {number} wall
 * @param {string} zone
 */
export function momentOf(wall, zone) {
  const candidates = [wall - DAY, wall + DAY].map((near) => wall - offsetAt(near, zone));
  const right = candidates.filter((moment) => wallOf(moment, zone) === wall);
  return right.length > 0 ? Math.min(...right) : Math.max(...candidates);
}

/** @typedef {'day' | 'week' | 'month'} Period */

/**
 * The beginning of the day, ISO week or month of a wall time.
 * @param {Period} period
 * @param {number} wall
 */
export function startOf(period, wall) {
  const day = Math.floor(wall / DAY);
  if (period === 'day') return day * DAY;
  if (period === 'week') return (day - ((((day + 3) % 7) + 7) % 7)) * DAY;  // 1 January 1970 was a Thursday
  const date = new Date(wall);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/**
 * The beginning of the period that is `count` periods after the one that begins at `start`.
 * @param {Period} period
 * @param {number} start  a wall time
 * @param {number} count  may be negative
 */
export function stepFrom(period, start, count) {
  if (period !== 'month') return start + count * (period === 'week' ? 7 : 1) * DAY;
  const date = new Date(start);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1);
}
