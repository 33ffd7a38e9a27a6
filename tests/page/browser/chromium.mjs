// Drives the page in a real Chromium. tests/page/browser_test.py starts Weir and states where everything is:
//   WEIR_URL          the service that this file of tests uses, with a slash at the end
//   WEIR_CHROMIUM     the program
//   WEIR_NODE_MODULES the folder with playwright-core and axe-core
//   WEIR_SCREENSHOTS  the folder that keeps the screenshots
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after } from 'node:test';

const environment = (name) => process.env[name] ?? assert.fail(`${name} is not set; run tests.page.browser_test`);
const require = createRequire(join(environment('WEIR_NODE_MODULES'), 'x.js'));
const { chromium } = require('playwright-core');

export const URL_OF_WEIR = environment('WEIR_URL');
export const packageFile = (path) => join(environment('WEIR_NODE_MODULES'), path);

let browser;
after(() => browser?.close());

/**
 * Opens the page in a new profile. `faults` of the result collects what must never happen: an error on the console, an
 * exception, a refused response, a request to another origin.
 */
export async function open(hash = '', { width = 1280, height = 900, dark = false, url = URL_OF_WEIR, ...more } = {}) {
  browser ??= await chromium.launch({
    executablePath: environment('WEIR_CHROMIUM'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],  // root has no sandbox; /dev/shm may be small
  });
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: dark ? 'dark' : 'light', timezoneId: 'UTC', locale: 'en-GB', ...more,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const faults = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack}`));
  page.on('dialog', (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) faults.push(`request to ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} for ${response.url()}`);
  });
  await page.goto(url + hash);
  await page.locator('main[data-shown]').waitFor();
  return { page, faults, close: () => context.close() };
}

/** Opens the page for the length of `use`, and checks that nothing went wrong. */
export async function withPage(hash, options, use) {
  const { page, faults, close } = await open(hash, options);
  try {
    await use(page);
    assert.deepEqual(faults, []);
  } finally {
    await close();
  }
}

/** Keeps a screenshot of the whole page. */
export async function keepScreenshot(page, name) {
  const folder = environment('WEIR_SCREENSHOTS');
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
}

/** Checks the page with axe-core: nothing serious or critical. */
export async function assertAccessible(page, where) {
  // By the debugger and not by a script element, which the security policy refuses.
  await page.evaluate(readFileSync(packageFile('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => ['serious', 'critical'].includes(impact));
  assert.deepEqual(serious.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]), [], where);
}

/** Sends one event to Weir. */
export async function post(activity, url = URL_OF_WEIR) {
  const body = JSON.stringify({ timestamp: new Date().toISOString(), ...activity });
  const response = await fetch(`${url}activity`, { method: 'POST', body });
  assert.equal(response.status, 200, await response.text());
}

/** The text of an element, with each run of white space as one space. */
export const textOf = async (page, selector) =>
  (await page.locator(selector).innerText()).replace(/\s+/g, ' ').trim();
