// Pages of a second origin include the snippet; each test opens some of them and reads from Weir's API what was counted.
//   WEIR_URL           the service, with a slash at the end
//   WEIR_KEY           the API key of the pages, if the service needs one
//   WEIR_CHROMIUM      the program
//   WEIR_NODE_MODULES  the folder with playwright-core
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const { WEIR_URL, WEIR_KEY, WEIR_CHROMIUM, WEIR_NODE_MODULES } = process.env;
const { chromium } = createRequire(join(WEIR_NODE_MODULES, 'x.js'))('playwright-core');

// The page at each path: the attributes of its script, and the rest of its body.
const pages = new Map();
const prerendered = new Set();  // paths that the browser asked for in advance
const reports = [];             // what the page that was rendered in advance reports when it is shown
const CHROMIUM_ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];  // root has no sandbox; /dev/shm may be small
const KEY = WEIR_KEY ? `data-key="${WEIR_KEY}"` : '';
let browser, server, origin, mayGo = false;

before(async () => {
  server = createServer((request, response) => {
    const path = request.url.split('?')[0];
    if (path.startsWith('/report/')) reports.push(path);
    if (path === '/may-go') return response.end(mayGo ? 'yes' : 'no');
    if (/prerender/.test(request.headers['sec-purpose'] ?? '')) prerendered.add(path);
    const { attributes = '', body = '' } = pages.get(path) ?? {};
    response.setHeader('Content-Type', 'text/html');
    return response.end(path === '/favicon.ico' || path.startsWith('/report/') ? '' : `<!doctype html><title>${path}</title>
      <script>window.weir=window.weir||function(){(weir.q=weir.q||[]).push(arguments)}</script>
      <script async src="${WEIR_URL}weir.js" ${KEY} ${attributes}></script>${body}`);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  origin = `http://localhost:${server.address().port}`;
  browser = await chromium.launch({
    executablePath: WEIR_CHROMIUM,
    args: CHROMIUM_ARGUMENTS,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  });
});

after(async () => {
  await browser?.close();
  server?.closeAllConnections();
  server?.close();
});

/** Opens the pages of one visitor for the length of `use`. Nothing may fail, and no reply may be an error. */
async function visit(use, script) {
  const context = await browser.newContext();
  const faults = [];
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  if (script) await page.addInitScript(script);
  page.on('pageerror', (error) => faults.push(error.stack));
  page.on('console', (message) => {
    const isIcon = message.location().url.endsWith('/favicon.ico');  // Weir has none
    if (message.type() === 'error' && !isIcon) faults.push(message.text());
  });
  try {
    await use(page, (path) => page.goto(origin + path).then(() => page.waitForFunction(() => window.weir.loaded)));
    await sleep(200);  // beacons leave before the context ends
  } finally {
    await context.close();
  }
  assert.deepEqual(faults, []);
}

async function top(dimension) {
  const response = await fetch(`${WEIR_URL}api/v1/top?dimension=${dimension}&limit=500&sort=events`);
  const { rows } = await response.json();
  return rows;
}

/** The events of each value of a dimension, of the values that `include` selects. */
async function events(dimension, include) {
  return Object.fromEntries((await top(dimension)).filter(({ value }) => include(value))
    .map((row) => [row.value, row.events]).sort());
}

/** Waits until Weir has counted exactly this, and checks that nothing follows. */
async function assertCounted(expected, dimension, include) {
  const wanted = Object.fromEntries(Object.entries(expected).sort());
  let found;
  for (let time = 0; time < 100; time += 1) {
    found = await events(dimension, include);
    if (JSON.stringify(found) === JSON.stringify(wanted)) break;
    await sleep(100);
  }
  assert.deepEqual(found, wanted);
  await sleep(1_500);
  assert.deepEqual(await events(dimension, include), wanted);
}
const assertPages = (expected, prefix) => assertCounted(expected, 'page', (value) => value.startsWith(prefix));

test('the script is small, can be stored, and is served to other origins', async () => {
  const response = await fetch(`${WEIR_URL}weir.js`, { headers: { Origin: 'https://shop.example' } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'public, max-age=3600');
  assert.equal(response.headers.get('access-control-allow-origin'), 'https://shop.example');
  assert.equal(response.headers.get('cross-origin-resource-policy'), 'cross-origin');
  const again = await fetch(`${WEIR_URL}weir.js`, { headers: { 'If-None-Match': response.headers.get('etag') } });
  assert.equal(again.status, 304);
});

test('a page view has its page, its referrer and the same user on each page', async () => {
  await visit(async (page, open) => {
    await open('/plain/a?secret=1#part');
    await page.goto(`${origin}/plain/b`, { referer: 'https://search.example/' });
    await page.waitForFunction(() => window.weir.loaded);
  });
  await assertPages({ '/plain/a': 1, '/plain/b': 1 }, '/plain');
  const rows = (await top('page')).filter(({ value }) => value.startsWith('/plain'));
  assert.deepEqual(rows.map((row) => [row.page_views, row.unique_users]), [[1, 1], [1, 1]]);
  assert.equal((await events('referrer', (value) => value === 'search.example'))['search.example'], 1);
  const summary = await (await fetch(`${WEIR_URL}api/v1/summary`)).json();
  assert.equal(summary.unique_users, 1, 'one visitor until now');
});

test('navigation within a page is counted when the address changes', async () => {
  await visit(async (page, open) => {
    await open('/spa/a');
    await page.evaluate(() => {
      history.pushState({}, '', '/spa/b');
      history.replaceState({ more: 1 }, '', '/spa/b');
      history.replaceState({}, '', '/spa/c');
      history.pushState({}, '', '#fragment');
      location.hash = 'another';
    });
    await page.evaluate(() => history.go(-2));
    await page.waitForURL('**/spa/c');
    await page.evaluate(() => history.back());
    await page.waitForURL('**/spa/a');
  });
  await assertPages({ '/spa/a': 2, '/spa/b': 1, '/spa/c': 1 }, '/spa');
});

test('data-hash makes the fragment a part of the page', async () => {
  pages.set('/hash', { attributes: 'data-hash' });
  await visit(async (page, open) => {
    await open('/hash#/cart');
    await page.evaluate(() => { location.hash = '/pay'; });
    await page.waitForURL('**#/pay');
    await page.goBack();
  });
  await assertPages({ '/hash%23/cart': 2, '/hash%23/pay': 1 }, '/hash');
});

test('events are sent with their metadata, also those from before the script has loaded', async () => {
  pages.set('/events', { body: `<script>weir('queued', {plan: 'free'}); weir('queued again')</script>` });
  await visit(async (page, open) => {
    await open('/events');
    await page.evaluate(() => {
      window.weir('signed up', { plan: 'pro', nested: { a: [1] } });
      window.weir('signed up', { plan: 'pro' });
    });
  });
  const types = ['queued', 'queued again', 'signed up'];
  await assertCounted({ queued: 1, 'queued again': 1, 'signed up': 2 }, 'activity_type', (value) => types.includes(value));
  assert.deepEqual(await events('plan', (value) => value !== '(none)'), { free: 1, pro: 2 });
  await assertPages({ '/events': 5 }, '/events');
});

test('an event of pagehide arrives', async () => {
  pages.set('/leave', { body: `<script>addEventListener('pagehide', () => weir('left'))</script>` });
  await visit(async (page, open) => {
    await open('/leave');
    await page.goto('about:blank');
    await sleep(500);
  });
  await assertCounted({ left: 1 }, 'activity_type', (value) => value === 'left');
});

test('a page that the back-forward cache shows again is counted again', async () => {
  await visit(async (page, open) => {
    await open('/cached');
    await page.evaluate(() => {
      addEventListener('pageshow', (event) => { window.wasPersisted = event.persisted; });
    });
    await page.goto(`${WEIR_URL}health`);
    await page.goBack({ waitUntil: 'commit' });
    await page.waitForFunction(() => window.wasPersisted !== undefined);
    assert.equal(await page.evaluate(() => window.wasPersisted), true, 'the cache was used');
  });
  await assertPages({ '/cached': 2 }, '/cached');
});

// DevTools, and thereby playwright, disable rendering in advance. So this test starts a Chromium without them, and the pages
// themselves navigate and report.
test('a page that is rendered in advance is counted when it is shown', async () => {
  const rules = JSON.stringify({ prerender: [{ source: 'list', urls: ['/ahead/shown', '/ahead/never'], eagerness: 'immediate' }] });
  pages.set('/ahead/first', { body: `<script type="speculationrules">${rules}</script><script>
    setInterval(async () => { if (await (await fetch('/may-go')).text() === 'yes') location.href = '/ahead/shown'; }, 200);
    </script>` });
  pages.set('/ahead/shown', { body: `<script>
    const report = () => fetch('/report/' + (performance.getEntriesByType('navigation')[0].activationStart > 0));
    document.prerendering ? document.addEventListener('prerenderingchange', report) : report();
    </script>` });
  const profile = await mkdtemp(join(tmpdir(), 'weir-chromium-'));
  const chromium = spawn(WEIR_CHROMIUM, ['--headless=new', ...CHROMIUM_ARGUMENTS, '--no-first-run', `--user-data-dir=${profile}`,
    `${origin}/ahead/first`], { stdio: 'ignore', detached: true });
  try {
    for (let time = 0; time < 200 && prerendered.size < 2; time += 1) await sleep(100);
    assert.deepEqual([...prerendered].sort(), ['/ahead/never', '/ahead/shown']);
    await assertPages({ '/ahead/first': 1 }, '/ahead');
    mayGo = true;
    for (let time = 0; time < 200 && reports.length < 1; time += 1) await sleep(100);
    assert.deepEqual(reports, ['/report/true'], 'the page that was rendered in advance was shown');
    await assertPages({ '/ahead/first': 1, '/ahead/shown': 1 }, '/ahead');
  } finally {
    process.kill(-chromium.pid, 'SIGKILL');
    await once(chromium, 'exit');
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});

test('data-dnt respects Do Not Track', async () => {
  pages.set('/dnt/yes', { attributes: 'data-dnt' });
  await visit(async (page, open) => {
    await open('/dnt/yes');
    await page.evaluate(() => window.weir('tracked'));
    await open('/dnt/no');
  }, () => Object.defineProperty(navigator, 'doNotTrack', { get: () => '1' }));
  await assertPages({ '/dnt/no': 1 }, '/dnt');
});

test('data-manual leaves page views to the page', async () => {
  pages.set('/manual', { attributes: 'data-manual' });
  await visit(async (page, open) => {
    await open('/manual');
    await page.evaluate(() => {
      history.pushState({}, '', '/manual/b');
      window.weir('page_view');
    });
  });
  await assertPages({ '/manual/b': 1 }, '/manual');
});

test('the page can name the user', async () => {
  pages.set('/user', { attributes: 'data-user="ada"', body: `<script>weir('by ada')</script>` });
  for (let visitor = 0; visitor < 2; visitor += 1) {
    await visit(async (page, open) => {
      await open('/user');
      await page.evaluate(() => {
        window.weir.user = 'grace';
        window.weir('by grace');
      });
    });
  }
  await assertCounted({ 'by ada': 2, 'by grace': 2 }, 'activity_type', (value) => value.startsWith('by '));
  const rows = (await top('activity_type')).filter(({ value }) => value.startsWith('by '));
  assert.deepEqual(rows.map((row) => row.unique_users), [1, 1]);
});

test('fetch sends what a beacon cannot, and blocked storage does not matter', async () => {
  await visit(async (page, open) => {
    await open('/fallback/a');
    await open('/fallback/b');
  }, () => {
    navigator.sendBeacon = () => false;
    Object.defineProperty(window, 'localStorage', { get: () => { throw new Error('blocked'); } });
  });
  await assertPages({ '/fallback/a': 1, '/fallback/b': 1 }, '/fallback');
});

test('data-key and data-host stand in the address of the beacon', async () => {
  const host = WEIR_URL.replace(/\/$/, '');
  pages.set('/key', { attributes: `data-host="${host}" ${WEIR_KEY ? '' : 'data-key="key of &amp; shop"'}` });
  const addresses = [];
  await visit(async (page, open) => {
    page.on('request', (request) => request.method() === 'POST' && addresses.push(request.url()));
    await open('/key');
  });
  await assertPages({ '/key': 1 }, '/key');
  const keys = addresses.map((address) => new URL(address).searchParams.get('key'));
  assert.deepEqual(keys, [WEIR_KEY || 'key of & shop']);
});

test('the script does its work once, even if a page includes it twice', async () => {
  pages.set('/twice', { body: `<script src="${WEIR_URL}weir.js" ${KEY}></script>` });
  await visit((_, open) => open('/twice'));
  await assertPages({ '/twice': 1 }, '/twice');
});
