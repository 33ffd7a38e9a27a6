// A browser's EventSource reconnects by itself after a restart of Weir (POST to WEIR_RESTART_URL), and so does the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, post } from './chromium.mjs';

const event = (user) => ({ user_id: user, activity_type: 'page_view', metadata: { page_url: '/live' } });

/** Counts what an EventSource of the page receives. */
const LISTEN = () => {
  const seen = { opened: 0, updates: 0, events: null, ids: [] };
  const source = new EventSource('api/v1/live');
  source.addEventListener('open', () => { seen.opened += 1; });
  source.addEventListener('update', ({ data, lastEventId }) => {
    seen.updates += 1;
    seen.events = JSON.parse(data).summary.events;
    seen.ids.push(lastEventId);
  });
  Object.assign(globalThis, { seen, source });
};

const seesEvents = (page, count) => page.waitForFunction((wanted) => globalThis.seen.events === wanted, count, { timeout: 60_000 });

test('an EventSource reconnects after a restart and shows what was counted since', async () => {
  const { page, close } = await open('#last=1h');
  try {
    const headers = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/api/v1/live')) headers.push(request.allHeaders());
    });
    await page.evaluate(LISTEN);
    await post(event('ann'));
    await seesEvents(page, 1);
    const before = await page.evaluate(() => globalThis.seen);
    const restarted = await fetch(process.env.WEIR_RESTART_URL, { method: 'POST' });
    assert.equal(restarted.status, 200);
    await page.waitForFunction(() => globalThis.source.readyState === EventSource.OPEN && globalThis.seen.opened === 2, null,
      { timeout: 60_000 });
    await post(event('bob'));
    await seesEvents(page, 2);
    const after = await page.evaluate(() => globalThis.seen);
    assert.equal(after.updates, before.updates + 1, 'the update that it had is not sent again');
    const last = (await Promise.all(headers)).filter((one) => one['last-event-id'] === before.ids.at(-1));
    assert.ok(last.length >= 1, 'the browser sends the id of its last update');
    await page.waitForFunction(() => document.querySelector('[data-metric=events] .figure')?.textContent === '2' &&
      document.getElementById('status').dataset.state === 'live', null, { timeout: 60_000 });
  } finally {
    await close();
  }
});
