// What is looked at: a range and perhaps a filter, kept in the address behind '#', so that it can be linked to:
//   #last=1h|24h|7d|30d|all      #from=2015-05-17T10:00:00Z&to=2015-05-21T00:00:00Z      and  &page=/blog

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NO_FILTERS = ['last', 'from', 'to'];  // every other parameter of the address is a dimension
const LISTS = {
  page: { title: 'Pages', sort: 'page_views', unit: 'Views', none: 'No pages yet' },
  referrer: { title: 'Referrers', sort: 'page_views', unit: 'Views', none: 'No referrers yet' },
  activity_type: { title: 'Activity', sort: 'events', unit: 'Events', none: 'No activity yet' },
};
const DAYS_MAX = 4990;       // as many days as one series may have, and some to spare
const SERIES_MAX = 12;       // that one chart asks for: more than a century
const FIRST_EVENT = Date.UTC(1990, 0, 1);  // no event is older
const AHEAD_MAX = 2 * DAY;   // no event is later than this after the clock

export const RANGES = {
  '1h': { title: 'Last hour', span: HOUR },
  '24h': { title: '24 hours', span: DAY },
  '7d': { title: '7 days', span: 7 * DAY },
  '30d': { title: '30 days', span: 30 * DAY },
  all: { title: 'All' },
};

// A list for each dimension that Weir knows. One of DIMENSIONS has its own name as the title.
export function listsOf(dimensions) {
  return dimensions.map(({ name }) => {
    const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
    const list = Object.hasOwn(LISTS, name) ? LISTS[name] : { title, sort: 'events', unit: 'Events', none: '', isOwn: true };
    return { dimension: name, ...list };
  });
}

// Lists with their answers. A dimension that is no longer counted stays known: without rows it is not shown.
export function shownLists(lists, answers) {
  return lists.map((list, index) => ({ list, answer: answers[index] }))
    .filter(({ list, answer }) => !list.isOwn || answer.rows.length > 0);
}

export function viewOf(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ''));
  const dimension = [...parameters.keys()].find((name) => !NO_FILTERS.includes(name) && parameters.get(name));
  const filter = dimension ? { dimension, value: parameters.get(dimension) } : null;
  const plus = (time) => time?.replace(' ', '+') ?? null;  // of an offset that was not escaped
  const from = plus(parameters.get('from'));
  const to = plus(parameters.get('to'));
  if (from || to) return { last: null, from, to, filter };
  const last = parameters.get('last');
  return { last: Object.hasOwn(RANGES, last ?? '') ? last : '24h', from: null, to: null, filter };
}

export function hashOf({ last, from, to, filter }) {
  const parts = last ? [['last', last]] : [['from', from], ['to', to]].filter(([, value]) => value);
  if (filter) parts.push([filter.dimension, filter.value]);
  // Colons and slashes stay as they are, so that a link can be read.
  const escaped = (text) => encodeURIComponent(text).replaceAll('%3A', ':').replaceAll('%2F', '/');
  return `#${parts.map(([name, value]) => `${name}=${escaped(value)}`).join('&')}`;
}

function intervalFor(span) {
  if (span <= 3 * HOUR) return 'minute';
  return span <= 8 * DAY ? 'hour' : 'day';
}

const text = (moment) => new Date(moment).toISOString().replace('.000Z', 'Z');

// Begins where an interval does, so that the first bar is a whole one.
function upTo(end, from) {
  const interval = intervalFor(end - from);
  const width = { minute: MINUTE, hour: HOUR, day: DAY }[interval];
  return { from: text(Math.ceil(from / width) * width), to: text(Math.ceil(end / MINUTE) * MINUTE), interval };
}

// The spans of at most DAYS_MAX whole days that make up a range; one that is not readable stays as it is.
function partsOf({ from, to }) {
  const [start, end] = [Date.parse(from), Date.parse(to)];
  const first = Math.floor(start / DAY) * DAY;
  const count = Math.ceil((end - first) / (DAYS_MAX * DAY));
  if (!(count > 1 && count <= SERIES_MAX)) return [{ from, to }];
  return Array.from({ length: count }, (_, index) => ({
    from: index === 0 ? from : text(first + index * DAYS_MAX * DAY),
    to: index === count - 1 ? to : text(first + (index + 1) * DAYS_MAX * DAY),
  }));
}

// The series of a range by that interval, put together from several where days are more than one may have.
export async function seriesOf(ask, span, filter, interval) {
  const parts = interval === 'day' ? partsOf(span) : [span];
  const series = await Promise.all(parts.map((part) => ask('timeseries', { ...part, ...filter, interval })));
  return { ...series[0], to: series.at(-1).to, points: series.flatMap(({ points }) => points), isOne: parts.length === 1 };
}

let known = { at: -Infinity, days: [] };  // the days that have events, and when that was asked

async function daysWithEvents(ask, now) {
  if (now - known.at < MINUTE && known.days.length > 0) return known.days;
  const span = { from: text(FIRST_EVENT), to: text(Math.floor((now + AHEAD_MAX) / DAY + 1) * DAY) };
  const { points } = await seriesOf(ask, span, {}, 'day');
  known = { at: now, days: points.filter((point) => point.events > 0).map((point) => Date.parse(point.time)) };
  return known.days;
}

// From the first day that has an event to the end of the last.
async function everything(ask, now) {
  const days = await daysWithEvents(ask, now);
  if (days.length === 0) return upTo(now, now - DAY);
  const [from, to] = [days[0], days.at(-1) + DAY];
  return { from: text(from), to: text(to), interval: intervalFor(to - from) };
}

// From, to and interval of the view at this moment. `ask` is for the view that must be found out.
export async function rangeOf(view, ask) {
  const now = Date.now();
  if (view.last === 'all') return everything(ask, now);
  if (view.last) return upTo(now, now - RANGES[view.last].span);
  const to = view.to ?? text(Math.ceil(now / MINUTE) * MINUTE);
  const end = Date.parse(to);
  const from = view.from ?? (Number.isNaN(end) ? to : text(end - DAY));  // Weir says best what is wrong with `to`
  return { from, to, interval: intervalFor(end - Date.parse(from)) };
}
