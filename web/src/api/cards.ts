// Cards of features: what is asked for at the same moment goes in one request.
import type { Place } from "../shell/place";
import { client, type Client } from "./client";
import type { FeatureCard } from "./records";

/** What one request may name. */
const MOST = 200;
const KEPT = 1000;

type Where = Pick<Place, "study" | "sae" | "v">;

interface Asked {
  promise: Promise<FeatureCard>;
  resolve: (card: FeatureCard) => void;
  reject: (error: unknown) => void;
}

interface Batch {
  place: Where;
  asked: Map<number, Asked>;
}

export class Cards {
  private readonly waiting = new Map<string, Batch>();
  private readonly kept = new Map<string, Promise<FeatureCard>>();

  constructor(private readonly client: Pick<Client, "ask">) {}

  /** A feature with its histogram and its strongest example. Rejects for one that is not there. */
  ask(place: Where, number: number): Promise<FeatureCard> {
    const key = JSON.stringify([place.study, place.sae, place.v]);
    const known = place.v === null ? undefined : this.kept.get(`${key} ${number}`);
    if (known) return known;
    const batch = this.waiting.get(key) ?? this.begin(key, place);
    const asked = batch.asked.get(number) ?? later();
    batch.asked.set(number, asked);
    if (place.v !== null) this.keep(`${key} ${number}`, asked.promise);
    if (batch.asked.size >= MOST) void this.send(key);
    return asked.promise;
  }

  private begin(key: string, place: Where): Batch {
    const batch: Batch = { place, asked: new Map() };
    this.waiting.set(key, batch);
    setTimeout(() => void this.send(key, batch));
    return batch;
  }

  private async send(key: string, batch = this.waiting.get(key)): Promise<void> {
    if (!batch || this.waiting.get(key) !== batch) return;
    this.waiting.delete(key);
    const { study, sae, v } = batch.place;
    const numbers = [...batch.asked.keys()];
    try {
      const { features } = await this.client.ask("/api/v1/studies/{study}/saes/{sae}/cards", { study, sae }, { v, numbers: numbers.join(",") });
      for (const card of features) batch.asked.get(card.number)?.resolve(card);
      // What is not in a static copy has no card.
      for (const [number, { reject }] of batch.asked) reject(new Error(`feature ${number} is not there`));
    } catch (error) {
      for (const { reject } of batch.asked.values()) reject(error);
    }
  }

  private keep(key: string, card: Promise<FeatureCard>): void {
    this.kept.set(key, card);
    card.catch(() => this.kept.delete(key));
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value!);
  }
}

function later(): Asked {
  let [resolve, reject]: [Asked["resolve"], Asked["reject"]] = [() => undefined, () => undefined];
  const promise = new Promise<FeatureCard>((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

const cards = new Cards(client);

/** A feature with its histogram and its strongest example; those that a page asks for together are one request. */
export function card(place: Where, number: number): Promise<FeatureCard> {
  return cards.ask(place, number);
}
