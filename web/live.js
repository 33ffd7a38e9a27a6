// @ts-check
// Reports when Weir has counted something: by server-sent events where Weir has them, otherwise by a small
// query each half second.

/** @import {Ledger, Now, Point} from './types.d.ts' */
/** @typedef {{onNow: (now: Now) => void, onChange: () => void, onAway: () => void}} Listener */
/** @typedef {{ledger: () => Promise<Ledger>, now: () => Promise<Now>}} Queries */

const POLL_MS = 500;
const NOW_MS = 10_000;     // the figures of the last minutes change also without events
const RETRY_MS = 3000;     // after a failure

/**
 * What counts as a change: the position of each partition.
 * @param {Ledger} ledger
 */
export const positionOf = ({ partitions }) => JSON.stringify(partitions.map((row) => [row.partition, row.next_offset]));

/**
 * Starts to listen.
 * @param {Listener} listener
 * @param {Queries} queries
 * @param {boolean} hasEvents  whether Weir has /api/v1/live
 * @returns {() => void} stops it
 */
export function listen(listener, queries, hasEvents) {
  let stop = () => {};
  if (!hasEvents || typeof EventSource === 'undefined') return poll(listener, queries);
  const source = new EventSource('api/v1/live');
  source.addEventListener('update', (event) => {
    /** @type {{visitors: number, points: Point[]}} */
    const { visitors, points } = JSON.parse(event.data);
    listener.onNow({ visitors, minutes: points });
    askLater();
    listener.onChange();
  });
  let wasAway = false;
  let isClosed = false;
  let timer = 0;
  const askLater = () => {
    clearTimeout(timer);
    if (isClosed) return;
    timer = window.setTimeout(() => queries.now().then(listener.onNow, () => {}).finally(askLater), NOW_MS);
  };
  askLater();
  source.addEventListener('open', () => {
    if (wasAway) listener.onChange();
    wasAway = false;
  });
  source.addEventListener('error', () => {
    wasAway = true;
    listener.onAway();
    // The browser reconnects by itself after a lost connection, but not after a refusal such as 404 or 503.
    if (source.readyState !== EventSource.CLOSED) return;
    isClosed = true;
    clearTimeout(timer);
    stop = poll(listener, queries);
  });
  return () => {
    isClosed = true;
    source.close();
    clearTimeout(timer);
    stop();
  };
}

/**
 * @param {Listener} listener
 * @param {Queries} queries
 */
function poll(listener, queries) {
  let isStopped = false;
  let timer = 0;
  let position = '';
  let nowAt = -Infinity;
  const ask = async () => {
    let pause = POLL_MS;
    try {
      const before = position;
      position = positionOf(await queries.ledger());
      const changed = position !== before;
      if (changed || Date.now() - nowAt >= NOW_MS) {
        nowAt = Date.now();
        const now = await queries.now();
        if (!isStopped) listener.onNow(now);
      }
      if (changed && before && !isStopped) listener.onChange();
    } catch {
      pause = RETRY_MS;
      if (!isStopped) listener.onAway();
    }
    if (!isStopped) timer = window.setTimeout(ask, pause);
  };
  ask();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
