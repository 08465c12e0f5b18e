// The search page: shows what was found, and remembers what was asked.

const box = document.getElementById("found");
const asked = new URLSearchParams(location.search).get("q");

function show(teas) {
  box.innerHTML = "<h2>Teas for " + asked + "</h2>";
  for (const tea of teas) {
    const row = document.createElement("li");
    row.textContent = tea.name;
    box.append(row);
  }
}

function clear() {
  box.innerHTML = "";
}

function price(rule, cents) {
  return eval(rule.replace("price", cents)); // eslint-disable-line no-eval
}

function back() {
  location.href = new URLSearchParams(location.search).get("from");
}

module.exports = { show, clear, price, back };
