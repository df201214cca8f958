// Replaying cases: a token per move on a canvas above the map, at the moment of the log that the clock shows.
// The area of a token says for how many moves it stands, between the smallest dot that is seen and four times the usual radius.
const LARGEST_TOKEN = 4, SMALLEST_TOKEN = 1.2;
function replayer(canvas, getCy) {
  const state = { tokens: null, scene: null, lines: new Map(), now: 0, seconds: 60, isPlaying: false, last: 0, onTime: () => {}, active: 0 };
  const end = () => (state.tokens ? state.tokens.last : 0);

  function use(tokens, scene) {
    let last = 0;
    for (const moment of tokens.ends) if (moment > last) last = moment;
    const most = [...tokens.moves].sort((a, b) => a - b)[Math.floor(0.99 * tokens.moves.length)]; // a few that are far larger do not shrink the rest
    const single = Math.min(1, LARGEST_TOKEN / Math.sqrt(most));
    const sizes = tokens.moves.map((moves) => Math.min(LARGEST_TOKEN, single * Math.sqrt(moves)));
    state.tokens = { ...tokens, last, sizes };
    state.scene = scene;
    state.now = 0;
  }

  function measure() {
    state.lines.clear();
    const cy = getCy();
    if (!cy || !state.tokens) return;
    state.scene.edges.forEach((edge, number) => {
      const element = cy.getElementById(pathId(edge));
      if (element.nonempty()) state.lines.set(number, sampled(element));
    });
  }

  function draw() {
    const cy = getCy();
    const sharp = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== width * sharp || canvas.height !== height * sharp) Object.assign(canvas, { width: width * sharp, height: height * sharp });
    const pen = canvas.getContext("2d");
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    state.active = 0;
    if (!cy || !state.tokens) return;
    const { paths, begins, ends, sizes, moves } = state.tokens;
    const [zoom, pan] = [cy.zoom(), cy.pan()];
    const size = Math.max(2.2, Math.min(6, 5 * zoom));
    pen.beginPath();
    for (let i = 0; i < begins.length && begins[i] <= state.now; i++) {
      if (ends[i] < state.now) continue;
      const line = state.lines.get(paths[i]);
      if (!line) continue;
      const point = along(line, (state.now - begins[i]) / (ends[i] - begins[i]));
      const [x, y] = [point.x * zoom + pan.x, point.y * zoom + pan.y];
      const radius = Math.max(SMALLEST_TOKEN, sizes[i] * size);
      pen.moveTo(x + radius, y);
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      state.active += moves[i];
    }
    pen.fillStyle = state.colours.token;
    pen.fill();
    pen.lineWidth = 1;
    pen.strokeStyle = state.colours.paper;
    pen.stroke();
  }

  function frame(moment) {
    if (!state.isPlaying || !canvas.isConnected) return;
    state.now += ((moment - state.last) / 1000) * (end() / state.seconds);
    state.last = moment;
    if (state.now >= end()) [state.now, state.isPlaying] = [end(), false];
    draw();
    state.onTime();
    if (state.isPlaying) requestAnimationFrame(frame);
  }

  function play(isPlaying) {
    if (isPlaying && state.now >= end()) state.now = 0;
    state.isPlaying = isPlaying;
    state.last = performance.now();
    if (isPlaying) requestAnimationFrame(frame);
    state.onTime();
  }
  return { state, use, measure, draw, play, end, seek: (part) => { state.now = part * end(); draw(); state.onTime(); } };
}
