"use strict";
(() => {
  const root = document.documentElement;
  for (const input of document.querySelectorAll("#layout-switch input")) {
    input.addEventListener("change", () => { root.dataset.layout = input.value; });
    if (input.checked) root.dataset.layout = input.value;
  }
  const fold = document.getElementById("fold");
  fold?.addEventListener("click", () => {
    const steps = [...document.querySelectorAll("details.steps")];
    const open = steps.some((one) => one.open);
    for (const one of steps) one.open = !open;
    fold.textContent = open ? "Unfold all steps" : "Fold all steps";
  });
  const theme = document.getElementById("theme");
  const dark = () => root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => { theme.textContent = dark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; name(); });
  name();
  // A link to a step opens what it stands in.
  const reveal = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (!target) return;
    const layout = target.closest(".in-numerator") ? "numerator"
      : target.closest(".in-denominator") ? "denominator" : null;
    if (layout && root.dataset.layout !== layout) {
      document.querySelector(`#layout-switch input[value="${layout}"]`)?.click();
    }
    for (let up = target; up; up = up.parentElement) if (up.tagName === "DETAILS") up.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const one of document.querySelectorAll("details.steps")) one.open = true;
  });
  // Pointing at a term lights up the way that it stands for.
  for (const figure of document.querySelectorAll("figure.paths")) {
    const elements = [...figure.querySelectorAll("[data-edge], [data-node], [data-label]")];
    const arrow = (lit) => `url(#${figure.dataset.graph}-arrow${lit ? "-lit" : ""})`;
    const show = (ids) => {
      for (const element of elements) {
        const lit = ids.has(element.dataset.edge ?? element.dataset.node ?? element.dataset.label);
        element.classList.toggle("lit", lit);
        if (element.dataset.edge) element.setAttribute("marker-end", arrow(lit));
      }
    };
    let kept = null;
    const of = (term) => new Set(term ? term.dataset.ids.split(" ") : []);
    for (const term of figure.querySelectorAll(".term")) {
      term.addEventListener("pointerenter", () => show(of(term)));
      term.addEventListener("pointerleave", () => show(of(kept)));
      term.addEventListener("focus", () => show(of(term)));
      term.addEventListener("blur", () => show(of(kept)));
      term.addEventListener("click", () => {
        kept?.classList.remove("lit");
        kept = kept === term ? null : term;
        kept?.classList.add("lit");
        show(of(kept));
      });
    }
  }
})();
