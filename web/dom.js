// @ts-check
// Makes elements, and formats what they show. Text that clients sent is written only as text (textContent, append), never
// as markup, and never becomes an address.

export const number = new Intl.NumberFormat('en');
export const percent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 });

export const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
export const inputOf = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id));
export const linkOf = (/** @type {string} */ id) => /** @type {HTMLAnchorElement} */ (byId(id));

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} properties
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/**
 * Changes the text of an element. An unchanged text is not written again, so that nothing flickers and a selection stays.
 * @param {Element} shown
 * @param {string} text
 */
export function setText(shown, text) {
  if (shown.textContent !== text) shown.textContent = text;
}

/**
 * A button that is one of several choices.
 * @param {string} title
 * @param {boolean} chosen
 * @param {() => void} choose
 */
export function choice(title, chosen, choose) {
  const button = element('button', { type: 'button' }, title);
  button.setAttribute('aria-pressed', String(chosen));
  button.dataset.key = `choice ${title}`;
  button.addEventListener('click', choose);
  return button;
}

/**
 * Replaces the children of an element. The focus moves to the new element with the same data-key.
 * @param {Element} host
 * @param {...Node} children
 */
export function replaceChildren(host, ...children) {
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  const key = active && host.contains(active) ? active.dataset.key : undefined;
  host.replaceChildren(...children);
  if (!key) return;
  const keyed = /** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll('[data-key]'));
  [...keyed].find((one) => one.dataset.key === key)?.focus();
}

/**
 * Replaces control characters and those that change the direction of the text, so that they are visible.
 * @param {string} text
 */
export const visible = (text) => text.replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '\ufffd');

/**
 * The change between two figures, or null if there is nothing to compare with.
 * @param {number} now
 * @param {number} before
 */
export function changeText(now, before) {
  if (before === 0) return null;
  const change = now / before - 1;
  if (change >= 10) return `×${number.format(Math.round(now / before))}`;
  const rounded = Math.round(Math.abs(change) * 100);
  return rounded === 0 ? '±0 %' : `${change > 0 ? '+' : '−'}${rounded} %`;
}

/** Reads a remembered choice. A browser may refuse its storage. @param {string} key */
export function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
