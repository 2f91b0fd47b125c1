// Figures: a picture is on the page from the start; plotly comes when the reader does.
//
// Nothing is loaded until the reader has made a first move (scroll, pointer, key, touch) and the figure is
// near the viewport. Then the smallest plotly bundle that draws the figure takes the picture's place,
// at the same size, in the colours of the page. Switching between light and dark recolours what is drawn.
(function () {
  "use strict";

  var PALETTE = ["#3b76af", "#d9772b", "#3f9459", "#b8527a", "#7a6bb0", "#8c6d4f", "#4f9fb8", "#a89132"];
  var INK = {
    light: { text: "#2b3036", muted: "#5b636d", grid: "#e3e6ea", line: "#b5bcc4", panel: "#ffffff" },
    dark: { text: "#dfe3e8", muted: "#a9b1bb", grid: "#343a42", line: "#5f6873", panel: "#22272e" },
  };
  var LEGEND_BELOW = 62; // pixels under a narrow plot, where the axis has said its title
  var FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";
  // Nothing that a reader does may send a figure to somebody else: plotly's own "Share chart" goes.
  var CONFIG = { displaylogo: false, displayModeBar: "hover", scrollZoom: false, responsive: false,
    plotlyServerURL: "", modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"] };

  // What a figure looks like wherever it did not choose for itself.
  function template(ink, narrow) {
    var axis = { gridcolor: ink.grid, linecolor: ink.line, zerolinecolor: ink.line, tickcolor: ink.line,
      automargin: true, title: { standoff: 8 }, ticks: "" };
    var axis3d = { gridcolor: ink.grid, linecolor: ink.line, zerolinecolor: ink.line, showbackground: false };
    return { layout: {
      colorway: PALETTE,
      font: { family: FONT, size: narrow ? 12 : 13, color: ink.text },
      title: { font: { size: narrow ? 14 : 16 }, x: 0, xref: "paper", xanchor: "left" },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      xaxis: axis, yaxis: axis, scene: { xaxis: axis3d, yaxis: axis3d, zaxis: axis3d },
      legend: { bgcolor: "rgba(0,0,0,0)" },
      hoverlabel: { bgcolor: ink.panel, bordercolor: ink.line, font: { family: FONT, color: ink.text } },
      colorscale: { sequential: "Viridis" },
      coloraxis: { colorbar: { outlinewidth: 0, thickness: 14 } },
    } };
  }

  // On a slide everything follows the size of the window, and is read from the last row: so do a figure's words, marks and margins.
  function scale() {
    var root = document.documentElement;
    return root.classList.contains("deck-on") ? 1.25 * parseFloat(getComputedStyle(root).fontSize) / 16 : 1;
  }

  function enlarged(value, by, within) {
    if (by === 1 || !value || typeof value !== "object") return value;
    if (Array.isArray(value) && typeof value[0] !== "object") return value;
    if (Array.isArray(value)) return value.map(function (item) { return enlarged(item, by, within); });
    return Object.keys(value).reduce(function (made, key) {
      var counts = typeof value[key] === "number" && (key === "size" ? /font$|^marker$/.test(within)
        : key === "width" ? within === "line" : within === "margin" && key !== "pad");
      made[key] = counts ? value[key] * by : enlarged(value[key], by, key);
      return made;
    }, {});
  }

  // plotly's own sliders and buttons answer to no keyboard and are too small for a thumb: `controls` below
  // puts the browser's in their place. Annotations do not read the template, so they are set one by one.
  function styled(figure, theme, width, height) {
    var by = scale(), ink = INK[theme], narrow = width < 520 * by;
    var layout = Object.assign({}, figure.layout, { template: template(ink, narrow), width: width, height: height, autosize: false });
    var titled = layout.title && (layout.title.text || typeof layout.title === "string");
    layout.margin = Object.assign(narrow ? { l: 44, r: 12, b: 44 } : { l: 60, r: 24, b: 52 }, { t: titled ? 48 : 14 }, layout.margin);
    if (layout.scene && !(layout.xaxis || layout.yaxis)) layout.margin = Object.assign({}, layout.margin, { l: 0, r: 0, b: 0 });
    if (narrow) {
      // side by side does not fit: the legend goes below the plot and the title of its axis, and the plot takes the width
      var below = -LEGEND_BELOW / (height / by - layout.margin.t - layout.margin.b);
      var legend = Object.assign({}, layout.legend, { orientation: "h", x: 0, xanchor: "left", y: below, yanchor: "top" });
      layout.legend = legend;
      layout.margin.l = Math.min(layout.margin.l, 44); layout.margin.r = Math.min(layout.margin.r, 16);
    }
    delete layout.sliders;
    delete layout.updatemenus;
    layout.annotations = (layout.annotations || []).map(function (a) {
      return Object.assign({ arrowcolor: ink.muted }, a, { font: Object.assign({ color: ink.text }, a.font) });
    });
    return enlarged(layout, by, "layout");
  }

  // Called by the notebook runner: the same styling makes the picture that stands here before the plot does.
  window.linrepPicture = function (figure, width, height) {
    var gd = document.createElement("div");
    document.body.appendChild(gd);
    var layout = styled(figure, "light", width, height);
    return window.Plotly.newPlot(gd, figure.data, layout, { staticPlot: true })
      .then(function () { return window.Plotly.toImage(gd, { format: "png", width: width, height: height, scale: 2 }); });
  };

  var script = document.currentScript;
  if (!script || !script.src) return;
  var base = script.src.replace(/[^/]*$/, "");

  function theme() { return document.documentElement.dataset.theme === "dark" ? "dark" : "light"; }

  var scripts = {};                       // address -> promise: every script is loaded once
  function load(src) {
    return scripts[src] || (scripts[src] = new Promise(function (resolve, reject) {
      var el = document.createElement("script");
      el.src = src; el.onload = resolve;
      el.onerror = function () { reject(new Error("could not load " + src)); };
      document.head.appendChild(el);
    }));
  }

  var bundles = {};                       // name -> promise of that bundle's Plotly: each sets window.Plotly anew
  var queue = Promise.resolve();
  function plotly(name) {
    return bundles[name] || (bundles[name] = queue = queue.then(function () {
      return load(base + "plotly/plotly-" + name + ".min.js").then(function () { return window.Plotly; });
    }));
  }

  // as laid out: while all slides are seen at a glance they are scaled down
  function size(stage) { return [stage.offsetWidth, stage.offsetHeight]; }

  // The figure's sliders, buttons and menus, as the browser's own, in a row that the page kept free for them.
  function controls(Plotly, plot, layout, row) {
    function act(step) {
      if (step.method !== "skip") Plotly[step.method].apply(Plotly, [plot].concat(step.args || []));
    }
    (layout.updatemenus || []).forEach(function (menu) {
      if (menu.visible === false) return;
      var box = row.appendChild(document.createElement(menu.type === "buttons" ? "div" : "select"));
      if (menu.type === "buttons") box.className = "linrep-buttons";
      else box.setAttribute("aria-label", menu.name || "What the figure shows");
      menu.buttons.forEach(function (button, index) {
        var item = box.appendChild(document.createElement(menu.type === "buttons" ? "button" : "option"));
        item.textContent = button.label;
        if (menu.type !== "buttons") { item.value = index; return; }
        item.type = "button";
        item.addEventListener("click", function () { act(button); });
      });
      if (menu.type === "buttons") return;
      box.value = menu.active || 0;
      box.addEventListener("change", function () { act(menu.buttons[box.value]); });
    });
    (layout.sliders || []).forEach(function (slider) {
      if (slider.visible === false) return;
      var label = row.appendChild(document.createElement("label"));
      var says = label.appendChild(document.createElement("span")), input = label.appendChild(document.createElement("input"));
      var shown = slider.currentvalue || {};
      input.type = "range"; input.min = 0; input.max = slider.steps.length - 1; input.step = 1;
      // as wide as its longest words, so that the slider does not move under the thumb
      says.style.minWidth = Math.max.apply(null, slider.steps.map(function (step) { return text(step).length; })) + "ch";
      function text(step) { return (shown.prefix || "") + (step.label || "") + (shown.suffix || ""); }
      function show(index) {
        input.value = index;
        says.textContent = text(slider.steps[index]);
        input.setAttribute("aria-valuetext", slider.steps[index].label || String(index));
      }
      show(slider.active || 0);
      input.addEventListener("input", function () { show(+input.value); act(slider.steps[input.value]); });
      // while it plays, the slider follows
      plot.on("plotly_animatingframe", function (event) {
        slider.steps.forEach(function (step, index) {
          if (step.method === "animate" && [].concat((step.args || [])[0])[0] === event.name) show(index);
        });
      });
    });
  }

  // Where marks carry [words, fragment of the lab], the one that is pointed at or touched is told below the plot, with
  // a link that opens it: a label at the pointer cannot hold a link.
  function tell(Plotly, plot, told) {
    var words = told.appendChild(document.createElement("span")), link = told.appendChild(document.createElement("a"));
    link.textContent = "Open in the lab"; link.hidden = true;
    ["plotly_hover", "plotly_click"].forEach(function (name) {
      plot.on(name, function (event) {
        var said = event.points[0].customdata;
        if (!said || said.length !== 2) return;
        words.textContent = said[0] + " ";
        link.href = (document.documentElement.dataset.content_root || "") + "book/lab/the-lab.html#" + said[1];
        link.hidden = !said[1];             // the lab has no room for the largest dimensions
      });
    });
    words.textContent = "Point at a cell, or touch it.";
    // said below, it need not be said again over the neighbours
    var marked = plot.data.map(function (_, index) { return index; }).filter(function (index) { return plot.data[index].customdata; });
    return Plotly.restyle(plot, { hovertemplate: "", hoverinfo: "none" }, marked);
  }

  function draw(el) {
    if (el.dataset.state) return;
    el.dataset.state = "loading";
    Promise.all([plotly(el.dataset.bundle), load(el.dataset.src)]).then(function (loaded) {
      var Plotly = loaded[0], figure = window.linrepFigures[el.dataset.name];
      var stage = el.querySelector(".linrep-stage");
      var plot = document.createElement("div");
      plot.className = "linrep-plot";
      stage.appendChild(plot);
      var now = size(stage);
      return Plotly.newPlot(plot, enlarged(figure.data, scale(), "data"), styled(figure, theme(), now[0], now[1]), CONFIG).then(function () {
        return figure.frames && figure.frames.length ? Plotly.addFrames(plot, figure.frames) : null;
      }).then(function () {
        // a screen reader is told by the picture below what the figure shows; the hundreds of marks say nothing to it
        plot.querySelectorAll(".main-svg, .gl-container").forEach(function (part) { part.setAttribute("aria-hidden", "true"); });
        var row = el.querySelector(".linrep-controls");
        if (row) controls(Plotly, plot, figure.layout, row);
        var told = el.querySelector(".linrep-told");
        if (told) tell(Plotly, plot, told);
        el.dataset.state = "drawn";
        el.linrepRestyle = function () {
          var s = size(stage), fresh = styled(figure, theme(), s[0], s[1]);
          // the view that the reader turned or zoomed to stays
          ["xaxis", "yaxis"].forEach(function (key) {
            var old = plot.layout[key];
            if (old && old.range && old.autorange === false) fresh[key] = Object.assign({}, fresh[key], { range: old.range.slice(), autorange: false });
          });
          if (plot.layout.scene && plot.layout.scene.camera) fresh.scene = Object.assign({}, fresh.scene, { camera: plot.layout.scene.camera });
          return Plotly.react(plot, plot.data, fresh, CONFIG);
        };
        var last = now.join();
        new ResizeObserver(function () {
          var s = size(stage);
          if (s[0] && s.join() !== last) { last = s.join(); el.linrepRestyle(); }
        }).observe(stage);
      });
    }).catch(function (error) {
      el.dataset.state = "failed";        // the picture stays
      console.error(error);
    });
  }

  function start() {
    var figures = document.querySelectorAll(".linrep-figure[data-src]");
    if (!figures.length) return;
    var near = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) { if (entry.isIntersecting) { near.unobserve(entry.target); draw(entry.target); } });
    }, { rootMargin: "400px 0px" });
    figures.forEach(function (el) { near.observe(el); });
    new MutationObserver(function () {
      figures.forEach(function (el) { if (el.linrepRestyle) el.linrepRestyle(); });
    }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  }

  // The first move of the reader, whatever it is, starts the watching.
  var MOVES = ["scroll", "pointermove", "pointerdown", "keydown", "touchstart", "wheel"];
  function moved(event) {
    // the theme scrolls the contents in the sidebar by itself
    if (event.type === "scroll" && event.target !== document) return;
    // a browser may tell of a mouse at rest when the page below it is laid out
    if (event.type === "pointermove" && !event.movementX && !event.movementY) return;
    MOVES.forEach(function (name) { window.removeEventListener(name, moved, true); });
    start();
  }
  MOVES.forEach(function (name) { window.addEventListener(name, moved, { capture: true, passive: true }); });
})();
