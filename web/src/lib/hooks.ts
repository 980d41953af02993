// Hook points as places in a model.

const KINDS: Record<string, string> = {
  resid_pre: "before layer",
  resid_post: "after layer",
  attn_out: "attention of layer",
  mlp_in: "into the MLP of layer",
  mlp_out: "MLP of layer",
  mlp_act: "neurons of layer",
  z: "heads of layer",
};

export interface Hook {
  kind: string;
  layer: number;
  /** As in "read after layer 19". */
  words: string;
}

/** Null for a hook point that has no layer. */
export function parseHook(text: string): Hook | null {
  const found = /^([a-z_]+)\.(\d+)$/.exec(text);
  if (!found) return null;
  const [, kind, layer] = found as unknown as [string, string, string];
  return { kind, layer: Number(layer), words: `${KINDS[kind] ?? kind} ${layer}` };
}

/** Where on a ruler of layers it stands: layer L reaches from L to L + 1, and its output is its right end. */
export function placeOf(hook: Hook): number {
  if (hook.kind === "resid_pre") return hook.layer;
  return hook.kind === "resid_post" || hook.kind === "mlp_out" ? hook.layer + 1 : hook.layer + 0.5;
}
