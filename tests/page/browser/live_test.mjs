// The page follows what Weir counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, post, withPage } from './chromium.mjs';

const SEEN_MS = 2000;

const event = (user) => ({ user_id: user, activity_type: 'page_view', metadata: { page_url: '/live' } });

/** Waits until the page shows a number of events and of users now. Returns the milliseconds that it took. */
async function millisecondsUntil(page, events, users) {
  const begun = Date.now();
  await page.waitForFunction(([wanted, now]) => document.querySelector('[data-metric=events] .figure')?.textContent === wanted &&
    document.getElementById('visitors').textContent === now, [String(events), String(users)], { polling: 20 });
  return Date.now() - begun;
}

test('an event is seen within two seconds', async () => {
  let events = 0;
  await withPage('#last=1h', {}, async (page) => {
    assert.equal(await page.locator('#empty-title').textContent(), 'Waiting for the first event');
    const took = [];
    for (const user of ['ann', 'bob', 'ann']) {
      events += 1;
      await page.waitForTimeout(2 * SEEN_MS);  // while many events arrive, the page shows them together
      await post(event(user));
      took.push(await millisecondsUntil(page, events, events === 1 ? 1 : 2));
    }
    console.log(`measured: an event is seen after ${took.join(', ')} ms`);
    assert.ok(took.sort((one, other) => one - other)[1] <= SEEN_MS, `${took.join(', ')} ms`);
  });
  // Without server-sent events (an old proxy, a refusal) the page polls.
  const { page, close } = await open('#last=1h');
  await page.route('**/api/v1/live*', (route) => route.fulfill({ status: 404, body: '' }));
  await page.reload();
  await page.locator('main[data-shown]').waitFor();
  await post(event('eve'));
  const took = await millisecondsUntil(page, events + 1, 3);
  console.log(`measured: by polling after ${took} ms`);
  assert.ok(took <= 2 * SEEN_MS, String(took));
  await close();
});

test('the page says that Weir is away, and recovers', async () => {
  const { page, close } = await open('#last=1h');
  await page.route('**/api/v1/**', (route) => route.abort());
  await page.evaluate(() => { location.hash = '#last=24h'; });
  await page.locator('#status[data-state=away]').waitFor();
  await page.unroute('**/api/v1/**');
  await page.locator('#status[data-state=live]').waitFor();
  await close();
});
