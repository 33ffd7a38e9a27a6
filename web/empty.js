// @ts-check
// What the page shows for a range without events: how to send some, and when the last one was.

import { momentText } from './axis.js';
import { byId, setText } from './dom.js';
import { lastEventOf } from './queries.js';
import { timeText, DAY, WIDTHS } from './view.js';
import { startOf, wallOf } from './zone.js';

/** @import {Answers, Ask, Go, View} from './types.d.ts' */

/** @type {Partial<View>} */
let lastEventView = { last: 'all' };

/** @param {Go} go */
export function makeEmpty(go) {
  const base = new URL('.', document.baseURI);
  setText(byId('curl'), `curl ${base}activity -d '{"user_id":"ann","activity_type":"page_view",
  "timestamp":"'$(date -u +%FT%TZ)'","metadata":{"page_url":"/hello"}}'`);
  setText(byId('import'), `weir import --url ${base} access.log`);
  byId('show-last').addEventListener('click', () => go(lastEventView));
  byId('show-all').addEventListener('click', () => go({ last: 'all' }));
  for (const button of document.querySelectorAll('.code button'))
    button.addEventListener('click', () => copy(/** @type {HTMLElement} */ (button)));
}

/** @param {HTMLElement} button  of a block of code */
async function copy(button) {
  const code = /** @type {HTMLElement} */ (button.parentElement?.querySelector('code'));
  getSelection()?.selectAllChildren(code);
  if (!navigator.clipboard) return;  // browsers provide it only for https and localhost
  await navigator.clipboard.writeText(code.textContent ?? '');
  setText(button, 'Copied');
  setTimeout(() => setText(button, 'Copy'), 2000);
}

/** @param {boolean} hasScript  whether this Weir serves weir.js */
function snippet(hasScript) {
  const base = new URL('.', document.baseURI);
  if (hasScript) return `<script async src="${base}weir.js"></script>`;
  return `<script>
  const user_id = localStorage.weir ??= Math.random().toString(36).slice(2);
  navigator.sendBeacon('${base}activity', JSON.stringify({ user_id, activity_type: 'page_view',
    timestamp: new Date().toISOString(), metadata: { page_url: location.pathname, referrer: document.referrer } }));
</script>`;
}

/**
 * Shows the advice if the range has no events. Returns whether it does.
 * @param {Answers} answers
 * @param {Ask} ask
 */
export async function showEmpty({ view, summary, ledger, features, zone, now }, ask) {
  const isEmpty = summary.events === 0 && !view.filter;
  byId('empty').hidden = !isEmpty;
  byId('numbers').hidden = isEmpty;
  if (!isEmpty) return;
  const isFirst = ledger.sums.tallied === 0;
  setText(byId('empty-title'), isFirst ? 'Waiting for the first event' : 'No events in this range');
  setText(byId('snippet'), snippet(features.snippet));
  byId('elsewhere').hidden = isFirst;
  if (isFirst) return;
  const last = await lastEventOf(ask, Math.floor(now / DAY) * DAY);
  if (!last) return;
  const { at, interval } = last;
  setText(byId('last-event'), momentText(at, at + WIDTHS[interval], interval, zone));
  const date = timeText(startOf('day', wallOf(at, zone))).slice(0, 10);
  lastEventView = { last: null, period: 'day', date, from: null, to: null };
}
