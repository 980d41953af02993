// What clusters are called, and where their labels stand.
import { brief, widthOf, type Label } from "./labels";
import type { Cluster, Points } from "./points";

/** The name that most of its central features share, else that of the most central one; null where none has a name. */
export function nameOfCluster({ central }: Cluster): string | null {
  const names = central.map(({ name }) => name?.text).filter((text) => text !== undefined);
  const times = (text: string) => names.filter((other) => other === text).length;
  return names.reduce<string | null>((best, one) => (best !== null && times(best) >= times(one) ? best : one), null);
}

/** Room around a label, so that a map is not all words before one zooms in. */
const ROOM = { width: 44, height: 38 };

/** Labels of the clusters that have a name, the largest first. Each stands at the most central feature: that is really there. */
export function labelsOf(clusters: readonly Cluster[], { x, y }: Points): Label[] {
  return clusters.flatMap((cluster) => {
    const name = nameOfCluster(cluster);
    const point = cluster.central[0]?.point;
    if (name === null || point === undefined || Number.isNaN(x[point]!)) return [];
    const text = brief(name);
    return [{ id: String(cluster.number), text, x: x[point]!, y: y[point]!, width: widthOf(text) + ROOM.width, height: ROOM.height }];
  });
}
