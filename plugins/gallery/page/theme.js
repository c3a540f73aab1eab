// Light or dark: as the system says, or as was chosen. Runs before the page is shown.
"use strict";
(() => {
  const KEY = "neatfool gallery theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a browser may forbid it on pages from disk
    }
  }

  let chosen = remembered();
  const isDark = () => (chosen ? chosen === "dark" : system.matches);

  function apply() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    document.getElementById("theme")?.setAttribute("aria-pressed", String(isDark()));
  }

  function toggle() {
    chosen = isDark() ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // It holds until the page is left.
    }
    apply();
  }

  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", toggle);
  });
  apply();
})();
