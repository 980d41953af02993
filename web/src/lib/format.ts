// Numbers as people read them: three significant figures, a true minus, thin groups of thousands as commas.

const whole = new Intl.NumberFormat("en");

/** 16,384 */
export function count(value: number): string {
  return whole.format(value);
}

/** 560 k, 1.68 M; whole below 10,000. */
export function shortCount(value: number): string {
  if (value < 10_000) return count(value);
  const [size, unit] = value < 1e6 ? [1e3, "k"] : value < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${figure(value / size)} ${unit}`;
}

/** Three significant figures without an exponent, whole numbers as they are; null is a dash. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return minus(count(value));
  const size = Math.floor(Math.log10(Math.abs(value)));
  if (size < -4) return minus(value.toExponential(digits - 1).replace("e-", " × 10⁻").replace(/\d+$/, superscript));
  if (size >= digits) return minus(count(Math.round(value)));
  return minus(value.toFixed(Math.max(0, digits - 1 - size)));
}

/** Two decimals for shares, correlations and cosines, so that columns line up. */
export function share(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : minus(value.toFixed(2));
}

/** One decimal or two for activations in a column. */
export function activation(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A share as percent, three figures: "1.93 %". */
export function percent(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${figure(100 * value)} %`;
}

/** With its sign, for logits and effects. */
export function signed(value: number): string {
  const text = Math.abs(value).toFixed(Math.abs(value) >= 10 ? 1 : 2);
  return value > 0 ? `+${text}` : value < 0 ? `−${text}` : text;
}

/** "1 feature", "3 features". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** 21 Nov 2026, in the reader's own time zone. */
export function day(iso: string): string {
  return new Date(iso).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

function minus(text: string): string {
  return text.replace("-", "−");
}

function superscript(digits: string): string {
  return [...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}
