import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { whileSeen } from "./seen";

class Page extends EventTarget {
  hidden = false;
  turn(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a page that is seen looks again and again, until it is ended", () => {
  const call = vi.fn();
  const end = whileSeen(call, 15_000, new Page());
  expect(call).toHaveBeenCalledTimes(0);
  vi.advanceTimersByTime(30_000);
  expect(call).toHaveBeenCalledTimes(2);
  end();
  vi.advanceTimersByTime(60_000);
  expect(call).toHaveBeenCalledTimes(2);
});

test("a hidden page asks nothing, and looks at once when it is seen again", () => {
  const call = vi.fn();
  const page = new Page();
  const end = whileSeen(call, 15_000, page);
  page.turn(true);
  vi.advanceTimersByTime(60_000);
  expect(call).toHaveBeenCalledTimes(0);
  page.turn(false);
  expect(call).toHaveBeenCalledTimes(1);
  end();
  page.turn(false);
  expect(call).toHaveBeenCalledTimes(1);
});
