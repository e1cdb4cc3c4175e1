/** Options that do not go together. */

import type { ParsedOptions } from './options.ts';

const kDurations: readonly string[] = ['mixed', 'burst'];
const kPools: readonly string[] = ['cold', 'warm', 'burst'];
/** Names of images as engines take them; nothing that could pass for an option. */
const kImage = /^[a-z0-9][a-zA-Z0-9._:/@-]{0,254}$/;

/** What is wrong, in one line; undefined when nothing is. `isGiven`: on the command line, by name of its property. */
export function mistakeOf(parsed: ParsedOptions, isGiven: (name: keyof ParsedOptions) => boolean): string | undefined {
  const { mode, via, target, profile, apihost, auth, duration, burstEvery, density, image } = parsed;
  const rules: readonly (readonly [boolean, string])[] = [
    [mode === 'warm' && target !== 'libos', '--mode warm needs --target libos: others have no snapshots of functions'],
    [mode === 'warm' && apihost !== undefined, '--mode warm needs a stack of its own, whose VMs it can end'],
    [mode === 'mixed' && via === 'vm', '--mode mixed needs --via api'],
    [mode === 'burst' && via === 'vm', '--mode burst needs --via api'],
    [mode === 'density' && via === 'api', '--mode density needs --via vm'],
    [target === 'docker' && via === 'api', '--target docker needs --via vm: the local stack has no containers'],
    [target === 'docker' && mode !== 'cold' && mode !== 'hot', '--target docker needs --mode cold or hot'],
    [isGiven('image') && target !== 'docker', '--image needs --target docker'],
    [!kImage.test(image), '--image must be the name of an image, like openwhisk/action-nodejs-v24'],
    [isGiven('tender') && target === 'docker', '--tender needs --target libos'],
    [duration !== undefined && !kDurations.includes(mode), '--duration needs --mode mixed or burst'],
    [isGiven('cpu') && mode !== 'mixed', '--cpu needs --mode mixed'],
    [isGiven('count') && mode === 'burst', '--mode burst ends by --duration, not by --count'],
    [isGiven('burstSize') && mode !== 'burst', '--burst-size needs --mode burst'],
    [isGiven('burstEvery') && mode !== 'burst', '--burst-every needs --mode burst'],
    [isGiven('background') && mode !== 'burst', '--background needs --mode burst'],
    [mode === 'burst' && duration !== undefined && duration < burstEvery, '--duration must hold one --burst-every'],
    [isGiven('density') && mode !== 'density', '--density needs --mode density'],
    [isGiven('budget') && mode !== 'density', '--budget needs --mode density'],
    [
      mode === 'density' && density === 'cached' && target !== 'libos',
      '--density cached needs --target libos: others have no snapshots of functions',
    ],
    [profile !== undefined && via === 'api', '--profile needs --via vm'],
    [profile !== undefined && target !== 'libos', '--profile needs --target libos'],
    [parsed.pool > 0 && !kPools.includes(mode), '--pool needs --mode cold, warm or burst'],
    [parsed.pool > 0 && apihost !== undefined, '--pool needs a stack of its own'],
    [!parsed.template && (via !== 'vm' || mode !== 'cold'), '--no-template needs --via vm --mode cold'],
    [isGiven('stackMemory') && (via === 'vm' || apihost !== undefined), '--stack-memory needs a stack of its own'],
    [apihost !== undefined && via === 'vm', '--apihost needs --via api'],
    [auth !== undefined && apihost === undefined, '--auth needs --apihost'],
    [
      apihost !== undefined && !/^https?:$/.test(URL.parse(apihost)?.protocol ?? ''),
      '--apihost must be a URL, like http://127.0.0.1:3233',
    ],
    [isGiven('label') && parsed.save === undefined, '--label needs --save'],
  ];
  return rules.find(([broken]) => broken)?.[1];
}
