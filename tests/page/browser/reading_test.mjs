// Reading an imported access log on the page: figures, filters, zoom, lists, the address, a path prefix.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { keepScreenshot, open, post, textOf, URL_OF_WEIR, withPage } from './chromium.mjs';

const number = new Intl.NumberFormat('en');
const ask = async (path) => (await fetch(`${URL_OF_WEIR}api/v1/${path}`)).json();
const DAY = 'from=2015-05-18T00:00:00Z&to=2015-05-19T00:00:00Z';
const DAY_VIEW = '#period=day&date=2015-05-18';

const figure = (page, metric) => page.locator(`.tile[data-metric=${metric}] .figure`);
const firstRow = (page, dimension) => page.locator(`.list[data-dimension=${dimension}] tbody .row`).first();

/** Waits until the page shows the view of the fragment. */
async function shows(page, hash) {
  await page.waitForFunction((wanted) => location.hash === wanted &&
    document.querySelector('main').dataset.shown === wanted, hash);
}

async function assertFigures(page, query) {
  const summary = await ask(`summary?${query}`);
  assert.ok(summary.events > 0, query);
  for (const metric of ['events', 'page_views', 'unique_users'])
    assert.equal(await figure(page, metric).innerText(), number.format(summary[metric]), `${metric} of ${query}`);
}

test('the figures are those of the summary, and the rows those of the lists', () => withPage(DAY_VIEW, {}, async (page) => {
  await assertFigures(page, DAY);
  assert.match(await textOf(page, '#range-text'), /Mon,? 18 May 2015/);
  for (const dimension of ['page', 'referrer', 'activity_type']) {
    const { rows, other } = await ask(`top?${DAY}&dimension=${dimension}&limit=9`);
    const metric = dimension === 'activity_type' ? 'events' : 'page_views';
    const shown = await page.locator(`.list[data-dimension=${dimension}] tbody tr`).evaluateAll((found) =>
      found.map((row) => [...row.cells].map((cell) => cell.textContent)));
    assert.deepEqual(shown, rows.filter((row) => row[metric] > 0).map((row) =>
      [row.value, number.format(row[metric]), number.format(row.unique_users)]));
    if (other[metric] > 0)
      assert.match(await textOf(page, `.list[data-dimension=${dimension}] tfoot`), new RegExp(`${number.format(other[metric])}$`));
  }
  const { sums } = await ask('ledger');
  assert.equal(await textOf(page, '#accounted'), `All ${number.format(sums.read)} events accounted for`);
  assert.equal(await textOf(page, '#freshness'), 'up to date');
}));

test('the change is the one against the day before', () => withPage('#period=day&date=2015-05-19', {}, async (page) => {
  const [now, before] = [await ask('summary?from=2015-05-19T00:00:00Z&to=2015-05-20T00:00:00Z'), await ask(`summary?${DAY}`)];
  const change = Math.round((now.events / before.events - 1) * 100);
  const text = await textOf(page, '.tile[data-metric=events] .compared');
  assert.ok(text.endsWith(`from ${number.format(before.events)}`), text);
  assert.equal(Math.abs(Number.parseInt(text.replace(/^[+−±]/, ''), 10)), Math.abs(change), text);
  assert.equal(await page.locator('#chart .previous').count(), 1);
}));

test('a click on a row filters the figures and the chart, and the back button ends it', () => withPage(DAY_VIEW, {}, async (page) => {
  const value = await firstRow(page, 'page').innerText();
  await firstRow(page, 'page').click();
  await shows(page, `${DAY_VIEW}&page=${value}`);
  await assertFigures(page, `${DAY}&page=${encodeURIComponent(value)}`);
  assert.match(await textOf(page, '#filter'), /^page is /);
  assert.equal(await firstRow(page, 'page').getAttribute('aria-pressed'), 'true');
  const referrer = await firstRow(page, 'referrer').innerText();
  await firstRow(page, 'referrer').click();
  await assertFiltered(page, 'referrer', referrer);
  await page.goBack();
  await shows(page, `${DAY_VIEW}&page=${value}`);
  await page.locator('#filter').click();
  await shows(page, DAY_VIEW);
  await assertFigures(page, DAY);
}));

async function assertFiltered(page, dimension, value) {
  await page.waitForFunction((name) => document.querySelector('main').dataset.shown.includes(`&${name}=`), dimension);
  await assertFigures(page, `${DAY}&${dimension}=${encodeURIComponent(value)}`);
}

