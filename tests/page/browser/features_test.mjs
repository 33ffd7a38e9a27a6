// What the page offers only where Weir does: time zones, pushed updates, dead letters. The service has the traffic of
// tests/page/traffic.py.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, keepScreenshot, textOf, URL_OF_WEIR, withPage } from './chromium.mjs';

const number = new Intl.NumberFormat('en');
const description = await (await fetch(`${URL_OF_WEIR}api/v1/openapi.json`)).json();
const parameters = description.paths['/api/v1/timeseries'].get.parameters;
const hasZones = !parameters.some(({ name, schema }) => name === 'tz' && schema.enum?.length === 1);
const hasLive = '/api/v1/live' in description.paths;

const summaryOf = async (from, to) =>
  (await fetch(`${URL_OF_WEIR}api/v1/summary?from=${from.toISOString()}&to=${to.toISOString()}`)).json();

test('the days are those of the browser, or of UTC, and the choice is remembered', { skip: !hasZones }, async () => {
  // New Delhi and Berlin have no midnight of UTC. Yesterday is a whole day in both.
  const yesterday = new Date(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000);
  const date = yesterday.toISOString().slice(0, 10);
  const hash = `#period=day&date=${date}`;
  await withPage(hash, { timezoneId: 'Europe/Berlin' }, async (page) => {
    const events = () => page.locator('.tile[data-metric=events] .figure').innerText();
    const offset = await page.evaluate((time) => new Date(time).getTimezoneOffset() * 60_000, yesterday.getTime());
    const start = new Date(yesterday.getTime() + offset);
    assert.equal(await page.locator('#zone').inputValue(), 'Europe/Berlin');
    assert.equal(await events(), number.format((await summaryOf(start, new Date(start.getTime() + 86_400_000))).events));
    await page.getByRole('button', { name: 'Month' }).click();
    await page.waitForFunction(() => document.querySelector('main').dataset.shown.startsWith('#period=month'));
    await keepScreenshot(page, 'zone');
    await page.locator('#zone').selectOption('UTC');
    await page.waitForFunction(() => document.querySelector('main').dataset.shown.includes('zone=UTC'));
    await page.goto(`${URL_OF_WEIR}?again${hash}`);
    await page.locator('main[data-shown]').waitFor();
    assert.equal(await page.locator('#zone').inputValue(), 'UTC', 'remembered');
    assert.equal(await events(), number.format((await summaryOf(yesterday, new Date(yesterday.getTime() + 86_400_000))).events));
  });
});

test('weeks and months are drawn where Weir unites them', { skip: !hasZones }, () => withPage('#last=30d&by=week', {}, async (page) => {
  const bars = await page.locator('#chart .bar').count();
  assert.ok(bars >= 2 && bars <= 6, `${bars} weeks`);
  const box = await page.locator('#chart .bar').last().boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height - 2);
  await page.waitForFunction(() => document.querySelector('main').dataset.shown.startsWith('#period=week&date='));
}));

test('updates are pushed, not polled', { skip: !hasLive }, async () => {
  const asked = [];
  await withPage('#last=1h', {}, async (page) => {
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.reload();
    await page.waitForFunction(() => document.getElementById('visitors').textContent !== '–');
    await page.waitForTimeout(4000);
  });
  assert.equal(asked.filter((path) => path === '/api/v1/live').length, 1, asked.join(' '));
  assert.ok(asked.filter((path) => path === '/api/v1/ledger').length <= 3, asked.join(' '));
});

test('dead letters are shown by reason, each sample as text', async () => {
  const markup = '<img src=x onerror="alert(1)">\u202e{"user_id":1}';
  const sample = { partition: 3, offset: 1234, at: '2026-01-01T00:00:00Z', detail: `user_id must be a string ${markup}`, key: null,
    key_bytes: null, value: markup, value_bytes: 44, attempts: 1, replayed_at: null };
  const reasons = [{ reason: 'invalid_user_id', count: 7, attempts: 7, replayed: 2, last_at: '2026-01-01T00:00:00Z', sample },
    { reason: 'not_json', count: 1, attempts: 1, replayed: 0, last_at: '2026-01-01T00:00:00Z', sample: { ...sample, value: null, value_bytes: null } }];
  await withPage('#last=1h', {}, async (page) => {
    await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ json: { ...description,
      paths: { ...description.paths, '/api/v1/dead_letters': {} } } }));
    await page.route('**/api/v1/dead_letters', (route) => route.fulfill({ json: { reasons, sums: {} } }));
    await page.reload();
    await page.locator('#ledger summary').click();
    await page.locator('#reasons li').first().waitFor();
    assert.match(await textOf(page, '#reasons li >> nth=0'), /^7 invalid_user_id, 2 of them replayed newest: .* partition 3, offset 1,234, 44 bytes/);
    assert.equal(await page.locator('#reasons code').innerText(), markup.replace('\u202e', '\ufffd'));
    assert.equal(await page.locator('#reasons img').count(), 0);
    assert.match(page.url(), /open=ledger/);
    await keepScreenshot(page, 'dead-letters');
    await assertAccessible(page, 'dead letters');
  });
});
