// @ts-check
// Sends page views and events of a web page to Weir. docs/CLIENTS.md describes it.
(() => {
  const w = /** @type {any} */ (window), d = /** @type {any} */ (document), n = navigator;
  const script = d.currentScript, data = script.dataset, stub = w.weir || {};
  if (stub.loaded) return;
  const url = new URL('activities', data.host ? data.host + '/' : script.src);
  if (data.key) url.searchParams.set('key', data.key);
  let id = '', page = '', referrer = '';

  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
  const user = () => {
    try {
      id ||= localStorage.weir_id ||= random();
    } catch {  // the browser blocks storage
      id ||= random();
    }
    return id;
  };
  const address = () => {
    const href = location.href;
    return ('hash' in data ? href.replace('#', '%23') : href.split('#')[0]).slice(0, 2048);
  };

  const weir = (/** @type {any} */ name, metadata = {}) => {
    if ('dnt' in data && n.doNotTrack == '1') return;
    if (d.prerendering) return d.addEventListener('prerenderingchange', () => weir(name, metadata), { once: true });
    const body = JSON.stringify([{
      user_id: '' + (weir.user || data.user || user()), activity_type: name, timestamp: new Date().toISOString(),
      message_id: random(), metadata: { page_url: address(), referrer: referrer || null, ...metadata },
    }]);
    const type = 'application/json';
    const post = (/** @type {boolean} */ keepalive) =>
      fetch(url, { method: 'POST', body, keepalive, credentials: 'include', headers: { 'content-type': type } });
    if (!n.sendBeacon?.(url, new Blob([body], { type }))) post(true).catch(() => post(false)).catch(() => 0);
  };
  weir.loaded = true;
  weir.user = stub.user;

  const view = (/** @type {any} */ event = {}) => {
    const before = page;
    page = address();
    if (page != before) referrer = (before || d.referrer).slice(0, 2048);
    if (page != before || event.persisted) weir('page_view');
  };
  if (!('manual' in data)) {
    view();
    for (const name of ['pushState', 'replaceState']) {
      const change = w.history[name];
      w.history[name] = (/** @type {any[]} */ ...words) => {
        change.apply(w.history, words);
        view();
      };
    }
    for (const name of ['popstate', 'hashchange', 'pageshow']) w.addEventListener(name, view);
  }
  w.weir = weir;
  for (const words of stub.q || []) weir(words[0], words[1]);
})();
