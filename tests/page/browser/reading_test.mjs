// The page on an imported access log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textOf, withPage } from './chromium.mjs';

test('the page shows the figures of the summary', () => withPage('#last=all', {}, async (page) => {
  assert.match(await textOf(page, '#tiles'), /Events 9,\d+ /);
}));
