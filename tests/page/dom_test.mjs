// Tests of the pure functions of web/dom.js, and of the notes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeText, visible } from '../../web/dom.js';
import { notesOf } from '../../web/notes.js';

test('a change has a sign, and a large one is a factor', () => {
  for (const [now, before, text] of [[110, 100, '+10 %'], [90, 100, '−10 %'], [1000, 1000, '±0 %'], [1001, 1000, '±0 %'],
    [0, 5, '−100 %'], [1200, 100, '×12'], [5, 0, null], [0, 0, null]])
    assert.equal(changeText(now, before), text, `${now} after ${before}`);
});

test('characters that are not seen, or that change the direction of the text, are replaced', () => {
  assert.equal(visible('a\u0000b\u202ec\u2066\n'), 'a\ufffdb\ufffdc\ufffd\ufffd');
  assert.equal(visible('ä 🙂 <b>'), 'ä 🙂 <b>');
});

test('the accuracy is said in words', () => {
  assert.equal(notesOf({ unique_users_error: 0 }, { interval: 'hour' }), 'All figures are exact.');
  assert.match(notesOf({ unique_users_error: 0.0081 }, { interval: 'hour' }), /standard error of 0\.81%/);
  assert.match(notesOf({ unique_users_error: 0 }, { interval: 'day', resolution: 'day', rounded: true }), /finer than the day.*nearest full hour/);
});
