// The types of the page's modules, for the type checker only. /api/v1/openapi.json describes the answers of the API.

export type Interval = 'minute' | 'hour' | 'day' | 'week' | 'month';
export type Period = 'day' | 'week' | 'month';
export type Metric = 'events' | 'page_views' | 'unique_users';

/** A range as query parameters, RFC 3339. */
export interface Span { from: string; to: string }
/** `previous`: the range to compare with; its figures are compared up to `until`. `start`: wall time of a period. */
export interface Range extends Span { interval: Interval; previous: (Span & { until: string }) | null; start?: number }
export interface Filter { dimension: string; value: string }

/** What the page shows. One of `last`, `period` with `date`, or `from` and `to` is used. */
export interface View {
  last: string | null; period: Period | null; date: string | null; from: string | null; to: string | null;
  filter: Filter | null; show: Metric; by: Interval | null; tab: string | null;
  list: string | null; search: string; sort: Metric | null; zone: string | null; open: string | null;
}

/** What this Weir can do. */
export interface Features { live: boolean; deadLetters: boolean; snippet: boolean; zones: boolean; intervals: Interval[] }

/** Sends a GET request below /api/v1/ and returns the decoded answer. */
export type Ask = (path: string, parameters: Record<string, any>) => Promise<any>;
/** Shows another view. */
export type Go = (view: Partial<View>) => void;

export type Numbers = Record<Metric, number>;
export interface Point extends Numbers { time: string }
export interface Series extends Span { interval: Interval; resolution?: Interval; rounded?: boolean; tz?: string; points: Point[] }
export interface Row extends Numbers { value: string }
export interface Top { rows: Row[]; other: { events: number; page_views: number } }
export interface Summary extends Numbers, Span { unique_users_error: number }

/** Who is there now: users of the last five minutes, and of each of the last 30. */
export interface Now { visitors: number; minutes: Point[] }

export interface LedgerSums {
  read: number; tallied: number; duplicate: number; dead_lettered: number; skipped: number; lag: number | null;
}
export interface LedgerRow extends LedgerSums {
  partition: number; start_offset: number; next_offset: number; oldest_unread_age_ms: number | null; observed_age_ms: number;
}
export interface Ledger { partitions: LedgerRow[]; sums: LedgerSums }

export interface Dimension { name: string; source: string; since: string | null }

/** A list of the page. `isOwn`: of a dimension that is not built in. */
export interface List {
  dimension: string; isOwn: boolean; title: string; sort: 'events' | 'page_views'; unit: string; none: string;
}
export interface ShownList { list: List; answer: Top }

/** The answers that one refresh shows. */
export interface Answers {
  view: View; range: Range; zone: string; features: Features; now: number; span: Span; more: Record<string, string>;
  summary: Summary; series: Series & { isOne: boolean }; before: Summary | null; seriesBefore: Series | null;
  ledger: Ledger; lists: ShownList[];
}
