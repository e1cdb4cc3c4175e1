import { tell } from '../support/tell.mjs';

const moment = new Date(Date.UTC(2024, 1, 29, 13, 5, 9));
for (const locale of ['en-US', 'de-DE', 'ar-EG', 'ja-JP-u-ca-japanese', 'th-TH', 'hi-IN', 'fr-CH']) {
  await tell(locale, () => [
    new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long', timeZone: 'Asia/Tokyo' }).format(moment),
    new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }).format(-1234567.891),
    new Intl.NumberFormat(locale, { notation: 'compact' }).format(1234567),
    new Intl.ListFormat(locale).format(['a', 'b', 'c']),
    new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day'),
    new Intl.PluralRules(locale, { type: 'ordinal' }).select(3),
    new Intl.DisplayNames(locale, { type: 'region' }).of('JP'),
  ]);
}
await tell('collation', () => [
  ['ä', 'a', 'z', 'Z', 'é'].sort(new Intl.Collator('de').compare),
  ['ä', 'a', 'z'].sort(new Intl.Collator('sv').compare),
  ['10', '9', '1'].sort(new Intl.Collator(undefined, { numeric: true }).compare),
  'a'.localeCompare('A', 'en', { sensitivity: 'base' }),
]);
await tell('segmenter', () =>
  [...new Intl.Segmenter('th', { granularity: 'word' }).segment('สวัสดีครับ')].map(({ segment }) => segment),
);
await tell('graphemes', () => [...new Intl.Segmenter('en').segment('👨‍👩‍👧é')].length);
await tell('case', () => [
  'ı'.toLocaleUpperCase('tr'),
  'I'.toLocaleLowerCase('tr'),
  'ß'.toUpperCase(),
  'ŒUVRE'.toLocaleLowerCase('fr'),
]);
await tell('normalization', () => ['é'.normalize('NFD').length, '①'.normalize('NFKC'), 'é'.normalize('NFC').length]);
await tell('supported', () => [
  Intl.supportedValuesOf('timeZone').length > 300,
  Intl.supportedValuesOf('currency').length > 100,
  Intl.getCanonicalLocales('EN-us'),
]);
await tell('property escapes', () => ['ü1日'.match(/\p{L}/gu), 'a🎉'.match(/\p{Emoji_Presentation}/u)?.[0]]);
await tell('default', () => {
  const { locale, timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  return [locale, timeZone];
});
await tell('parts', () =>
  new Intl.NumberFormat('de', { style: 'unit', unit: 'kilometer-per-hour' }).formatToParts(12.5),
);
await tell('range', () =>
  new Intl.DateTimeFormat('en', { timeZone: 'UTC' }).formatRange(new Date(0), new Date(86_400_000 * 3)),
);
await tell('DurationFormat', () =>
  Intl.DurationFormat === undefined ? 'absent' : new Intl.DurationFormat('en').format({ hours: 1, minutes: 2 }),
);
await tell('Temporal', () => typeof globalThis.Temporal);
