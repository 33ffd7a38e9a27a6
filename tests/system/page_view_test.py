"""Which range the page shows, and what it asks for it: web/view.js, run by node."""
import json
import shutil
import subprocess
import unittest

from tests.harness import weir

SCRIPT = """
import { rangeOf, seriesOf, viewOf } from './view.mjs';
const DAY = 86_400_000;
const asked = [];
// A Weir that has one event on each of these days, and refuses as the real one does.
const weirWith = (days) => async (path, { from, to, interval }) => {
  asked.push([path, from, to, interval]);
  const points = [];
  for (let at = Math.floor(Date.parse(from) / DAY) * DAY; at < Date.parse(to); at += DAY)
    points.push({ time: new Date(at).toISOString(), events: days.includes(at) ? 1 : 0 });
  if (points.length > 5000) throw new Error(`${points.length} points`);
  return { from, to, interval, points };
};
const out = {};
out.views = ['constructor', 'toString', '__proto__', 'hasOwnProperty', '', '7d', 'all'].map((last) => viewOf(`#last=${last}`).last);
const ask = weirWith([Date.UTC(1990, 0, 1), Date.UTC(2012, 11, 31)]);
const range = await rangeOf(viewOf('#last=all'), ask);
out.all = [range.from, range.to, range.interval];
asked.length = 0;
const series = await seriesOf(ask, { from: range.from, to: range.to }, { page: '/' }, range.interval);
out.series = { parts: asked.length, days: series.points.length, distinct: new Set(series.points.map(({ time }) => time)).size,
  events: series.points.filter(({ events }) => events > 0).length, isOne: series.isOne, from: series.from, to: series.to };
asked.length = 0;
const short = await seriesOf(ask, { from: '2012-12-01T00:00:00Z', to: '2013-01-01T00:00:00Z' }, {}, 'day');
out.short = [asked.length, short.points.length, short.isOne];
asked.length = 0;
await seriesOf(async (...call) => { asked.push(call); return { points: [] }; }, { from: 'x', to: 'y' }, {}, 'day');
out.unreadable = asked.length;
console.log(JSON.stringify(out));
"""


class View(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("node") is None:
            weir.missing("node (the package npm brings it)")
        folder = weir.temporary_folder(cls.addClassCleanup)
        shutil.copy(weir.ROOT / "web" / "view.js", folder / "view.mjs")
        (folder / "script.mjs").write_text(SCRIPT)
        done = subprocess.run(["node", folder / "script.mjs"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        cls.out = json.loads(done.stdout)

    def test_a_name_of_the_prototype_is_no_range(self):
        self.assertEqual(self.out["views"], ["24h"] * 5 + ["7d", "all"])

    def test_all_is_from_the_first_day_with_an_event_to_the_end_of_the_last(self):
        self.assertEqual(self.out["all"], ["1990-01-01T00:00:00Z", "2013-01-01T00:00:00Z", "day"])

    def test_a_series_of_more_days_than_one_answer_has_is_put_together(self):
        self.assertEqual(self.out["series"], {"parts": 2, "days": 8401, "distinct": 8401, "events": 2, "isOne": False,
                                              "from": "1990-01-01T00:00:00Z", "to": "2013-01-01T00:00:00Z"})
        self.assertEqual(self.out["short"], [1, 31, True])

    def test_a_range_that_cannot_be_read_is_left_to_weir_to_refuse(self):
        self.assertEqual(self.out["unreadable"], 1)


if __name__ == "__main__":
    weir.main()
