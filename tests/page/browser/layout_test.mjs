// How the page looks, and whether it can be used without seeing it: sizes, light and dark, axe-core.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, keepScreenshot, withPage } from './chromium.mjs';

const EMPTY = process.env.WEIR_EMPTY_URL;

/** Keeps a screenshot in both color schemes, and checks one of them with axe-core. */
async function examine(page, name, width, checked) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await keepScreenshot(page, `${name}-${width}-${colorScheme}`);
    if (colorScheme === checked) await assertAccessible(page, `${name}, ${width} pixels, ${colorScheme}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${name} is ${wide} pixels wide, and the window ${width}`);
}

for (const [width, height, checked] of [[390, 844, 'dark'], [1280, 900, 'light'], [1920, 1080, null]]) {
  test(`the page fits into ${width} pixels, and axe-core finds nothing serious`, async () => {
    await withPage('#period=week', { width, height }, async (page) => {
      await page.locator('#minutes rect').first().waitFor();
      await examine(page, 'full', width, checked);
    });
    await withPage('', { width, height, url: EMPTY }, async (page) => {
      assert.ok(await page.locator('#empty').isVisible());
      await examine(page, 'empty', width, checked);
    });
  });
}

for (const [name, hash, width, checked] of [
  ['week', '#last=7d', 1280, null], ['line', '#last=all&by=hour&show=unique_users', 1280, 'dark'],
  ['ledger', '#last=7d&open=ledger', 1280, 'light'], ['dialog', '#period=week&list=page', 390, 'light'],
  ['day', '#period=day&plan=team', 390, 'light'], ['custom', '#from=2015-05-17T00:00:00Z', 390, 'dark']]) {
  test(`the view ${hash} fits, and axe-core finds nothing serious`, () =>
    withPage(hash, { width, timezoneId: 'Europe/Berlin' }, (page) => examine(page, name, width, checked)));
}
