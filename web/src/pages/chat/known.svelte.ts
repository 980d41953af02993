// Records of features that the page names, asked for once each.
import { feature } from "../../api/features";
import type { FeatureRecord } from "../../api/records";
import { nameOf } from "../../lib/names";
import type { Place } from "../../shell/place";

export class Known {
  private records: Readonly<Record<number, FeatureRecord>> = $state.raw({});
  private readonly asked = new Set<number>();

  constructor(private readonly place: () => Place) {}

  of(number: number): FeatureRecord | null {
    return this.records[number] ?? null;
  }

  /** Its name; a dash until that is known. */
  name(number: number): string {
    const record = this.of(number);
    return record ? nameOf(record) : "–";
  }

  /** Asks for those that nobody has asked for yet. */
  want(numbers: readonly number[]): void {
    const missing = numbers.filter((number) => !this.asked.has(number));
    if (!missing.length) return;
    for (const number of missing) this.asked.add(number);
    const found = missing.map((number) =>
      feature(this.place(), number).catch(() => {
        this.asked.delete(number);
        return null;
      }),
    );
    void Promise.all(found).then((records) => {
      const rows = records.filter((record) => record !== null).map((record) => [record.number, record] as const);
      this.records = { ...this.records, ...Object.fromEntries(rows) };
    });
  }
}
