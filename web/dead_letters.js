// @ts-check
// The dead letters by reason, each with a sample.

import { byId, element, number, visible } from './dom.js';
import { momentText } from './axis.js';

/** @import {Ask} from './types.d.ts' */
/** @typedef {{partition: number, offset: number, detail: string, value: string | null, value_bytes: number | null}} Sample */
/** @typedef {{reason: string, count: number, replayed: number, last_at: string, sample: Sample}} Reason */

/**
 * @param {Reason} reason
 * @param {string} zone
 */
function reasonRow({ reason, count, replayed, last_at, sample }, zone) {
  const at = Date.parse(last_at);
  const bytes = sample.value_bytes === null ? 'no value' : `${number.format(sample.value_bytes)} bytes`;
  return element('li', {},
    element('p', {}, element('b', {}, number.format(count)), ` ${visible(reason)}`,
      replayed > 0 ? `, ${number.format(replayed)} of them replayed` : '',
      element('span', { className: 'note' }, ` newest: ${momentText(at, at + 60_000, 'minute', zone)}, ` +
        `partition ${sample.partition}, offset ${number.format(sample.offset)}, ${bytes}`)),
    element('p', { className: 'note' }, visible(sample.detail)),
    sample.value === null ? '' : element('pre', { tabIndex: 0 }, element('code', {}, visible(sample.value))));
}

let shownContent = '';

/**
 * @param {Ask} ask
 * @param {string} zone
 */
export async function showDeadLetters(ask, zone) {
  /** @type {{reasons: Reason[]}} */
  const answer = await ask('dead_letters', {});
  byId('dead-letters').hidden = answer.reasons.length === 0;
  const content = JSON.stringify([zone, answer.reasons]);
  if (content === shownContent) return;
  shownContent = content;
  byId('reasons').replaceChildren(...answer.reasons.map((reason) => reasonRow(reason, zone)));
}
