// A page of sections becomes a deck: reveal.js shows one section at a time and gives the speaker a window with notes.
//
// It stays a page to be read on a narrow screen and with ?page; ?slides makes slides of it anyway. The slides are laid
// out by the style sheet, in units that follow the window: reveal.js would scale them, and then figures and the lab
// would take the pointer for somewhere else.
(function () {
  "use strict";

  const root = document.documentElement;
  const asked = new URLSearchParams(location.search);
  // "receiver": the small frames in the speaker's window
  const isDeck = asked.has("receiver") || asked.has("slides") || (!asked.has("page") && matchMedia("(min-width: 700px)").matches);

  // Light and dark as everywhere in the book; T changes them and the book remembers.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function setTheme(mode) {
    root.dataset.mode = mode;
    root.dataset.theme = mode !== "auto" ? mode : dark.matches ? "dark" : "light";
  }
  dark.addEventListener("change", () => setTheme(root.dataset.mode));
  function turnLights() {
    const mode = root.dataset.theme === "dark" ? "light" : "dark";
    setTheme(mode);
    try { localStorage.setItem("mode", mode); } catch { /* a browser that forgets */ }
  }

  // what scrolls sideways on a narrow screen must be reached without a mouse
  function reach() {
    for (const block of document.querySelectorAll("pre")) if (block.scrollWidth > block.clientWidth) block.tabIndex = 0;
  }
  addEventListener("load", reach);
  addEventListener("resize", reach);

  if (!isDeck) return;
  root.classList.add("deck-on");
  const main = document.querySelector("main");
  main.classList.add("reveal");
  main.querySelector(".deck-slides").classList.add("slides");

  // The lab draws on a canvas, which no style sheet enlarges.
  const enlarge = () => root.style.setProperty("--ll-scale", 1.25 * parseFloat(getComputedStyle(root).fontSize) / 16);
  enlarge();
  addEventListener("resize", enlarge);

  // What answers to keys itself keeps them: the slides move on when it has lost the focus, by Escape or by a click.
  const ALIVE = ".linrep-lab, .linrep-figure, .quiz, button, select, input, textarea";
  const isAlive = (element) => Boolean(element.closest?.(ALIVE));

  const deck = new window.Reveal(main, {
    disableLayout: true,
    display: "flex",
    navigationMode: "linear",      // the arrows left out would be those to the answers
    center: false,
    hash: true,
    slideNumber: "c/t",
    viewDistance: 2,
    mobileViewDistance: 2,
    touch: false,                  // a swipe turns a figure, or moves a slider
    transition: "none",
    backgroundTransition: "none",
    autoAnimate: false,
    keyboardCondition: (event) => !isAlive(event.target),
  });
  window.linrepDeck = deck;

  // The speaker's window is a script of its own, loaded by whoever speaks.
  function openNotes() {
    if (deck.getPlugin("notes")) return deck.getPlugin("notes").open();
    const script = document.createElement("script");
    script.src = main.dataset.notes;
    script.onload = () => {
      deck.registerPlugin(window.RevealNotes());
      deck.getPlugin("notes").open();
    };
    document.head.append(script);
  }

  document.addEventListener("keydown", (event) => {
    if (!isAlive(event.target) || event.altKey || event.ctrlKey || event.metaKey) return;
    // a remote control sends these two, whatever was touched last
    if (event.key === "PageDown" || event.key === "PageUp") {
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "PageDown") deck.next();
      else deck.prev();
    }
  }, true);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isAlive(event.target) && !event.defaultPrevented) event.target.blur();
  });

  deck.initialize().then(() => {
    main.removeAttribute("role");  // reveal.js calls it an application, in which a screen reader could not read on
    deck.addKeyBinding({ keyCode: 83, key: "S", description: "Speaker notes" }, openNotes);
    deck.addKeyBinding({ keyCode: 84, key: "T", description: "Light or dark" }, turnLights);
    // what is hidden must not go on taking the keys
    deck.on("slidechanged", ({ previousSlide }) => {
      if (previousSlide?.contains(document.activeElement)) document.activeElement.blur();
    });
  });

  // a picture that waits for the reader would be missing on paper
  addEventListener("load", () => document.querySelectorAll("img[loading=lazy]").forEach((picture) => { picture.loading = "eager"; }));
})();
