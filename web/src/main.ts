import { mount } from "svelte";
import "./tokens.css";
import "./base.css";
import Shell from "./shell/Shell.svelte";

mount(Shell, { target: document.getElementById("app")! });
