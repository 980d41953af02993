// Points on a canvas by WebGL 2: two buffers, one draw for those behind and one for those over them.
import { INK } from "./colours";
import { COLOUR, FAINT, RAISED, type Paint } from "./paint";
import type { Points } from "./points";
import type { Size, View } from "./view";

const COLOURS = INK + 1;

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in uint paint;
uniform vec2 middle, clip;
uniform float radius, raise, alpha, faint, ratio;
uniform bool over;
uniform vec3 colours[${COLOURS}];
out vec4 colour;
out float size;
void main() {
  bool raised = (paint & ${RAISED}u) != 0u;
  float r = radius * ratio * (raised ? raise : 1.0);
  size = 2.0 * r + 1.0;
  gl_PointSize = size;
  // what belongs to the other draw is put out of sight
  gl_Position = raised == over ? vec4((place - middle) * clip, 0.0, 1.0) : vec4(9.0, 9.0, 0.0, 1.0);
  float a = (paint & ${FAINT}u) != 0u ? alpha * faint : raised ? max(alpha, 0.92) : alpha;
  colour = vec4(colours[paint & ${COLOUR}u] * a, a);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in vec4 colour;
in float size;
out vec4 shown;
void main() {
  float off = length(gl_PointCoord - 0.5) * size;
  shown = colour * clamp(size * 0.5 - off, 0.0, 1.0);
}`;

export interface Look {
  /** Of a point, in pixels of the page. */
  radius: number;
  /** How many times larger those over the others are. */
  raise: number;
  alpha: number;
}

/** Small and thin where there are many, larger as one comes nearer. */
export function lookOf(size: number, nearer: number, area: number): Look {
  const room = Math.sqrt(area / Math.max(size, 1));
  const radius = Math.min(5, Math.max(0.5, 0.2 * room) * Math.min(4, nearer ** 0.4));
  return { radius, raise: 1.35, alpha: Math.min(0.85, 0.1 + 0.12 * room + 0.05 * (nearer - 1)) };
}

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly places: WebGLBuffer;
  private readonly paint: WebGLBuffer;
  private size = 0;
  /** Which of the two draws have points: 0 those behind, 1 those over them. */
  private draws: number[] = [];

  /** Throws where the browser has no WebGL 2. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, premultipliedAlpha: true });
    if (!gl) throw new Error("no WebGL 2");
    this.gl = gl;
    this.program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(kind)!;
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(gl.getProgramInfoLog(this.program) ?? "the shaders do not link");
    }
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.places = gl.createBuffer();
    this.paint = gl.createBuffer();
  }

  /** Sends the places of all points; those without one are put out of sight. */
  place({ x, y, size }: Points): void {
    const both = new Float32Array(2 * size);
    for (let i = 0; i < size; i++) {
      const known = !Number.isNaN(x[i]!);
      both[2 * i] = known ? x[i]! : 1e9;
      both[2 * i + 1] = known ? y[i]! : 1e9;
    }
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, both, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.size = size;
  }

  /** Sends what they look like. `colours` is of `tableOf`. */
  dress(paint: Paint, colours: Float32Array): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.paint);
    gl.bufferData(gl.ARRAY_BUFFER, paint, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribIPointer(1, 1, gl.UNSIGNED_BYTE, 0, 0);
    gl.uniform3fv(this.at("colours"), colours);
    this.draws = [0, 1].filter((over) => paint.some((one) => Number((one & RAISED) !== 0) === over));
  }

  draw(view: View, { width, height }: Size, look: Look, ratio: number): void {
    const { gl, canvas } = this;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
    gl.viewport(0, 0, w, h);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(this.at("middle"), view.x, view.y);
    gl.uniform2f(this.at("clip"), (2 * view.scale) / width, (2 * view.scale) / height);
    gl.uniform1f(this.at("radius"), look.radius);
    gl.uniform1f(this.at("raise"), look.raise);
    gl.uniform1f(this.at("alpha"), look.alpha);
    gl.uniform1f(this.at("faint"), 0.35);
    gl.uniform1f(this.at("ratio"), ratio);
    for (const over of this.draws) {
      gl.uniform1i(this.at("over"), over);
      gl.drawArrays(gl.POINTS, 0, this.size);
    }
  }

  /** Gives the graphics memory back. */
  close(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private at(name: string): WebGLUniformLocation | null {
    return this.gl.getUniformLocation(this.program, name);
  }
}
