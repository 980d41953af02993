// Being active is not being used: what taking each feature out does to a token, beside how active it is.

export interface Effect {
  number: number;
  /** The largest up to the chosen token. */
  activation: number;
  /** Nats of log-probability that it gives to the token: what that loses where the feature is taken out everywhere. */
  effect: number;
}

/** How much log-probability is lost; probabilities of 0 are the smallest that a float holds. */
export function effectOf(plain: number, edited: number): number {
  const log = (value: number) => Math.log(Math.max(value, 1e-38));
  return log(plain) - log(edited);
}

/** Place of each, 1 the largest, by a figure; the order given decides among equals. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
  const found = new Array<number>(values.length);
  order.forEach((place, rank) => (found[place] = rank + 1));
  return found;
}

/** Correlation of how active they are with the size of their effects; null where one of the two is the same for all. */
export function agreement(effects: readonly Effect[]): number | null {
  const pairs = effects.map(({ activation, effect }) => [activation, Math.abs(effect)] as const);
  const mean = (at: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[at], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  const sum = (of: (dx: number, dy: number) => number) => pairs.reduce((total, [a, b]) => total + of(a - x, b - y), 0);
  const size = Math.sqrt(sum((dx) => dx * dx) * sum((_, dy) => dy * dy));
  return size > 0 ? sum((dx, dy) => dx * dy) / size : null;
}

/** The most active one and its rank by the size of its effect; null where fewer than two were measured. */
export function verdict(effects: readonly Effect[]): { active: Effect; rank: number; used: Effect; activeRank: number } | null {
  if (effects.length < 2) return null;
  const byActivation = ranks(effects.map(({ activation }) => activation));
  const byEffect = ranks(effects.map(({ effect }) => Math.abs(effect)));
  const active = byActivation.indexOf(1);
  const used = byEffect.indexOf(1);
  return { active: effects[active]!, rank: byEffect[active]!, used: effects[used]!, activeRank: byActivation[used]! };
}
