// @ts-check
// The axes of a chart: steps, ticks, labels. All functions are pure; tests/page tests them.

import { DAY, HOUR, MINUTE, WIDTHS } from './view.js';
import { wallOf } from './zone.js';

/** @import {Interval, Point} from './types.d.ts' */

const TICK_STEPS = [MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
  12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 182 * DAY, 364 * DAY, 728 * DAY,
  1456 * DAY, 3640 * DAY];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120];

// Wall times are formatted as times of UTC.
const format = (/** @type {Intl.DateTimeFormatOptions} */ options) =>
  new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const clock = format({ hour: '2-digit', minute: '2-digit' });
const dayAndMonth = format({ day: 'numeric', month: 'short' });
const month = format({ month: 'long', year: 'numeric' });
const monthAndYear = format({ month: 'short', year: 'numeric' });
const weekday = format({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const fullDate = format({ day: 'numeric', month: 'short', year: 'numeric' });

/**
 * The distance of the horizontal grid lines: the smallest of 1, 2, 2.5 or 5 × 10^n that needs at most four lines. At
 * least 1, because events are whole numbers.
 * @param {number} highest
 */
export function niceStep(highest) {
  const rough = Math.max(highest / 4, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10) * power;
  return Math.max(1, power === 1 ? Math.ceil(step) : step);
}

/**
 * A point's interval in words.
 * @param {number} start  unix time in milliseconds
 * @param {number} end
 * @param {Interval} interval
 * @param {string} zone
 */
export function momentText(start, end, interval, zone) {
  const [from, to] = [wallOf(start, zone), wallOf(end, zone)];
  if (interval === 'day') return weekday.format(from);
  if (interval === 'week') return `week of ${fullDate.format(from)}`;
  if (interval === 'month') return month.format(from);
  return `${weekday.format(from)}, ${clock.format(from)}–${clock.format(to)}`;
}

/**
 * A range in words. Its end is exclusive, so that a range of whole days ends on the day before it.
 * @param {number} start
 * @param {number} end
 * @param {string} zone
 */
export function rangeText(start, end, zone) {
  const [from, to] = [wallOf(start, zone), wallOf(end, zone)];
  if (from % DAY !== 0 || to % DAY !== 0) {
    const day = (/** @type {number} */ wall) => Math.floor(wall / DAY);
    const until = day(to) === day(from) ? clock.format(to) : `${fullDate.format(to)}, ${clock.format(to)}`;
    return `${fullDate.format(from)}, ${clock.format(from)} – ${until}`;
  }
  if (to - from === DAY) return weekday.format(from);
  const [first, last] = [new Date(from), new Date(to)];
  const isMonth = first.getUTCDate() === 1 && last.getUTCDate() === 1 && to - from <= 31 * DAY;
  return isMonth ? month.format(from) : `${fullDate.format(from)} – ${fullDate.format(to - DAY)}`;
}

/**
 * The distance of the ticks on the time axis: the smallest that is not finer than the interval and needs at most `labels`.
 * @param {number} interval  in milliseconds
 * @param {number} span      of the chart, in milliseconds
 * @param {number} labels
 */
export function tickStep(interval, span, labels) {
  const step = TICK_STEPS.find((candidate) => candidate >= interval && span / candidate <= labels);
  return step ?? TICK_STEPS[TICK_STEPS.length - 1];
}

/**
 * The label of a tick.
 * @param {number} wall  wall time in milliseconds
 * @param {number} step  between two ticks
 * @param {number} span  of the chart
 */
export function tickText(wall, step, span) {
  if (step < DAY) return wall % DAY === 0 ? dayAndMonth.format(wall) : clock.format(wall);
  return span > 400 * DAY ? monthAndYear.format(wall) : dayAndMonth.format(wall);
}

/**
 * The ticks of the time axis: the index of a point and its label. Times of day lie at round hours of the zone's clock, also
 * after a change of its offset. Days, weeks and months are counted from the first point on.
 * @param {Point[]} points
 * @param {Interval} interval
 * @param {number} labels  the most that fit
 * @param {string} zone
 */
export function ticksOf(points, interval, labels, zone) {
  const width = WIDTHS[interval];
  const span = points.length * width;
  const step = tickStep(width, span, labels);
  const months = MONTH_STEPS.find((count) => points.length / count <= labels) ?? 120;
  const every = interval === 'month' ? months : Math.max(1, Math.ceil(points.length / labels), Math.round(step / width));
  return points.flatMap(({ time }, index) => {
    const wall = wallOf(Date.parse(time), zone);
    if (width < DAY ? wall % step !== 0 : index % every !== 0) return [];
    return [{ index, text: interval === 'month' ? monthAndYear.format(wall) : tickText(wall, step, span) }];
  });
}