test('a click on a bar goes into it, and a drag zooms', () => withPage(DAY_VIEW, {}, async (page) => {
  const box = await page.locator('#chart').boundingBox();
  const [left, slot] = [box.x + 48, (box.width - 54) / 24];
  const at = (hour) => left + (hour + 0.5) * slot;
  const y = box.y + box.height / 2;
  await page.mouse.move(at(14), y);
  assert.match(await textOf(page, '.tip'), /14:00–15:00 Events \d+/);
  await page.mouse.move(at(10), y);
  await page.mouse.down();
  await page.mouse.move(at(12), y, { steps: 4 });
  await page.mouse.move(at(15), y, { steps: 4 });
  assert.equal(await page.locator('#chart .selection').count(), 1);
  await keepScreenshot(page, 'drag');
  await page.mouse.up();
  await shows(page, '#from=2015-05-18T10:00:00Z&to=2015-05-18T16:00:00Z');
  await assertFigures(page, 'from=2015-05-18T10:00:00Z&to=2015-05-18T16:00:00Z');
  await page.goBack();
  await shows(page, DAY_VIEW);
  await page.mouse.click(at(14), y);
  await shows(page, '#from=2015-05-18T14:00:00Z&to=2015-05-18T15:00:00Z');
  await page.goBack();
  await shows(page, DAY_VIEW);
  await page.goForward();
  await shows(page, '#from=2015-05-18T14:00:00Z&to=2015-05-18T15:00:00Z');
}));

