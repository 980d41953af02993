// Before the first paint: the theme that was chosen, so that no page flashes in the other one.
try {
  const theme = localStorage.getItem("monosema.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the system's theme holds.
}
