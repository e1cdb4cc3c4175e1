import { tell } from '../support/tell.mjs';

const before = process.env.TZ;
for (const zone of [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Nonsense/Zone',
  'America/Sao_Paulo',
]) {
  await tell(zone, () => {
    process.env.TZ = zone;
    const winter = new Date(2024, 0, 15, 12);
    const summer = new Date(2024, 6, 15, 12);
    return [
      winter.toISOString(),
      summer.toISOString(),
      winter.getTimezoneOffset(),
      summer.getTimezoneOffset(),
      summer.toString(),
      new Date(1900, 0, 1).toString(),
    ];
  });
}
if (before === undefined) delete process.env.TZ;
else process.env.TZ = before;
await tell('parsing', () => [
  Date.parse('2024-02-30'),
  Date.parse('Thu, 01 Jan 1970 00:00:00 GMT'),
  new Date('2024-01-01T00:00').getTime() === new Date(2024, 0, 1).getTime(),
]);
await tell('default', () => [new Date(0).toString(), new Date(2024, 5, 1).getTimezoneOffset()]);
