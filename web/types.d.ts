// The types of the page's modules, for the type checker only. /api/v1/openapi.json describes the answers of the API.

export type Interval = 'minute' | 'hour' | 'day';
export type Metric = 'events' | 'page_views' | 'unique_users';

/** A range as query parameters, RFC 3339. */
export interface Span { from: string; to: string }
export interface Range extends Span { interval: Interval }
export interface Filter { dimension: string; value: string }

/** What the page shows. Either `last` is set, or `from` and `to` are used. */
export interface View { last: string | null; from: string | null; to: string | null; filter: Filter | null }

/** Sends a GET request below /api/v1/ and returns the decoded answer. */
export type Ask = (path: string, parameters: Record<string, any>) => Promise<any>;

export type Numbers = Record<Metric, number>;
export interface Point extends Numbers { time: string }
export interface Series extends Range { resolution?: string; points: Point[] }
export interface Row extends Numbers { value: string }
export interface Top { rows: Row[]; other: { events: number; page_views: number } }
export interface Summary extends Numbers, Span { unique_users_error: number; previous: Numbers }

export interface LedgerSums {
  read: number; tallied: number; duplicate: number; dead_lettered: number; skipped: number; lag: number | null;
}
export interface LedgerRow extends LedgerSums {
  partition: number; start_offset: number; next_offset: number; oldest_unread_age_ms: number | null; observed_age_ms: number;
}
export interface Ledger { partitions: LedgerRow[]; sums: LedgerSums }

/** A list of the page. */
export interface List { dimension: string; title: string; sort: 'events' | 'page_views'; unit: string; none: string }

/** The answers that one refresh shows. */
export interface Answers {
  view: View; span: Span; filter: Record<string, string>; summary: Summary; series: Series & { isOne: boolean };
  ledger: Ledger; lists: Top[];
}
