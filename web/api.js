// @ts-check
// Sends queries to Weir.

/** @import {Ask, Features, Interval} from './types.d.ts' */

const KEPT_MS = 30_000;

/** A refusal of Weir. */
export class Refusal extends Error {
  /**
   * @param {string} text
   * @param {number} status
   */
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Ask}
 */
export function askWith(signal) {
  return async (path, parameters) => {
    const query = new URLSearchParams(parameters).toString();
    const response = await fetch(`api/v1/${path}${query && '?'}${query}`, { signal });
    const answer = await response.json().catch(() => ({ error: `Weir answered ${response.status}` }));
    if (response.ok) return answer;
    throw new Refusal(answer.error ?? `Weir answered ${response.status}`, response.status);
  };
}

/** @type {Map<string, {until: number, answer: any}>} */
const kept = new Map();

/**
 * Like `ask`, for answers that seldom change: the previous range, the dimensions. An answer is kept for 30 s.
 * @param {Ask} ask
 * @returns {Ask}
 */
export function keeping(ask) {
  return async (path, parameters) => {
    const key = JSON.stringify([path, parameters]);
    const now = Date.now();
    const known = kept.get(key);
    if (known && now < known.until) return known.answer;
    const answer = await ask(path, parameters);
    for (const [old, { until }] of kept) if (until <= now) kept.delete(old);
    kept.set(key, { until: now + KEPT_MS, answer });
    return answer;
  };
}

/**
 * What this Weir can do, by its own description.
 * @param {any} description  of /api/v1/openapi.json
 * @returns {Features}
 */
export function featuresOf({ paths = {}, components = {} }) {
  /** @type {{name?: string, $ref?: string, schema?: {enum?: string[]}}[]} */
  const stated = paths['/api/v1/timeseries']?.get?.parameters ?? [];
  const parameters = stated.map((one) => (one.$ref ? components.parameters?.[one.$ref.split('/').pop() ?? ''] ?? one : one));
  const valuesOf = (/** @type {string} */ name) => parameters.find((one) => one.name === name)?.schema?.enum;
  const zones = valuesOf('tz');
  return {
    live: Object.hasOwn(paths, '/api/v1/live'),
    deadLetters: Object.hasOwn(paths, '/api/v1/dead_letters'),
    snippet: Object.hasOwn(paths, '/weir.js'),
    zones: parameters.some((one) => one.name === 'tz') && !(zones?.length === 1 && zones[0] === 'UTC'),
    intervals: /** @type {Interval[]} */ (valuesOf('interval') ?? ['minute', 'hour', 'day']),
  };
}
