// Light or dark: the system's choice until somebody switches.

const KEY = "monosema.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

class Theme {
  dark = $state(document.documentElement.dataset.theme === "dark" || (!document.documentElement.dataset.theme && system.matches));

  constructor() {
    system.addEventListener("change", () => {
      if (!document.documentElement.dataset.theme) this.dark = system.matches;
    });
  }

  /** To the other one; back at the system's choice nothing is remembered. */
  toggle(): void {
    this.dark = !this.dark;
    const chosen = this.dark === system.matches ? null : this.dark ? "dark" : "light";
    if (chosen) document.documentElement.dataset.theme = chosen;
    else delete document.documentElement.dataset.theme;
    try {
      if (chosen) localStorage.setItem(KEY, chosen);
      else localStorage.removeItem(KEY);
    } catch {
      // Storage may be forbidden; then the choice holds for this page.
    }
  }
}

export const theme = new Theme();
