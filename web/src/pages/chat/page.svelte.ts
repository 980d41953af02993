// What the page shows and asks with: held in the address, kept in this tab, shared by its parts.
import { untrack } from "svelte";
import { doses } from "../../api/doses";
import type { DoseRecord } from "../../api/records";
import { resource } from "../../api/resource.svelte";
import { router } from "../../lib/router.svelte";
import type { Place } from "../../shell/place";
import type { Answer, Cell } from "./answers";
import { Conversation } from "./conversation.svelte";
import { leadOf } from "./doses";
import { conceptName, type Edit, editQuery, editsOf, formatEdit, keyOf, NONE } from "./edits";
import type { Saved } from "./file";
import { Known } from "./known.svelte";
import { type Settings, settingsOf, settingsQuery } from "./settings";
import { keep, storeKey, unpack } from "./store";
import { chosen, settled, type Side, type Turn } from "./tree";

/** Who may stand beside the steered model. */
export type Beside = Exclude<Side, "steered">;
export const BESIDE: readonly { id: Beside; name: string; title: string; says: string }[] = [
  { id: "plain", name: "plain", title: "Plain", says: "the model as it is" },
  { id: "prompt", name: "a prompt", title: "Prompted", says: "the plain model, told in words" },
  { id: "random", name: "random features", title: "Random", says: "other features, edited with equal norm" },
];
/** The stored dose to begin with, where there is one. */
const FIRST = "golden_gate_bridge";

/** A token of an answer. */
export interface Spot {
  turn: number;
  side: Side;
  cell: number;
}

export class Page {
  readonly conversation: Conversation;
  readonly known: Known;
  /** The token that was clicked, and the one that is pointed at. */
  chosen: Spot | null = $state.raw(null);
  pointed: Spot | null = $state.raw(null);

  private readonly storage = storageOfTab();
  private readonly key: string;
  /** The query as it was when it last told an edit, in this tab. */
  private last: URLSearchParams | null = null;
  private begun = false;

  constructor(readonly place: () => Place) {
    const { study, sae, record } = place();
    this.key = storeKey(study, sae);
    this.known = new Known(place);
    this.conversation = new Conversation(`${study}/${sae}`, record.d_sae, () => this.store());
    const kept = unpack(this.read());
    if (kept) {
      this.conversation.tree = settled(kept.tree);
      this.last = new URLSearchParams(kept.query);
    }
  }

  private readonly asked = resource(
    () => this.place(),
    (place, signal) => doses(place, signal),
  );

  readonly doses: readonly DoseRecord[] = $derived(this.asked.value?.records ?? []);
  /** What finds a dose; null until it is known that there is none. */
  readonly command: string | null = $derived(this.asked.value?.command ?? null);
  readonly edits: readonly Edit[] = $derived.by(() => editsOf(router.route.query, this.place().record.d_sae) ?? []);
  readonly settings: Settings = $derived(settingsOf(router.route.query));
  readonly beside: (typeof BESIDE)[number] = $derived(BESIDE.find(({ id }) => id === router.route.query.get("beside")) ?? BESIDE[0]!);
  /** What the model is told to be, for the side that is told so. */
  readonly system: string = $derived(router.route.query.get("told") ?? this.usualSystem());
  /** The feature that colours the tokens: where nothing is said, the first that is edited. */
  readonly by: number | null = $derived.by(() => {
    const asked = router.route.query.get("by");
    if (asked === NONE) return null;
    return /^\d+$/.test(asked ?? "") ? Number(asked) : (this.leads()[0] ?? null);
  });
  /** Every feature that the edits touch. */
  readonly edited: ReadonlySet<number> = $derived.by(
    () => new Set(this.edits.flatMap((edit) => (edit.kind === "feature" ? [edit.number] : (this.dose(edit.concept)?.best.features.map(({ number }) => number) ?? [])))),
  );
  /** The token to tell of, with its answer. */
  readonly looked: { spot: Spot; answer: Answer; cell: Cell } | null = $derived.by(() => {
    const spot = this.pointed ?? this.chosen;
    const answer = this.conversation.path.find(({ id }) => id === spot?.turn)?.answers[spot!.side];
    const cell = answer?.cells[spot!.cell];
    return spot && answer && cell ? { spot, answer, cell } : null;
  });

  /** The question that the shown conversation begins with. */
  private readonly first: string | null = $derived.by(() => this.conversation.path[0]?.user ?? null);

  dose(concept: string): DoseRecord | null {
    return this.doses.find((record) => record.concept === concept) ?? null;
  }

