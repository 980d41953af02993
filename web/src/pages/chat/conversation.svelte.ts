// The conversation as reactive state, and the one answer at a time that is being written for it.
import { chat, type ChatRequest } from "../../api/chat";
import { type ApiError, asApiError, isAborted } from "../../api/errors";
import { type Answer, isOpen, taken, textOf, waiting } from "./answers";
import { type Edit, editsOf, formatEdit, steeringOf } from "./edits";
import { freshSeed, type Settings } from "./settings";
import { answered, branches, chosen, EMPTY, grown, known, messages, shown, type Side, type Tree, type Turn, turnOf, unanswered } from "./tree";

/** How many of the strongest features are told of each token: as many as the API tells, so that few are missed. */
const TOLD = 20;

/** What a page asks with, beside the question. */
export interface With {
  settings: Settings;
  edits: readonly Edit[];
  /** Who answers, in this order. */
  sides: readonly Side[];
  /** What the model is told to be, for the side that is told so. */
  system: string;
}

interface Job {
  turn: number;
  side: Side;
  system: string;
  /** Whether it is written again to see that it stays the same. */
  replay?: boolean;
}

export interface Trouble {
  turn: number;
  side: Side;
  error: ApiError;
}

export class Conversation {
  tree: Tree = $state.raw(EMPTY);
  /** What is being written. */
  job: Job | null = $state.raw(null);
  trouble: Trouble | null = $state.raw(null);
  /** Whether the model has answered once, so that it is loaded. */
  warm = $state(false);
  readonly path: Turn[] = $derived(shown(this.tree));
  private controller = new AbortController();

  /** `kept` is called when an answer has ended. */
  constructor(
    private readonly model: string,
    private readonly d_sae: number,
    private readonly kept: (tree: Tree) => void,
  ) {}

  /** Asks a question after the turns that are shown, or beside others that follow `parent`. */
  ask(user: string, how: With, parent: number | null = this.path.at(-1)?.id ?? null): void {
    const turn = { parent, user, settings: how.settings, edits: how.edits.map(formatEdit), answers: {} };
    const { tree, id } = grown(this.tree, turn);
    this.tree = tree;
    void this.run(how.sides.flatMap((side) => this.missing(id, side, how.system)));
  }

  /** The same question with another seed, other edits or other words, as a branch. */
  branch(turn: Turn, how: With, user = turn.user): void {
    this.ask(user, how, turn.parent);
  }

  /** A seed that none of the branches beside a turn has. */
  freshSeed(turn: Turn): number {
    return freshSeed(branches(this.tree, turn.parent).map(({ settings }) => settings.seed), turn.settings.seed);
  }

  /** Lets a side answer what it has not answered yet, up to a turn. */
  fill(turn: Turn, side: Side, system: string): void {
    void this.run(this.missing(turn.id, side, system));
  }

  /** Writes the same answers again. */
  replay(turn: Turn, sides: readonly Side[], system: string): void {
    void this.run(sides.filter((side) => turn.answers[side]?.state === "done").map((side) => ({ turn: turn.id, side, system, replay: true })));
  }

  /** Writes an answer anew that was stopped or has failed, and then those of other sides that never came to be asked for. */
  again(turn: Turn, side: Side, { sides, system }: Pick<With, "sides" | "system">): void {
    const others = sides.filter((other) => other !== side).flatMap((other) => this.missing(turn.id, other, system));
    void this.run([{ turn: turn.id, side, system }, ...others]);
  }

  show(turn: Turn): void {
    this.stop();
    this.tree = chosen(this.tree, turn);
    this.kept(this.tree);
  }

  clear(): void {
    this.stop();
    this.trouble = null;
    this.tree = EMPTY;
    this.kept(this.tree);
  }

  /** Ends what is being written; what is there of it stays. */
  stop(): void {
    this.controller.abort();
  }

  private missing(id: number, side: Side, system: string): Job[] {
    return unanswered(this.tree, id, side)
      .filter((turn) => side !== "steered" || turn.edits.length > 0)
      .map((turn) => ({ turn: turn.id, side, system }));
  }

  private async run(jobs: readonly Job[]): Promise<void> {
    this.stop();
    const controller = (this.controller = new AbortController());
    this.trouble = null;
    for (const job of jobs) {
      if (controller.signal.aborted || !turnOf(this.tree, job.turn)) break;
      this.job = job;
      const ended = await this.write(job, controller.signal);
      if (this.controller === controller) this.job = null;
      this.kept(this.tree);
      if (!ended) break;
    }
  }

  /** One answer; whether the next one can be asked for. */
  private async write(job: Job, signal: AbortSignal): Promise<boolean> {
    const turn = turnOf(this.tree, job.turn)!;
    const before = turn.answers[job.side] ?? null;
    const key = JSON.stringify([turn.settings, job.side === "steered" || job.side === "random" ? turn.edits : "", job.side === "prompt" ? job.system : ""]);
    const found = job.replay ? null : known(this.tree, turn, job.side, key);
    if (found) {
      this.put(job, found);
      return true;
    }
    let answer = waiting(key);
    let first = 0;
    this.put(job, answer);
    try {
      for await (const piece of chat(this.request(turn, job), signal)) {
        answer = taken(answer, piece);
        first ||= answer.cells.length ? performance.now() : 0;
        this.warm = true;
        this.put(job, answer);
      }
      const seconds = (performance.now() - first) / 1000;
      const rate = answer.cells.length > 1 && seconds > 0 ? (answer.cells.length - 1) / seconds : null;
      this.put(job, { ...answer, state: "done", rate, same: job.replay && before ? textOf(answer) === textOf(before) : null });
      return true;
    } catch (error) {
      // A replay that is given up leaves what was there; what has not begun leaves nothing.
      if (job.replay && before) this.put(job, before);
      else this.put(job, answer.cells.length || !isAborted(error) ? { ...answer, state: isAborted(error) ? "stopped" : "failed" } : { ...answer, state: "stopped" });
      if (!isAborted(error)) this.trouble = { turn: job.turn, side: job.side, error: asApiError(error) };
      return false;
    }
  }

  private put({ turn, side }: Job, answer: Answer): void {
    this.tree = answered(this.tree, turn, side, answer);
  }

  private request(turn: Turn, { side, system }: Job): ChatRequest {
    const query = new URLSearchParams(turn.edits.map((edit) => ["edit", edit]));
    const edits = side === "steered" || side === "random" ? (editsOf(query, this.d_sae) ?? []) : [];
    return {
      model: this.model,
      messages: messages(this.tree, turn.id, side, side === "prompt" ? system : null),
      seed: turn.settings.seed,
      temperature: turn.settings.temperature,
      max_tokens: turn.settings.most,
      features: TOLD,
      ...(edits.length ? { steering: steeringOf(edits) } : {}),
      // The seed of the answer draws the random features, too: another seed is another draw.
      ...(side === "random" ? { control: turn.settings.seed } : {}),
    };
  }

  /** Whether an answer is on its way. */
  get busy(): boolean {
    return this.job !== null || this.path.some(({ answers }) => Object.values(answers).some(isOpen));
  }
}
