import { expect, test, vi } from "vitest";
import { Cards } from "./cards";
import type { Client } from "./client";

const PLACE = { study: "s", sae: "m", v: "1" };

function asking(answer: (numbers: number[]) => number[] = (numbers) => numbers) {
  const ask = vi.fn(async (_path: string, _names: unknown, query: { numbers: string }) => ({
    features: answer(query.numbers.split(",").map(Number)).map((number) => ({ number })),
  }));
  return { ask, cards: new Cards({ ask } as unknown as Pick<Client, "ask">) };
}

test("what is asked for together is one request, and is kept", async () => {
  const { ask, cards } = asking();
  const found = await Promise.all([3, 1, 3].map((number) => cards.ask(PLACE, number)));
  expect(found.map(({ number }) => number)).toEqual([3, 1, 3]);
  await cards.ask(PLACE, 1);
  expect(ask.mock.calls.map(([, , query]) => query)).toEqual([{ v: "1", numbers: "3,1" }]);
  await cards.ask({ ...PLACE, sae: "n" }, 1);
  expect(ask).toHaveBeenCalledTimes(2);
});

test("of an index that grows nothing is kept", async () => {
  const { ask, cards } = asking();
  const place = { ...PLACE, v: null };
  await cards.ask(place, 1);
  await cards.ask(place, 1);
  expect(ask).toHaveBeenCalledTimes(2);
});

test("more than a request may name are several", async () => {
  const { ask, cards } = asking();
  const found = await Promise.all(Array.from({ length: 250 }, (_, number) => cards.ask(PLACE, number)));
  expect(found.map(({ number }) => number)).toEqual(Array.from({ length: 250 }, (_, number) => number));
  expect(ask).toHaveBeenCalledTimes(2);
});

test("one that is not there is refused alone, and asked for again the next time", async () => {
  const { ask, cards } = asking((numbers) => numbers.filter((number) => number !== 2));
  const [one, two] = await Promise.allSettled([cards.ask(PLACE, 1), cards.ask(PLACE, 2)]);
  expect([one.status, two.status]).toEqual(["fulfilled", "rejected"]);
  await cards.ask(PLACE, 2).catch(() => undefined);
  expect(ask).toHaveBeenCalledTimes(2);
});

test("an answer that fails refuses all that it was to bring", async () => {
  const cards = new Cards({ ask: async () => Promise.reject(new Error("gone")) } as unknown as Pick<Client, "ask">);
  const found = await Promise.allSettled([1, 2].map((number) => cards.ask(PLACE, number)));
  expect(found.every(({ status }) => status === "rejected")).toBe(true);
});
