// Sends events through @segment/analytics-node, and prints the number of those that it could not deliver.
// Environment: HOST, COUNT, WRITE_KEY, SEGMENT_HOME (the folder with node_modules).
import { createRequire } from 'node:module';
import { join } from 'node:path';

const { HOST, COUNT, WRITE_KEY, SEGMENT_HOME } = process.env;
const { Analytics } = createRequire(join(SEGMENT_HOME, 'x.js'))('@segment/analytics-node');

const analytics = new Analytics({ host: HOST, writeKey: WRITE_KEY, flushAt: 50, flushInterval: 500, maxRetries: 20 });
let failed = 0;
analytics.on('error', (error) => {
  failed += 1;
  console.error(error.code, error.reason ?? error);
});
for (let number = 0; number < Number(COUNT); number += 1) {
  const userId = `user-${number % 97}`;
  if (number % 5 === 0) {
    analytics.page({ userId, name: 'Docs', properties: { url: `https://shop.example/docs/${number % 7}?n=${number}` } });
  } else if (number % 5 === 1) {
    analytics.identify({ userId, traits: { plan: 'pro' } });
  } else {
    analytics.track({ userId, event: 'Order Placed', properties: { total: number } });
  }
  if (number % 500 === 499) await new Promise((resume) => setTimeout(resume, 100));
}
await analytics.closeAndFlush({ timeout: 240_000 });
console.log(failed);
