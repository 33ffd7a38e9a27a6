// Text of clients stays text: the Big List of Naughty Strings as page, referrer, activity type and own dimension (fault 36).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { keepScreenshot, packageFile, URL_OF_WEIR, withPage } from './chromium.mjs';

const NAUGHTY = JSON.parse(readFileSync(packageFile('big-list-of-naughty-strings/blns.json'), 'utf8'));

/** The elements that the page itself may have; anything else came from a client. */
const OWN = ['SCRIPT', 'IMG', 'LINK', 'A', 'INPUT', 'FORM'];
const ELEMENTS = (names) => names.map((name) => document.querySelectorAll(name).length);

test('no naughty string becomes markup, code or an address', async () => {
  const time = new Date().toISOString();
  const events = NAUGHTY.flatMap((text) => [
    { user_id: 'naughty', activity_type: 'page_view', timestamp: time, metadata: { page_url: text, plan: text } },
    { user_id: 'naughty', activity_type: 'page_view', timestamp: time, metadata: { page_url: `/${text}`, referrer: text } },
    { user_id: 'naughty', activity_type: 'page_view', timestamp: time, metadata: { referrer: `https://${text}/` } },
    { user_id: 'naughty', activity_type: text.slice(0, 100), timestamp: time },
  ]);
  let expected;
  await withPage('', {}, async (page) => { expected = await page.evaluate(ELEMENTS, OWN); });
  const response = await fetch(`${URL_OF_WEIR}activities`, { method: 'POST', body: JSON.stringify(events) });
  const { accepted } = await response.json();
  assert.ok(accepted > NAUGHTY.length, `${accepted} accepted`);
  await withPage('#last=1h', {}, async (page) => {
    await page.waitForFunction(() => document.querySelectorAll('.list .row').length > 20);
    for (const dimension of ['page', 'referrer', 'activity_type', 'plan']) {
      await page.evaluate((name) => { location.hash = `#last=1h&list=${name}`; }, dimension);
      await page.waitForFunction((name) => document.querySelector('main').dataset.shown.endsWith(`list=${name}`), dimension);
      const rows = page.locator('#list-rows .row');
      assert.ok(await rows.count() > 20, `${dimension}: ${await rows.count()} rows`);
      assert.equal(await rows.locator('*').count(), 0, 'a value has no element in it');
      const answer = await (await fetch(`${URL_OF_WEIR}api/v1/top?dimension=${dimension}&limit=500`)).json();
      const shown = await rows.evaluateAll((found) => found.map((row) => row.textContent));
      const special = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
      assert.deepEqual(shown, answer.rows.map(({ value }) => value.replace(special, '\ufffd')), dimension);
      await keepScreenshot(page, `naughty-${dimension}`);
    }
    // A filter by each kind of text, through the address.
    for (const text of NAUGHTY.filter((one) => /script|javascript|onerror|%|\u202e|"/i.test(one)).slice(0, 40)) {
      const before = await page.evaluate(() => document.getElementById('filter').textContent);
      await page.evaluate((value) => { location.hash = `#last=1h&plan=${encodeURIComponent(value)}`; }, text);
      await page.waitForFunction((old) => !document.getElementById('filter').hidden &&
        document.getElementById('filter').textContent !== old, before);
    }
    assert.deepEqual(await page.evaluate(ELEMENTS, OWN), expected);
  });
});