  /** Features that the edits name, the one that carries most of a dose for the whole. */
  leads(): number[] {
    const all = this.edits.map((edit) => (edit.kind === "feature" ? edit.number : leadOf(this.dose(edit.concept))));
    return [...new Set(all.filter((number) => number !== null))];
  }

  /** Looks at a token while the pointer is on it, and after that until another, or the chosen one, takes its place. */
  point(spot: Spot | null): void {
    if (spot || this.chosen) this.pointed = spot;
  }

  choose(spot: Spot | null): void {
    this.chosen = spot;
    this.pointed = null;
  }

  setEdits(edits: readonly Edit[]): void {
    router.set({ edit: editQuery(edits) });
  }

  replaceEdit(place: number, edit: Edit | null): void {
    this.setEdits(this.edits.flatMap((old, i) => (i === place ? (edit ? [edit] : []) : [old])));
  }

  /** Adds an edit, in the place of one of the same thing. */
  addEdit(edit: Edit): void {
    const same = (old: Edit) => (old.kind === "feature" && edit.kind === "feature" ? old.number === edit.number : old.kind === "dose" && edit.kind === "dose" && old.concept === edit.concept);
    this.setEdits([...this.edits.filter((old) => !same(old)), edit]);
  }

  set(settings: Partial<Settings>): void {
    router.set(settingsQuery({ ...this.settings, ...settings }));
  }

  how(settings: Settings = this.settings) {
    const sides: Side[] = [...(this.edits.length ? ["steered" as const] : []), ...(this.beside.id === "random" && !this.edits.length ? [] : [this.beside.id])];
    return { settings, edits: this.edits, sides, system: this.system };
  }

  ask(user: string): void {
    this.choose(null);
    this.conversation.ask(user, this.how());
  }

  /** Whether a turn was answered with other edits than the present ones. */
  differs(turn: Turn): boolean {
    return turn.edits.join(" ") !== keyOf(this.edits);
  }

  /** The last question again, with the present edit and settings. */
  again(): void {
    const last = this.conversation.path.at(-1);
    if (last) this.conversation.branch(last, this.how());
  }

  compare(beside: Beside): void {
    router.set({ beside: beside === "plain" ? null : beside });
    const last = this.conversation.path.at(-1);
    if (last && (beside !== "random" || this.edits.length)) this.conversation.fill(last, beside, this.system);
  }

  saved(): Saved {
    const { study, sae } = this.place();
    return { study, sae, edits: [...this.edits], settings: this.settings, prompt: this.conversation.path[0]?.user ?? null };
  }

  /** Runs as an effect: keeps address and conversation together. */
  follow(): void {
    const { query } = router.route;
    if (!query.has("edit")) {
      this.restore(query);
      return;
    }
    // The page as this tab left it asks nothing; another address does.
    if (!this.begun && this.last?.toString() !== query.toString()) untrack(() => this.begin(query.get("q")));
    this.begun = true;
    this.last = query;
    if (this.first !== query.get("q")) router.set({ q: this.first });
    untrack(() => this.store());
  }

  /** An address without an edit: as this tab remembers it, else a stored dose. */
  private restore(query: URLSearchParams): void {
    if (this.last) {
      this.begun = true;
      const back = new URLSearchParams(this.last);
      for (const key of query.keys()) back.delete(key);
      router.set(Object.fromEntries([...new Set(back.keys())].map((key) => [key, back.getAll(key)])));
      return;
    }
    if (!this.asked.value && !this.asked.error) return;
    const dose = this.dose(FIRST) ?? this.doses[0];
    router.set({ edit: dose ? [formatEdit({ kind: "dose", concept: dose.concept, value: 1 })] : NONE });
  }

  /** A link that tells a question: the branch that asked it so, else it is asked. */
  private begin(user: string | null): void {
    if (!user) return;
    const { tree } = this.conversation;
    const same = tree.turns.findLast((turn) => turn.parent === null && turn.user === user && turn.settings.seed === this.settings.seed && !this.differs(turn));
    if (same) this.conversation.tree = chosen(tree, same);
    else this.conversation.ask(user, this.how(), null);
  }

  private usualSystem(): string {
    const [first] = this.edits;
    if (!first) return "";
    const what = first.kind === "dose" ? `the ${conceptName(first.concept)}` : `“${this.known.name(first.number)}”`;
    return first.kind === "dose" ? `Talk about ${what} whatever you are asked.` : `Bring ${what} into whatever you say.`;
  }

  private read(): string | null {
    try {
      return this.storage?.getItem(this.key) ?? null;
    } catch {
      return null;
    }
  }

  private store(): void {
    keep(this.storage, this.key, { tree: this.conversation.tree, query: router.route.query.toString() });
  }
}

function storageOfTab(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
