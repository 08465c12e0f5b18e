// The basket in the browser: what lies in it, and what it costs.

const basket = JSON.parse(localStorage.getItem("basket") || "[]");

function total() {
  let cents = 0;
  for (const item of basket) {
    cents += item.cents * item.count;
  }
  console.log("total", cents);
  return cents;
}

function find(sku) {
  return basket.find((item) => item.sku == sku);
}

function findExactly(sku) {
  return basket.find((item) => item.sku === sku && item.note != null);
}

function save() {
  try {
    localStorage.setItem("basket", JSON.stringify(basket));
  } catch (error) {}
}

function load(url) {
  return fetch(url).catch((error) => {
    document.title = "// debugger; is a word here";
    throw error;
  });
}

function remove(sku) {
  debugger;
  basket.splice(basket.indexOf(find(sku)), 1);
  save();
}

async function order() {
  basket.forEach(async (item) => {
    await fetch("/basket", { method: "POST", body: JSON.stringify(item) });
  });
}

async function orderOneByOne() {
  for (const item of basket) {
    await fetch("/basket", { method: "POST", body: JSON.stringify(item) });
  }
}
