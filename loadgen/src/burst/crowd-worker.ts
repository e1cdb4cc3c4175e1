/** The thread of crowd-thread.ts. */

import { parentPort, workerData } from 'node:worker_threads';
import { ApiClient } from '../api/client.ts';
import { Crowd } from './crowd.ts';
import type { CrowdReply, CrowdRequest, CrowdSettings } from './crowd-thread.ts';

const { url, auth, prefix, size } = workerData as CrowdSettings;
const client = new ApiClient(url, auth, size);
const crowd = new Crowd(client, prefix, size);

function reply(answer: CrowdReply): void {
  parentPort?.postMessage(answer);
}

parentPort?.on('message', async (request: CrowdRequest) => {
  if (request.what === 'figures') {
    reply({ what: 'figures', figures: crowd.figures() });
    return;
  }
  const elapsedMs = () => performance.timeOrigin + performance.now() - request.began;
  reply({ what: 'burst', burst: await crowd.burst(request.number, elapsedMs) });
});