test('the keyboard moves through the chart, selects and opens', () => withPage(DAY_VIEW, {}, async (page) => {
  const chart = page.locator('#chart');
  await chart.focus();
  for (const key of ['Home', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
  assert.equal(await chart.getAttribute('aria-valuenow'), '2');
  assert.match(await chart.getAttribute('aria-valuetext'), /02:00–03:00: events [\d,]+, page views/);
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Enter');
  await shows(page, '#from=2015-05-18T02:00:00Z&to=2015-05-18T04:00:00Z');
}));

test('a finger selects by the first tap, and opens by the second', () => withPage(DAY_VIEW, { hasTouch: true }, async (page) => {
  const box = await page.locator('#chart').boundingBox();
  const [x, y] = [box.x + 48 + 10.5 * (box.width - 54) / 24, box.y + box.height / 2];
  await page.touchscreen.tap(x, y);
  await page.locator('.tip:not([hidden])').waitFor();
  assert.match(await textOf(page, '.tip'), /10:00–11:00/);
  assert.match(page.url(), /#period=day&date=2015-05-18$/);
  await page.touchscreen.tap(x, y);
  await shows(page, '#from=2015-05-18T10:00:00Z&to=2015-05-18T11:00:00Z');
}));

test('a filter that Weir refuses can be ended', async () => {
  const { page, close } = await open(DAY_VIEW);
  await page.evaluate((hash) => { location.hash = hash; }, `${DAY_VIEW}&shoe_size=44`);
  await page.locator('#problem').waitFor();
  await page.locator('#filter').click();
  await shows(page, DAY_VIEW);
  await page.locator('#problem').waitFor({ state: 'hidden' });
  await close();
});

test('the arrows and the periods move through the calendar', () => withPage(DAY_VIEW, {}, async (page) => {
  await page.locator('#later').click();
  await shows(page, '#period=day&date=2015-05-19');
  await page.locator('#earlier').click();
  await shows(page, DAY_VIEW);
  await page.getByRole('button', { name: 'Week' }).click();
  await shows(page, '#period=week&date=2015-05-18');
  assert.match(await textOf(page, '#range-text'), /18 May 2015 – 24 May 2015/);
  await page.getByRole('button', { name: 'Month' }).click();
  await shows(page, '#period=month&date=2015-05-18');
  await assertFigures(page, 'from=2015-05-01T00:00:00Z&to=2015-06-01T00:00:00Z');
  assert.equal(await page.locator('#chart .bar').count(), 4);
  const box = await page.locator('#chart .bar').nth(1).boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await shows(page, DAY_VIEW);
  await page.getByRole('button', { name: 'Custom' }).click();
  await page.locator('#custom-to').fill('2015-05-18T06:00');
  await page.getByRole('button', { name: 'Show', exact: true }).click();
  await shows(page, '#from=2015-05-18T00:00:00Z&to=2015-05-18T06:00:00Z');
}));

test('the whole list is searched and sorted in a dialog, and the address keeps it', () => withPage('#last=all', {}, async (page) => {
  await page.locator('.list[data-dimension=page] .more').click();
  await shows(page, '#last=all&list=page');
  const rows = page.locator('#list-rows tbody tr');
  const query = 'top?dimension=page&limit=500&from=2015-05-17T00:00:00Z&to=2015-05-21T00:00:00Z';
  const { rows: all } = await ask(query);
  const matches = (found) => found.filter(({ value }) => value.toLowerCase().includes('blog/tags')).length;
  assert.ok(all.length > 20);
  assert.equal(await rows.count(), all.length);
  await page.locator('#list-search').fill('BLOG/tags');
  assert.equal(await rows.count(), matches(all));
  assert.match(await page.evaluate(() => location.hash), /&search=BLOG\/tags$/);
  await page.locator('#list-rows').getByRole('button', { name: 'Users' }).click();
  await page.locator('#list-rows th[aria-sort]').filter({ hasText: 'Users' }).waitFor();
  const wanted = matches((await ask(`${query}&sort=unique_users`)).rows);
  assert.equal(await rows.count(), wanted);
  const address = page.url();
  const again = await open(new URL(address).hash);
  assert.equal(await again.page.locator('#list-rows tbody tr').count(), wanted, address);
  assert.equal(await again.page.locator('#list-search').inputValue(), 'BLOG/tags');
  await again.close();
  await page.keyboard.press('Escape');
  await shows(page, '#last=all');
  assert.equal(await page.locator('#list-dialog').isVisible(), false);
}));

test('an empty range says when the last event was, and leads there', () => withPage('#period=day&date=2015-06-01', {}, async (page) => {
  assert.equal(await textOf(page, '#empty-title'), 'No events in this range');
  assert.match(await textOf(page, '#last-event'), /20 May 2015/);
  assert.match(await textOf(page, '#curl'), new RegExp(`^curl ${URL_OF_WEIR}activity -d`));
  await page.getByRole('button', { name: 'Show that day' }).click();
  await shows(page, '#period=day&date=2015-05-20');
  await assertFigures(page, 'from=2015-05-20T00:00:00Z&to=2015-05-21T00:00:00Z');
}));

test('a refusal of Weir is shown', async () => {
  const { page, faults, close } = await open(DAY_VIEW);
  await page.evaluate(() => { location.hash = '#from=yesterday'; });
  await page.locator('#problem').waitFor();
  assert.match(await textOf(page, '#problem'), /from.*yesterday/);
  assert.ok(faults.every((fault) => /400/.test(fault)), faults.join('\n'));
  await close();
});

test('a refresh keeps the elements, the focus and the scroll position', () => withPage('#last=24h', {}, async (page) => {
  await post({ user_id: 'first', activity_type: 'page_view', metadata: { page_url: '/kept' } });
  await page.locator('#numbers').waitFor();
  await page.getByText('/kept').first().focus();
  await page.evaluate(() => {
    for (const id of ['tiles', 'chart', 'lists']) document.getElementById(id).firstElementChild.dataset.mark = 'yes';
    globalThis.seen = [];
    new MutationObserver((changes) => globalThis.seen.push(...changes.map((change) => change.target.id || change.target.className)))
      .observe(document.getElementById('numbers'), { childList: true, attributes: true, attributeFilter: ['hidden'] });
  });
  const before = await figure(page, 'unique_users').innerText();
  await post({ user_id: 'second', activity_type: 'page_view', metadata: { page_url: '/kept' } });
  await page.waitForFunction((old) => document.querySelector('[data-metric=unique_users] .figure').textContent !== old, before);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), '/kept');
  assert.equal(await page.locator('#tiles [data-mark=yes]').count(), 1);
  assert.deepEqual(await page.evaluate(() => globalThis.seen), []);
}));

test('the page works under the path prefix of a proxy', async () => {
  const proxy = http.createServer((request, response) => {
    if (!request.url.startsWith('/stats/')) return response.writeHead(404).end();
    const upstream = http.get(new URL(request.url.slice('/stats'.length), URL_OF_WEIR), { headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());  // the stream of updates has no end of its own
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  try {
    const url = `http://127.0.0.1:${proxy.address().port}/stats/`;
    await withPage(DAY_VIEW, { url }, async (page) => {
      await assertFigures(page, DAY);
      assert.match(await page.locator('#curl').textContent(), /\/stats\/activity/);
    });
  } finally {
    proxy.closeAllConnections();
    proxy.close();
  }
});
