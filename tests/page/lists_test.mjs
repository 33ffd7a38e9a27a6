// Tests of web/lists.js: one list for each dimension.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { found, listsOf, shownLists } from '../../web/lists.js';

const DIMENSIONS = [{ name: 'page' }, { name: 'activity_type' }, { name: 'utm_campaign' }, { name: 'constructor' }];

test('a list has the order and the default sort of its dimension', () => {
  const lists = listsOf(DIMENSIONS);
  assert.deepEqual(lists.map(({ dimension, title, sort, isOwn }) => [dimension, title, sort, isOwn]), [
    ['page', 'Pages', 'page_views', false], ['activity_type', 'Activity', 'events', false],
    ['utm_campaign', 'Utm campaign', 'events', true], ['constructor', 'Constructor', 'events', true]]);
});

test('a list of an own dimension is shown if it has rows', () => {
  const lists = listsOf(DIMENSIONS.slice(0, 3));
  const empty = { rows: [], other: { events: 7, page_views: 0 } };
  const full = { rows: [{ value: 'DE' }], other: { events: 0, page_views: 0 } };
  assert.deepEqual(shownLists(lists, [empty, full, empty]).map(({ list }) => list.dimension), ['page', 'activity_type']);
  assert.deepEqual(shownLists(lists, [empty, full, full]).map(({ answer }) => answer), [empty, full, full]);
});

test('a search finds a part of a value in any case', () => {
  const rows = ['/Blog/a', '/blog', '/x'].map((value) => ({ value }));
  assert.deepEqual(found(rows, ' BLOG').map(({ value }) => value), ['/Blog/a', '/blog']);
  assert.equal(found(rows, '').length, 3);
});
