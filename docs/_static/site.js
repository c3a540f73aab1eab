// What assistive technology misses in the theme's pages: names, levels, and keys for what scrolls.
document.querySelectorAll(".caption[role=heading]").forEach((each) => each.setAttribute("aria-level", "2"));
for (const [name, label] of [["sidebar-drawer", "Pages"], ["toc-drawer", "On this page"]]) {
  document.querySelector(`.${name}`)?.setAttribute("aria-label", label);
}
for (const label of document.querySelectorAll(".nav-overlay-icon, .toc-overlay-icon")) {
  const button = document.createElement("button"), drawer = label.control;
  button.className = label.className;
  button.setAttribute("aria-label", drawer.getAttribute("aria-label"));
  button.addEventListener("click", () => drawer.click());
  button.append(...label.childNodes);
  label.replaceWith(button);
}
const scrolling = new ResizeObserver((boxes) => boxes.forEach(({ target }) => {
  if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
  else target.removeAttribute("tabindex");
}));
document.querySelectorAll("pre, .table-wrapper").forEach((each) => scrolling.observe(each));
document.getElementById("search-results")?.insertAdjacentHTML("beforebegin", "<h1>Search</h1>");
