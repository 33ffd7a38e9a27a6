// How the page looks and whether it can be used without seeing it: sizes, light and dark, axe-core.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertAccessible, keepScreenshot, withPage } from './chromium.mjs';

const EMPTY = process.env.WEIR_EMPTY_URL;
const SIZES = [[390, 844], [1280, 900], [1920, 1080]];

for (const [width, height] of SIZES) {
  for (const dark of [false, true]) {
    const manner = `${width}-${dark ? 'dark' : 'light'}`;
    test(`nothing is wider than ${width} pixels, and axe finds nothing serious (${manner})`, async () => {
      await withPage('#period=week', { width, height, dark }, async (page) => {
        await page.locator('#minutes rect').first().waitFor();
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `the page is ${wide} pixels wide`);
        await keepScreenshot(page, `full-${manner}`);
        await assertAccessible(page, manner);
      });
      await withPage('', { width, height, dark, url: EMPTY }, async (page) => {
        assert.ok(await page.locator('#empty').isVisible());
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
        await keepScreenshot(page, `empty-${manner}`);
        await assertAccessible(page, `empty ${manner}`);
      });
    });
  }
}

for (const [name, hash] of [['dialog', '#period=week&list=page'], ['ledger', '#last=7d&open=ledger'],
  ['line', '#last=all&by=hour&show=unique_users'], ['day', '#period=day&plan=team'], ['custom', '#from=2015-05-17T00:00:00Z']]) {
  test(`axe finds nothing serious (${name})`, async () => {
    for (const [width, dark] of [[1280, false], [390, true]]) {
      await withPage(hash, { width, dark }, async (page) => {
        await page.waitForTimeout(300);
        await keepScreenshot(page, `${name}-${width}-${dark ? 'dark' : 'light'}`);
        await assertAccessible(page, name);
      });
    }
  });
}
