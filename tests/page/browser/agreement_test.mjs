// The page shows the exact figures: those that tests/checker/facts.py computed (WEIR_EXPECTED, a file of JSON). Each case has
// the view, the figures of its range and of the previous one, and the rows of each list in their order.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { keepScreenshot, withPage } from './chromium.mjs';

const METRICS = ['events', 'page_views', 'unique_users'];
const SHORT_LIST = 9;  // rows of a card
const countOf = (text) => Number(text.replaceAll(',', ''));
const sortOf = (dimension) => (['page', 'referrer'].includes(dimension) ? 'page_views' : 'events');
const ofMetrics = (row) => Object.fromEntries(METRICS.map((metric) => [metric, row[metric]]));

/** The figures of the tiles, and those that they are compared with. */
async function tilesOf(page) {
  const shown = await page.locator('.tile[data-metric]').evaluateAll((tiles) => tiles.map((tile) => [tile.dataset.metric,
    tile.querySelector('.figure').textContent, tile.querySelector('.before').textContent]));
  return {
    figures: Object.fromEntries(shown.map(([metric, figure]) => [metric, countOf(figure)])),
    before: Object.fromEntries(shown.map(([metric, , before]) => [metric, countOf(before.replace(/^from /, ''))])),
  };
}

/** The rows of a card: [value, figure of its order, users]. */
const cardOf = (page, dimension) => page.locator(`.list[data-dimension=${dimension}] tbody tr`).evaluateAll((rows) =>
  rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

/** All rows of a list, in the dialog. */
async function dialogOf(page, dimension) {
  const heads = await page.locator('#list-rows th button').evaluateAll((buttons) => buttons.map((button) => button.dataset.key));
  const rows = await page.locator('#list-rows tbody tr').evaluateAll((found) =>
    found.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.equal(heads[0], `sort ${sortOf(dimension)}`);
  return rows.map(([value, ...figures]) => ({
    value, ...Object.fromEntries(figures.map((figure, index) => [heads[index].replace('sort ', ''), countOf(figure)])) }));
}

async function show(page, hash) {
  await page.evaluate((wanted) => { location.hash = wanted; }, hash);
  await page.waitForFunction((wanted) => document.querySelector('main').dataset.shown === wanted, hash);
}

const cases = JSON.parse(readFileSync(process.env.WEIR_EXPECTED, 'utf8'));
assert.ok(cases.length > 0);
for (const { hash, figures, previous, lists } of cases) {
  test(`the tiles and lists of ${hash} are exact`, () => withPage(hash, {}, async (page) => {
    const tiles = await tilesOf(page);
    assert.deepEqual(tiles.figures, figures);
    assert.deepEqual(tiles.before, previous);
    const own = Object.keys(lists).filter((dimension) => !['page', 'referrer', 'activity_type'].includes(dimension));
    for (const [dimension, rows] of Object.entries(lists)) {
      const sort = sortOf(dimension);
      await show(page, own.includes(dimension) ? `${hash}&tab=${dimension}` : hash);
      const card = rows.slice(0, SHORT_LIST).filter((row) => row[sort] > 0);
      assert.deepEqual((await cardOf(page, dimension)).map(([value, ...cells]) => [value, ...cells.map(countOf)]),
        card.map((row) => [row.value, row[sort], row.unique_users]), dimension);
      await show(page, `${hash}&list=${dimension}`);
      assert.deepEqual((await dialogOf(page, dimension)).map(({ value, ...row }) => ({ value, ...ofMetrics(row) })),
        rows.map(({ value, ...row }) => ({ value, ...ofMetrics(row) })), dimension);
    }
    await keepScreenshot(page, `agreement-${lists.status ? 'log' : 'week'}`);
  }));
}
