// @ts-check
// The top lists of the page: one for each dimension that Weir knows.

/** @import {Dimension, List, ShownList, Top} from './types.d.ts' */

/** @type {Record<string, Omit<List, 'dimension' | 'isOwn'>>} */
const BUILT_IN = {
  page: { title: 'Pages', sort: 'page_views', unit: 'Views', none: 'No pages yet' },
  referrer: { title: 'Referrers', sort: 'page_views', unit: 'Views', none: 'No referrers yet' },
  activity_type: { title: 'Activity', sort: 'events', unit: 'Events', none: 'No activity yet' },
};

/**
 * The lists in the order of the dimensions. One of DIMENSIONS has its own name as the title.
 * @param {Dimension[]} dimensions
 * @returns {List[]}
 */
export function listsOf(dimensions) {
  return dimensions.map(({ name }) => {
    if (Object.hasOwn(BUILT_IN, name)) return { dimension: name, isOwn: false, ...BUILT_IN[name] };
    const title = name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');
    return { dimension: name, isOwn: true, title, sort: 'events', unit: 'Events', none: '' };
  });
}

/**
 * Lists with their answers. Weir also knows dimensions that it no longer counts: without rows they are not shown.
 * @param {List[]} lists
 * @param {Top[]} answers
 * @returns {ShownList[]}
 */
export function shownLists(lists, answers) {
  return lists.map((list, index) => ({ list, answer: answers[index] }))
    .filter(({ list, answer }) => !list.isOwn || answer.rows.length > 0);
}
