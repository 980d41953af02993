import { expect, test } from "vitest";
import { chatEdits, firstValue, formatClamps, parseClamps, steering, withClamp } from "./clamps";

test("clamps come back from an address as they were; what is none is passed over, and a feature is held once", () => {
  const clamps = parseClamps("5301:0,268:1.5:here,9:-2");
  expect(clamps).toEqual([
    { feature: 5301, value: 0, where: "all" },
    { feature: 268, value: 1.5, where: "here" },
    { feature: 9, value: -2, where: "all" },
  ]);
  expect(formatClamps(clamps)).toBe("5301:0,268:1.5:here,9:-2");
  expect(parseClamps("x:1,7,7:1,7:2,8:1e9")).toEqual([{ feature: 7, value: 1, where: "all" }]);
  expect(formatClamps(parseClamps(null))).toBeNull();
});

test("a clamp is added, changed and taken away, and the others stay where they are", () => {
  const one = withClamp(withClamp([], 3, { value: 0 }), 4, {});
  expect(formatClamps(one)).toBe("3:0,4:1");
  expect(formatClamps(withClamp(one, 3, { where: "here" }))).toBe("3:0:here,4:1");
  expect(formatClamps(withClamp(one, 3, null))).toBe("4:1");
});

test("what fires is taken out first, what is silent is put at its maximum", () => {
  expect(firstValue(2.5)).toBe(0);
  expect(firstValue(0)).toBe(1);
});

test("with an index values are multiples, without one they are activations", () => {
  const clamps = parseClamps("5:2:here,6:0.5");
  expect(steering(clamps, null)).toEqual([
    { feature: 5, operation: "clamp", value: 2, positions: "answer", raw: false },
    { feature: 6, operation: "clamp", value: 0.5, positions: "all", raw: false },
  ]);
  expect(steering(clamps, (feature) => feature * 10).map(({ value, raw }) => [value, raw])).toEqual([
    [100, true],
    [30, true],
  ]);
});

test("what is held can be taken to the chat", () => {
  expect(chatEdits(parseClamps("5:2:here,6:0.5"))).toEqual(["5:2:clamp:answer", "6:0.5"]);
});
