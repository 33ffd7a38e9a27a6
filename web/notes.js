// @ts-check
// What Weir knows about the accuracy of an answer, in words.

import { percent } from './dom.js';

/** @import {Series, Summary} from './types.d.ts' */

/**
 * @param {Pick<Summary, 'unique_users_error'>} summary
 * @param {Pick<Series, 'interval' | 'resolution' | 'rounded'>} series
 */
export function notesOf({ unique_users_error: error }, { resolution, rounded }) {
  const notes = [error > 0
    ? `Unique users are estimated with a standard error of ${percent.format(error)}; events and page views are exact.`
    : 'All figures are exact.'];
  if (resolution) notes.push(`For this range, no figures finer than the ${resolution} are kept.`);
  if (rounded) notes.push('This time zone differs from UTC by a part of an hour; its days begin at the nearest full hour.');
  return notes.join(' ');
}
